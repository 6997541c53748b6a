"""From verdicts to rewards. Pure functions; pass@k never sees them."""

from __future__ import annotations

from edgewise.tasks.base import Mark, Verdict


def outcome(verdict: Verdict) -> float:
    """1 for a right answer, else 0. A completion that cannot be scored earns nothing; the trainer
    logs the share of those, so that it is never mistaken for wrong answers."""
    return float(verdict.answer is Mark.CORRECT)


def process(verdict: Verdict) -> float:
    """1 where every necessary step and the answer are right, else 0."""
    return float(verdict.process is Mark.CORRECT)
