"""What must be granted before a change is called absent: problems that were not seen, hidden losses, and doubts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edgewise.boundary.inference.means import Estimate
from edgewise.boundary.verdict.evidence import Evidence
from edgewise.boundary.verdict.rules import Case, hides_a_loss, without_a_score
from edgewise.boundary.verdict.ungraded import AS_COUNTED


@dataclass(frozen=True)
class Reservations:
    """What the absence of a change must allow for.

    `at_1`, `at_k` (Delta pass@1 and Delta pass@k) and `new` (problems newly solved beyond chance) have intervals that
    reach at least as far as the share of problems that may have changed without one of them being seen. `hidden_loss`
    says that single problems lost the margin or more together. `doubts` are reasons why nothing may be said at all.
    """

    at_1: Estimate
    at_k: Estimate
    new: Estimate
    hidden_loss: bool
    doubts: tuple[str, ...]


def reservations(e: Evidence, cases: Mapping[str, Case], concerns: Sequence[str]) -> Reservations:
    """The reservations of a verdict that rests on the evidence `e` of all `cases`. `concerns` are reasons from outside
    that forbid a claim."""
    return Reservations(
        at_1=e.widened(e.at_1.estimate),
        at_k=e.widened(e.at_k.estimate),
        new=e.widened(e.expansion, e.solved.problems),
        hidden_loss=any(hides_a_loss(case) for case in cases.values()),
        doubts=(*filter(None, [without_a_score(cases[AS_COUNTED].pairs)]), *concerns),
    )
