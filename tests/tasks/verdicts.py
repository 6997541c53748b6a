"""Verdicts that several tests need."""

from __future__ import annotations

from typing import Any

from edgewise.tasks import Problem, Score, Verdict, World


def all_right(predicted: object) -> Verdict:
    """The verdict on a completion that gives this answer and is right in every respect."""
    return Verdict(Score.CORRECT, Score.CORRECT, predicted=str(predicted))


def verdict_of(world: World, gold: Any, text: str, *, truncated: bool = False) -> Verdict:
    """The verdict on a completion of a problem of which only the gold object is known."""
    return world.verify(Problem(world.world, "train", 0, 0, 1, "", "", "", gold), text, truncated=truncated)
