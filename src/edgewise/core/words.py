"""Numbers of things in words, for messages."""

from __future__ import annotations


def counted(number: int, noun: str) -> str:
    """A number of things: "1 problem", "2 problems"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
