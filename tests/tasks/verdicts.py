"""The verdict on what is right in every respect."""

from __future__ import annotations

from edgewise.tasks import Score, Verdict


def all_right(given: object) -> Verdict:
    """Of a completion that gives this answer."""
    return Verdict(Score.CORRECT, Score.CORRECT, predicted=str(given))
