"""Untrusted text made fit to show: bounded in length, its first wrong step set apart."""

from __future__ import annotations

from dataclasses import dataclass

LIMIT = 4_000


@dataclass(frozen=True, slots=True)
class Excerpt:
    """A text in three parts, `marked` being its first wrong step, and how much was left out.

    `place` names the wrong step; `beyond` says that it lies in what was left out. The parts are
    still untrusted: they are plain text, to be escaped by whoever writes them into a page.
    """

    before: str
    marked: str
    after: str
    omitted: int = 0
    place: str = ""
    beyond: bool = False


def bounded(text: str, limit: int = LIMIT) -> str:
    """The text, or its first `limit` characters with a note of how many more there are."""
    return text if len(text) <= limit else f"{text[:limit]} {omission(len(text) - limit)}"


def omission(characters: int) -> str:
    """The note that stands for what is not shown."""
    return f"[... {characters:,} more characters not shown]"


def excerpt(text: str, first_wrong_step: int | None, limit: int = LIMIT) -> Excerpt:
    """The text cut at `limit` characters, with part `first_wrong_step` between ";" as `marked`.

    Steps are counted from 0; the part after the last ";" is the answer, so a number equal to the
    number of steps marks the answer.
    """
    shown, omitted = text[:limit], max(0, len(text) - limit)
    parts = text.split(";")
    if first_wrong_step is None or not 0 <= first_wrong_step < len(parts):
        return Excerpt(shown, "", "", omitted)
    start = sum(len(part) + 1 for part in parts[:first_wrong_step])
    end = start + len(parts[first_wrong_step])
    place = "Answer" if first_wrong_step == len(parts) - 1 else f"Step {first_wrong_step + 1}"
    return Excerpt(shown[:start], shown[start:end], shown[end:], omitted, place, start >= limit)
