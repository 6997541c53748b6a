"""The claim that hard problems in pre-training set the gain of RL: what its rule says of planted findings."""

from __future__ import annotations

import pytest

from edgewise.claims.headroom import CLAIM, EDGE_REGION, GOLD, LEAST, LITTLE, MOST, TUNED

from .ledger.planted import planted_verdict

BASE, EXTENDED, LESS = (0.02, 0.001), (0.5, 0.1), (0.05, 0.01)
# Study and arm -> success rate at the edge and on hard problems; what is not named is as the base.
AS_PUBLISHED = {(MOST, TUNED): EXTENDED, (LITTLE, TUNED): LESS, (LEAST, GOLD): EXTENDED}


@pytest.mark.parametrize(
    ("changed", "answer"),
    [
        ({}, "holds"),
        ({(MOST, TUNED): LESS, (LITTLE, TUNED): EXTENDED}, "does not hold"),
        ({(MOST, TUNED): LESS}, "cannot tell"),
        ({(LEAST, GOLD): BASE}, "cannot tell"),
    ],
    ids=["as published", "less with more", "as much", "no positive control"],
)
def test_planted_findings(changed: dict[tuple[str, str], tuple[float, float]], answer: str) -> None:
    rates = AS_PUBLISHED | changed

    def rate_of(study: str, arm: str, region: str) -> float:
        edge, hard = rates.get((study, arm), BASE)
        return edge if region == EDGE_REGION else hard

    assert planted_verdict(CLAIM, rate_of).answer == answer
