"""The claim that one example is enough: its arms and quantities, and what its rule says of planted findings."""

from __future__ import annotations

import numpy as np
import pytest

from edgewise.claims.ledger.nano import RARE, nano_world
from edgewise.claims.one_example import (
    CLAIM,
    EXAMPLES,
    FORMAT,
    FRESH,
    FRESH_ALONE,
    GOLD,
    SIXTEEN,
    MeanOfArms,
    RangeOfArms,
)

from .ledger.planted import claim_outcomes, planted_verdict, rl_of

# Arm -> success rate; the base has 35%.
AS_PUBLISHED = {**dict.fromkeys(EXAMPLES, 0.8), SIXTEEN: 0.8, FRESH: 0.8, FORMAT: 0.36, GOLD: 0.8}


@pytest.mark.parametrize(
    ("changed", "answer"),
    [
        ({}, "holds"),
        ({EXAMPLES[0]: 0.9, EXAMPLES[1]: 0.7}, "holds"),
        (dict.fromkeys(EXAMPLES, 0.5), "does not hold"),
        ({FORMAT: 0.8}, "cannot tell"),
        (dict.fromkeys(EXAMPLES, 0.7), "cannot tell"),
        ({GOLD: 0.35}, "cannot tell"),
    ],
    ids=["as published", "examples differ", "less than fresh", "all of it is format", "open", "no positive control"],
)
def test_planted_findings(changed: dict[str, float], answer: str) -> None:
    rates = AS_PUBLISHED | changed
    assert planted_verdict(CLAIM, lambda study, arm, region: rates.get(arm, 0.35)).answer == answer


def test_all_arms_of_rl_draw_as_many_completions_and_differ_in_problems_or_pay() -> None:
    (study,) = CLAIM.studies("nano", (0,)).values()
    models = {arm: rl_of(study, arm) for arm in (*EXAMPLES, SIXTEEN, FRESH, FRESH_ALONE, FORMAT)}
    for arm, model in models.items():
        sampling = model.recipe.sampling
        assert (model.recipe.steps, sampling.prompts * sampling.samples) == (60, 256)
        assert model.recipe.reward.function.kind == ("format" if arm == FORMAT else "process")
        assert model.parent == models[FRESH].parent and model.world == nano_world(*RARE)
    assert models[FRESH].recipe.sampling.curriculum.kind == models[FRESH_ALONE].recipe.sampling.curriculum.kind


def test_the_example_is_another_one_in_each_run_and_one_of_the_sixteen() -> None:
    (study,) = CLAIM.studies("nano", (0,)).values()

    def problems(arm: str) -> list[str]:
        model = rl_of(study, arm)
        pool = model.recipe.sampling.curriculum.start(model.world, model.split, model.seed)
        return [problem.id for problem in pool.next(16)]

    examples = [problems(arm) for arm in EXAMPLES]
    assert [len(example) for example in examples] == [1, 1, 1] and len({id for (id,) in examples}) == 3
    assert examples[0][0] in problems(SIXTEEN)


def test_the_mean_and_the_spread_of_arms_by_hand() -> None:
    """Two problems of four samples, two seeds: arms a and b solve 1/2 and 1/4 of them, then 3/4 and 1/2; the base 0."""
    outcomes = claim_outcomes(4, {"base": [[0, 0], [0, 0]], "a": [[2, 2], [2, 4]], "b": [[0, 2], [2, 2]]})
    mean = MeanOfArms(name="mean", arms=("a", "b"), region="all", k=1).measure(outcomes)
    np.testing.assert_allclose(mean.values, [[0.25, 0.5], [0.5, 0.75]])
    less = MeanOfArms(name="less", arms=("a", "b"), than="a", region="all", k=1).measure(outcomes)
    np.testing.assert_allclose(less.values, [[-0.25, 0.0], [0.0, -0.25]])
    spread = RangeOfArms(name="spread", arms=("a", "b"), region="all", k=1).measure(outcomes)
    np.testing.assert_allclose(spread.values, [0.25, 0.25])
