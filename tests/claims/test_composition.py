"""The claim that RL composes known skills into new ones: its world, independent steps, and planted findings."""

from __future__ import annotations

import numpy as np
import pytest

from edgewise.claims.composition import (
    ASKED,
    CLAIM,
    COMPOSED_REGION,
    GOLD,
    KNOWN_REGION,
    MAIN,
    NEGATIVE,
    ON_COMPOSED,
    ON_KNOWN,
    POSITIVE,
    REJECTION,
    TRAINED,
    BeyondSteps,
    OperatorChains,
    chains,
)
from edgewise.claims.ledger.quantities import ClaimOutcomes
from edgewise.core.spec import difference
from edgewise.study.stages import RL, Pretrain
from edgewise.tasks import Mixture, World

from .ledger.planted import outcomes, planted_verdict

BASE, COMPOSES = 0.2, 0.5
AS_PUBLISHED = {(MAIN, ON_COMPOSED): COMPOSES, (MAIN, GOLD): 0.9}


@pytest.mark.parametrize(
    ("changed", "answer"),
    [
        ({}, "holds"),
        ({(MAIN, ON_COMPOSED): BASE}, "does not hold"),
        ({(MAIN, ON_KNOWN): COMPOSES}, "does not hold"),
        ({(MAIN, REJECTION): 0.7}, "does not hold"),
        ({(MAIN, REJECTION): COMPOSES}, "cannot tell"),
        ({(MAIN, GOLD): BASE}, "cannot tell"),
    ],
    ids=["as published", "none", "on known too", "rejection more", "rejection as much", "no gold"],
)
def test_planted_findings(changed: dict[tuple[str, str], float], answer: str) -> None:
    rates = AS_PUBLISHED | changed

    def rate_of(study: str, arm: str, region: str) -> float:
        return rates.get((study, arm), BASE) if region == COMPOSED_REGION else 0.9

    found = planted_verdict(CLAIM, rate_of)
    assert found.answer == answer, found.reason


def trained(arm: str) -> RL:
    stage = CLAIM.studies("nano", (0, 1))[MAIN].by_seed[arm]["0"].parent
    assert isinstance(stage, RL)
    return stage


def operators_of(world: World) -> str:
    assert isinstance(world, OperatorChains)
    return world.operators


def test_problems_have_the_operators_of_their_group_alone_and_splits_stay_apart() -> None:
    for world in (chains((1, 5), TRAINED), chains((1, 5), ASKED)):
        problems = [world.problem("test", 0, index) for index in range(100)]
        seen = {node.operator for problem in problems for node in problem.gold.nodes if node.operator}
        assert seen == set(world.operators)
        assert all(world.verify(problem, world.solution(problem)).process_correct for problem in problems)
        assert not {problem.id for problem in problems} & {world.problem("train", 0, i).id for i in range(300)}


def test_independent_steps_by_hand() -> None:
    """Known chains of 3 are right in 81 of 256: so each step in 3/4 to the power of 4/3, and 3 of them in 0.316."""
    known, whole = outcomes(256, [81] * 2, region="known"), outcomes(256, [128, 64], region="whole")
    arm = [
        type(known)(
            problem=np.array(["0", "1", "2", "3"]),
            level=np.array([3, 3, 4, 4]),
            problem_S=np.concatenate([known.problem_S, whole.problem_S + 2]),
            sample_S=np.concatenate([known.sample_S, whole.sample_S]),
            answer_S=np.concatenate([known.answer_S, whole.answer_S]),
            process_S=np.concatenate([known.process_S, whole.process_S]),
            set=np.array(["known", "known", "whole", "whole"]),
        )
    ]
    beyond = BeyondSteps(name="beyond", arm="base", region="whole", steps=(3, 6), known="known", known_steps=3)
    known_rate = 81 / 256
    expected = (0.5 + 0.25) / 2 - (known_rate + known_rate**2) / 2
    values = beyond.measure(ClaimOutcomes((0,), {"": {"base": arm}})).values
    np.testing.assert_allclose(values, [expected])


def test_controls_differ_from_rl_in_their_algorithm_alone_and_have_its_draws_and_updates() -> None:
    runs = {arm: trained(arm) for arm in (ON_COMPOSED, POSITIVE, NEGATIVE, REJECTION)}
    for arm in (POSITIVE, NEGATIVE):
        assert all(name.startswith("recipe.advantage") for name in difference(runs[ON_COMPOSED], runs[arm]))
    recipes = [runs[arm].recipe for arm in (ON_COMPOSED, REJECTION)]
    sizes = {(r.steps, r.sampling.prompts, r.sampling.samples, r.optimizer.minibatches) for r in recipes}
    assert len(sizes) == 1
    assert runs[ON_COMPOSED].world == runs[REJECTION].world
    assert {r.reward.function.kind for r in recipes} == {"process"}


def test_what_is_asked_is_in_no_training() -> None:
    """Chains of - and * are never longer than the known ones in pre-training, and are none of RL's."""
    study = CLAIM.studies("nano", (0, 1))[MAIN]
    base = study.by_seed["base"]["0"]
    assert isinstance(base.parent, Pretrain) and isinstance(base.parent.world, Mixture)
    known, traces = (part.world for part in base.parent.world.parts)
    assert (operators_of(known), max(known.levels)) == ("+-*", max(study.regions[KNOWN_REGION]))
    assert operators_of(traces) == operators_of(trained(ON_COMPOSED).world) == TRAINED
    assert min(study.regions[COMPOSED_REGION]) > max(known.levels)
    assert operators_of(base.world) == ASKED
