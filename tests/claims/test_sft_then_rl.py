"""The claim that RL expands from a base and sharpens after SFT: planted findings, equal arms, the best of the seeds."""

from __future__ import annotations

import numpy as np
import pytest

from edgewise.claims.sft_then_rl import (
    CHECKPOINTS,
    CLAIM,
    LATE,
    LENGTHS,
    LONG,
    REGION,
    TUNED,
    BestOfOthers,
    checkpoint,
    fine_tuned,
    then_rl,
)
from edgewise.study.stages import RL, SFT

from .ledger.planted import claim_outcomes, planted_verdict

BASE, SHARPENED = 0.02, 0.9
# Arm of the late checkpoint -> success rate. After SFT 16 samples find every solution, before RL and after it.
AS_PUBLISHED = {TUNED: 0.4, fine_tuned(LONG): 0.5, then_rl(LONG): SHARPENED}


@pytest.mark.parametrize(
    ("changed", "answer"),
    [
        ({}, "holds"),
        ({fine_tuned(LONG): 0.05, then_rl(LONG): 0.4}, "does not hold"),
        ({TUNED: 0.001}, "does not hold"),
        ({then_rl(LONG): 0.1}, "does not hold"),
        ({then_rl(LONG): 0.5}, "cannot tell"),
        ({fine_tuned(LONG): BASE, then_rl(LONG): 0.04}, "cannot tell"),
    ],
    ids=["as published", "expands after SFT too", "nothing from a base", "loses", "as much", "no positive control"],
)
def test_planted_findings(changed: dict[str, float], answer: str) -> None:
    rates = AS_PUBLISHED | changed

    def rate_of(study: str, arm: str, region: str) -> float:
        return rates.get(arm, BASE) if study == checkpoint(LATE) else BASE

    assert planted_verdict(CLAIM, rate_of).answer == answer


def test_best_of_the_other_seeds_minus_a_seed() -> None:
    # pass@1 by seed is 2/8, 6/8, 4/8, 0.
    planted = claim_outcomes(8, {"RL": [[2, 2], [4, 8], [8, 0], [0, 0]]})
    quantity = BestOfOthers(name="best", arm="RL", region="all", k=1)
    np.testing.assert_allclose(quantity.measure(planted).values, [0.5, -0.25, 0.25, 0.75])
    # Of seeds that are alike nothing is promised too much; of one seed nothing can be said.
    alike = claim_outcomes(8, {"RL": [[3, 5]] * 4})
    np.testing.assert_allclose(quantity.measure(alike).values, 0.0)
    assert np.isnan(quantity.measure(claim_outcomes(8, {"RL": [[3, 5]]})).values).all()


def test_rl_is_the_same_from_a_base_and_after_sft_and_all_are_asked_alike() -> None:
    studies = CLAIM.studies("nano", (0,))
    assert [*studies] == [*map(checkpoint, CHECKPOINTS)]
    evaluations = [evaluation for study in studies.values() for evaluation in study.evaluations.values()]
    assert len({(e.world, e.problems, e.samples, e.sampling, e.seed) for e in evaluations}) == 1
    assert {*evaluations[0].world.levels} == {5, 6, 7, 8} and {*studies[checkpoint(LATE)].regions} == {REGION}
    tuned = [e.parent for e in evaluations if isinstance(e.parent, RL)]
    assert len({(rl.world, rl.recipe, rl.seed) for rl in tuned}) == 1 and tuned[0].world == evaluations[0].world
    late = studies[checkpoint(LATE)].evaluations
    for steps in LENGTHS:
        after, before = late[then_rl(steps)].parent, late[fine_tuned(steps)].parent
        assert isinstance(before, SFT) and before.recipe.steps == steps and before.world == tuned[0].world
        assert isinstance(after, RL) and after.parent == before and before.parent == late["base"].parent
