"""The claim that wide rollouts break the plateau: what its arms differ in, and planted findings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest

from edgewise.claims.ledger.gold import OutcomesWithGold
from edgewise.claims.ledger.quantities import ClaimOutcomes
from edgewise.claims.ledger.rule import claim_verdict
from edgewise.claims.wide_rollouts import (
    BROAD,
    CLAIM,
    CONTINUED,
    LARGE_EPSILON,
    NARROW_MANY,
    NATURAL,
    NATURAL_NARROW,
    PLATEAU,
    RANDOM,
    REGION,
    SAME_RATE,
    TUNED,
    WIDE_FEW,
    WORLD,
)
from edgewise.core.spec import difference
from edgewise.study.stages import RL

from .ledger.planted import outcomes

PROBLEMS, SAMPLES, SEEDS = 64, 16, tuple(range(7))
# Arm -> success rate, and the share of problems whose rarest right answer gains.
RISEN = (0.6, 0.9)
PLANTED = {arm: (0.45, 0.2) for arm in TUNED} | {
    "base": (0.25, 0.0),
    PLATEAU: (0.4, 0.0),
    RANDOM: (0.4, 0.5),
    BROAD: RISEN,
}


def planted(changed: Mapping[str, tuple[float, float]]) -> ClaimOutcomes:
    truth = {**PLANTED, **changed}
    by_arm = {}
    for place, (arm, (rate, _)) in enumerate(truth.items()):
        rng = np.random.default_rng([place, 3])
        rate_P = np.clip(rate * np.linspace(0.9, 1.1, PROBLEMS), 0, 1)
        of_seeds = [outcomes(SAMPLES, rng.binomial(SAMPLES, rate_P).tolist(), region=REGION) for _ in SEEDS]
        by_arm[arm] = [replace(one, set=np.full(PROBLEMS, REGION)) for one in of_seeds]

    def answers(study: str, arm: str) -> Sequence[Mapping[str, Sequence[float]]]:
        """Two right answers, the second the rarer; it gains in the planted share of problems, others at each seed.

        Their sum is the planted rate, which scatters by a point over seeds and by three over problems.
        """
        rate, share = truth[arm]
        of_seeds = []
        for seed in SEEDS:
            rng = np.random.default_rng([seed, len(arm)])
            gains_P, sum_P = rng.permutation(PROBLEMS) < share * PROBLEMS, rate + rng.normal(0, 0.03, PROBLEMS)
            rare_P = np.where(arm == PLATEAU, 0.1, np.where(gains_P, 0.12, 0.08))
            answers_PA = np.stack([sum_P + rng.normal(0, 0.01) - rare_P, rare_P], axis=1)
            of_seeds.append({f"{p:04d}": np.log(answers_A).tolist() for p, answers_A in enumerate(answers_PA)})
        return of_seeds

    return OutcomesWithGold(SEEDS, {"": by_arm}, answers=answers)


@pytest.mark.parametrize(
    ("changed", "answer"),
    [
        ({}, "holds"),
        ({BROAD: (0.43, 0.9)}, "does not hold"),
        ({BROAD: (0.6, 0.05)}, "does not hold"),
        ({BROAD: (0.455, 0.9)}, "cannot tell"),
        ({"base": (0.4, 0.0)}, "cannot tell"),
        ({RANDOM: RISEN}, "cannot tell"),
    ],
    ids=[
        "as published",
        "less",
        "rare are lost",
        "hardly",
        "no rise before",
        "by coin too",
    ],
)
def test_planted_findings(changed: dict[str, tuple[float, float]], answer: str) -> None:
    found = claim_verdict(CLAIM, planted(changed))
    assert found.answer == answer, found.reason


def test_every_arm_goes_on_from_the_plateau_with_as_many_draws_and_differs_in_what_it_is_named_after() -> None:
    study = CLAIM.studies("nano", (0, 1))[""]
    runs = {}
    for arm in TUNED:
        stage = study.by_seed[arm]["0"].parent
        assert isinstance(stage, RL) and stage.parent == study.by_seed[PLATEAU]["0"].parent
        runs[arm] = stage
    assert {r.recipe.steps * r.recipe.sampling.prompts * r.recipe.sampling.samples for r in runs.values()} == {30_720}
    widths = {"recipe.sampling.samples", "recipe.sampling.prompts"}
    assert set(difference(runs[CONTINUED], runs[WIDE_FEW])) == widths
    assert set(difference(runs[NARROW_MANY], runs[BROAD])) == widths
    assert set(difference(runs[NATURAL_NARROW], runs[NATURAL])) == widths
    assert set(difference(runs[BROAD], runs[SAME_RATE])) == {"recipe.optimizer.learning_rate"}
    assert set(difference(runs[BROAD], runs[LARGE_EPSILON])) == {"recipe.optimizer.epsilon"}
    assert all(name.startswith("recipe.loss.function") for name in difference(runs[BROAD], runs[NATURAL]))


def test_problems_have_several_right_answers_and_all_are_listed() -> None:
    for index in range(30):
        problem = WORLD.problem("test", 0, index)
        answers = WORLD.answers(problem)
        assert 2 <= len(answers) <= 3
        assert all(WORLD.verify(problem, answer).answer_correct for answer in answers)
