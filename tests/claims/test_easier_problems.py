"""The claim that easier problems rescue what nobody solves: planted findings, and what arms differ in."""

from __future__ import annotations

import math

import pytest

from edgewise.claims.easier_problems import (
    ALL,
    ALONE,
    CLAIM,
    GAP,
    GOLD,
    HALF,
    HARDLY_MIXED,
    MANY,
    NEVER_REGION,
    WORLDS,
    with_many,
)
from edgewise.claims.ledger.gold import OutcomesWithGold
from edgewise.claims.ledger.rule import claim_verdict
from edgewise.core.spec import digest, override
from edgewise.study.stages import RL
from edgewise.tasks import Mixture

from .ledger.planted import planted_outcomes

NOTHING, SOME = 0.0005, 0.05
# Arm -> success rate on problems that nobody solved, and log10 of the probability of gold; other arms are alike.
AS_PUBLISHED = {HALF: SOME, GOLD: SOME}
LIKELIHOODS = {ALL: -2.0, GAP: -5.0}


@pytest.mark.parametrize(
    ("rates", "likelihoods", "answer"),
    [
        ({}, {}, "holds"),
        ({}, {ALL: -5.0, GAP: -2.0}, "does not hold"),
        ({ALONE: 0.2}, {}, "does not hold"),
        ({HALF: NOTHING}, {}, "cannot tell"),
        ({GOLD: NOTHING}, {}, "cannot tell"),
    ],
    ids=["as published", "the gap helps", "easier ones inhibit", "no rescue", "no positive control"],
)
def test_planted_findings(rates: dict[str, float], likelihoods: dict[str, float], answer: str) -> None:
    rate_of_arm, powers = AS_PUBLISHED | rates, LIKELIHOODS | likelihoods

    def gold(study: str, arm: str) -> list[dict[str, float]]:
        power = powers.get(arm, -7.0)
        return [{f"{p:04d}": (power + 0.1 * seed) * math.log(10) for p in range(3 * 96)} for seed in range(5)]

    planted = planted_outcomes(
        CLAIM, lambda study, arm, region: rate_of_arm.get(arm, NOTHING) if region == NEVER_REGION else 0.1
    )
    found = claim_verdict(CLAIM, OutcomesWithGold(planted.seeds, planted.by_study, gold=gold))
    assert found.answer == answer


def test_arms_differ_in_their_problems_alone_and_draw_as_much() -> None:
    evaluations = CLAIM.studies("nano", (0,))[""].evaluations
    few = {arm: stage for arm in WORLDS if isinstance(stage := evaluations[arm].parent, RL)}
    assert len({digest(stage.world) for stage in few.values()}) == len(WORLDS) == 8
    for stage in few.values():
        assert stage.recipe == few[ALONE].recipe and stage.parent == few[ALONE].parent
        assert stage.recipe.sampling.prompts * stage.recipe.sampling.samples == 256
    for arm in (ALONE, HALF):
        many = evaluations[with_many(arm)].parent
        assert isinstance(many, RL) and many.recipe.sampling.samples == MANY
        sizes = [f"recipe.sampling.prompts={256 // MANY}", f"recipe.sampling.samples={MANY}"]
        assert override(few[arm], sizes) == many


def test_half_of_the_problems_are_hard_wherever_arms_differ_in_the_others() -> None:
    for arm in (HALF, ALL, GAP, HARDLY_MIXED):
        world = WORLDS[arm]
        assert isinstance(world, Mixture) and [part.share for part in world.parts] == [0.5, 0.5]
    gap, smooth = WORLDS[GAP], WORLDS[ALL]
    assert isinstance(gap, Mixture) and isinstance(smooth, Mixture)
    assert [[*part.world.levels] for part in gap.parts] == [[7], [1, 2, 3, 4]]
    assert [[*part.world.levels] for part in smooth.parts] == [[7], [1, 2, 3, 4, 5, 6]]
