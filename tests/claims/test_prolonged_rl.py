"""The claim on prolonged RL: what its rule says of planted findings, what its runs differ in."""

from __future__ import annotations

from typing import Any

import pytest

from edgewise.claims.prolonged_rl import (
    CLAIM,
    CLEARED,
    FIXED,
    FIXED_EARLY,
    FREE,
    FREE_EARLY,
    GOLD,
    HARD,
    POOL,
    RANDOM,
    RESET,
    RUNS,
    THIRD,
)
from edgewise.core.spec import plain

from .ledger.planted import planted_verdict

METRICS = [[{"kl_to_start": 0.1, "entropy": 0.05}]] * 5
# Arm -> success rate on hard problems; what is not named is as the base.
BASE, HELD, FREED = 0.002, 0.02, 0.1
AS_PUBLISHED = {
    **dict.fromkeys((FREE, FIXED, FREE_EARLY, FIXED_EARLY), HELD),
    **dict.fromkeys((RESET, CLEARED, GOLD), FREED),
}


@pytest.mark.parametrize(
    ("changed", "answer"),
    [
        ({}, "holds"),
        ({CLEARED: 0.005}, "does not hold"),
        ({FIXED: 0.3}, "does not hold"),
        ({FIXED: FREED}, "cannot tell"),
        ({GOLD: BASE}, "cannot tell"),
        ({RANDOM: FREED}, "cannot tell"),
    ],
    ids=["as published", "loses again", "fixed is better", "fixed is as good", "no positive control", "a coin does it"],
)
def test_planted_findings(changed: dict[str, float], answer: str) -> None:
    rates = AS_PUBLISHED | changed

    def rate_of(study: str, arm: str, region: str) -> float:
        return rates.get(arm, BASE) if region == HARD else 0.5

    assert planted_verdict(CLAIM, rate_of, training=lambda study, arm: METRICS).answer == answer


def spec_of(arm: str) -> dict[str, Any]:
    """The spec of an arm's RL at nano scale."""
    return plain(CLAIM.studies("nano", (0,))[""].by_seed[arm][None].parent)


def test_runs_differ_in_what_is_compared_alone() -> None:
    specs = {arm: spec_of(arm) for arm in RUNS}
    kl = {arm: spec["recipe"]["loss"].pop("kl") for arm, spec in specs.items()}
    assert specs[FREE] == specs[FIXED] == specs[RESET] == specs[CLEARED]
    assert specs[FREE_EARLY] == specs[FIXED_EARLY]
    resets = {arm: one.pop("reset") for arm, one in kl.items()}
    assert kl[FIXED] == kl[RESET] == kl[CLEARED] == kl[FIXED_EARLY] and kl[FREE]["coefficient"] == 0
    assert [resets[arm].get("optimizer") for arm in (FIXED, RESET, CLEARED)] == [None, "keep", "clear"]
    assert resets[CLEARED]["every"] == THIRD
    assert specs[FREE_EARLY]["recipe"].pop("steps") == THIRD and specs[FREE]["recipe"].pop("steps") == 3 * THIRD
    assert specs[POOL]["recipe"]["sampling"].pop("curriculum")["size"] == 48
    assert specs[FREE]["recipe"] == specs[FREE_EARLY]["recipe"]
