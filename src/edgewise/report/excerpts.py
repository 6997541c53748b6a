"""Excerpts of untrusted text: bounded in length, with the first wrong step marked."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import accumulate, pairwise

LIMIT = 4_000
_WORDED_STEP = re.compile(r"\bDefine\b|\bWe know\b|\bAnswer\b|<answer>")


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
    """The text cut at `limit` characters, with step `first_wrong_step` as `marked`.

    Steps are counted from 0: in worded solutions from each "Define", then the equation ("We know")
    and the answer; in others the parts between ";", the last being the answer.
    """
    shown, omitted = text[:limit], max(0, len(text) - limit)
    steps = _steps(text)
    if first_wrong_step is None or not 0 <= first_wrong_step < len(steps):
        return Excerpt(shown, "", "", omitted)
    start, end = steps[first_wrong_step]
    place = "Answer" if first_wrong_step == len(steps) - 1 else f"Step {first_wrong_step + 1}"
    return Excerpt(shown[:start], shown[start:end], shown[end:], omitted, place, start >= limit)


def _steps(text: str) -> list[tuple[int, int]]:
    """Where each step starts and ends."""
    if "Define" in text:
        starts = [match.start() for match in _WORDED_STEP.finditer(text)]
        return list(pairwise([*starts, len(text)]))
    ends = list(accumulate(len(part) + 1 for part in text.split(";")))
    return [(start, end - 1) for start, end in pairwise([0, *ends])]
