"""The claim that RL extends only at the edge of competence: what its rule says of planted findings."""

from __future__ import annotations

import pytest

from edgewise.claims.edge_of_competence import (
    CLAIM,
    EDGE_REGION,
    EDGE_RL,
    GOLD,
    HARD_REGION,
    HARD_RL,
    INSIDE_RL,
    ReleasedPass,
)
from edgewise.claims.ledger.quantities import ClaimOutcomes

from .ledger.planted import planted_verdict

# Arm -> its success rate at the edge and on hard problems; what is not named is as the base.
EXTENDED, BASE = (0.8, 0.05), (0.04, 0.002)
AS_PUBLISHED = {EDGE_RL: EXTENDED, GOLD: EXTENDED, INSIDE_RL: (0.03, 0.002)}


@pytest.mark.parametrize(
    ("changed", "answer"),
    [
        ({}, "holds"),
        ({EDGE_RL: BASE}, "does not hold"),
        ({HARD_RL: (0.8, 0.3)}, "does not hold"),
        ({INSIDE_RL: (0.041, 0.002)}, "cannot tell"),
        ({GOLD: BASE}, "cannot tell"),
    ],
    ids=["as published", "no extension", "extended from hard", "inside is open", "no positive control"],
)
def test_planted_findings(changed: dict[str, tuple[float, float]], answer: str) -> None:
    rates = AS_PUBLISHED | changed

    def rate_of(study: str, arm: str, region: str) -> float:
        edge, hard = rates.get(arm, BASE)
        return {EDGE_REGION: edge, HARD_REGION: hard}.get(region, 0.95)

    assert planted_verdict(CLAIM, rate_of, seeds=6).answer == answer


def test_the_released_scorer_fails_perfect_solutions_and_ours_does_not() -> None:
    no_study = ClaimOutcomes((0, 1, 2), {})
    released = ReleasedPass(name="released", first=11, last=14, problems=24)
    ours = released.model_copy(update={"scorer": "verified"})
    assert 0.4 < released.measure(no_study).mean().value < 0.8
    assert ours.measure(no_study).mean().value == 1
    by_answers = released.by_answers()
    assert by_answers is not None
    assert by_answers.measure(no_study).mean().value == 1
    # Forward solutions have no words beside their equations.
    assert ReleasedPass(name="two", first=2, last=2, problems=24).measure(no_study).mean().value == 1
