"""Quantities of a claim against numbers by hand."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import ClassVar, Literal

import numpy as np
import pytest

from edgewise.boundary.inference.estimators import pass_at_k
from edgewise.boundary.inference.two_way import two_way_mean
from edgewise.claims.ledger.quantities import (
    ClaimOutcomes,
    Contrast,
    CrossoverK,
    MetricSpread,
    PassAtK,
    PassDifference,
    ProcessGap,
    SeedQuantity,
    TwoDraws,
)
from edgewise.core.errors import InputError
from edgewise.outcomes.outcomes import Outcomes

from .planted import claim_outcomes, outcomes

BASE = [[0, 2, 4, 8], [1, 2, 3, 8], [0, 0, 4, 8]]
TUNED = [[0, 4, 8, 8], [0, 6, 8, 8], [1, 2, 8, 8]]
PLANTED = claim_outcomes(8, {"base": BASE, "tuned": TUNED})


def passes(counts: list[list[int]], k: int, n: int = 8) -> np.ndarray:
    return np.array([[pass_at_k(n, c, k) for c in of_seed] for of_seed in counts]).T


@pytest.mark.parametrize("k", [1, 2, 4])
def test_a_difference_is_that_of_pass_at_k_over_problems_and_seeds(k: int) -> None:
    measured = PassDifference(name="gain", arm="tuned", region="all", k=k).measure(PLANTED)
    expected = passes(TUNED, k) - passes(BASE, k)
    np.testing.assert_allclose(measured.values, expected)
    mean, reference = measured.mean(), two_way_mean(expected)
    assert (mean.value, mean.p, mean.interval(0.95)) == (reference.value, reference.p, reference.interval(0.95))
    np.testing.assert_allclose(mean.value_R, expected.mean(axis=0))


def test_the_other_arm_may_be_taken_at_another_k() -> None:
    gap = PassDifference(name="gap", arm="tuned", region="all", k=1, than_k=4).measure(PLANTED)
    np.testing.assert_allclose(gap.values, passes(TUNED, 1) - passes(BASE, 4))


def test_a_contrast_is_one_change_less_another() -> None:
    changes = [PassDifference(name=arm, arm=arm, than="base", region="all", k=2) for arm in ("tuned", "base")]
    measured = Contrast(name="contrast", of=changes[0], than=changes[1]).measure(PLANTED)
    np.testing.assert_allclose(measured.values, passes(TUNED, 2) - passes(BASE, 2))


def test_answers_stand_beside_process() -> None:
    planted = ClaimOutcomes((0, 1, 2), {"": {"base": [outcomes(8, [0, 2, 4], answer=[8, 2, 6])] * 3}})
    level = PassAtK(name="base", arm="base", region="all", k=1)
    twin = level.by_answers()
    assert twin is not None
    assert twin.by_answers() is None
    assert level.measure(planted).mean().value == pytest.approx((0 + 2 + 4) / 24)
    assert twin.measure(planted).mean().value == pytest.approx((8 + 2 + 6) / 24)
    gap = ProcessGap(name="gap", arm="base", region="all")
    assert gap.measure(planted).mean().value == pytest.approx((8 + 0 + 2) / 24)
    assert gap.by_answers() is None


def test_two_draws_are_the_halves_of_one() -> None:
    noise = TwoDraws(name="noise", region="all", k=1).measure(PLANTED)
    halves = noise.values * 4  # four samples a half
    np.testing.assert_allclose(halves, np.round(halves))
    assert (noise.values[3] == 0).all()  # all eight are right
    assert (np.abs(halves) <= np.array(BASE).T).all()


def test_several_studies_are_decodings_each_arm_at_its_best() -> None:
    rng = np.random.default_rng(5)
    good, bad = rng.binomial(64, 0.6, (3, 40)).tolist(), rng.binomial(64, 0.2, (3, 40)).tolist()

    def study(base: list[list[int]], tuned: list[list[int]]) -> dict[str, list[Outcomes]]:
        return {"base": [outcomes(64, one) for one in base], "tuned": [outcomes(64, one) for one in tuned]}

    planted = ClaimOutcomes((0, 1, 2), {"cold": study(bad, good), "hot": study(good, bad)})

    def gain(*studies: str) -> float:
        difference = PassDifference(name="gain", arm="tuned", region="all", k=1, studies=studies)
        return difference.measure(planted).mean().value

    assert gain() == gain("cold") > 0.3
    assert gain("hot") < -0.3
    assert abs(gain("cold", "hot")) < 0.05


def test_the_crossover_has_a_number_for_each_seed() -> None:
    # The base solves everything rarely, the arm half of the problems always.
    planted = claim_outcomes(16, {"base": [[4] * 8] * 3, "tuned": [[16] * 4 + [0] * 4] * 3})
    crossing = CrossoverK(name="k", arm="tuned", region="all").measure(planted).mean()
    assert crossing.seeds == 3
    assert 1 < crossing.value < 4
    never = CrossoverK(name="k", arm="base", than="tuned", region="all").measure(
        claim_outcomes(16, {"base": [[8, 8]] * 3, "tuned": [[4, 4]] * 3})
    )
    assert math.isinf(never.mean().value)
    assert math.isnan(never.mean().interval(0.95).low)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"arm": "turned"}, "quantity 'gain': arm: 'turned' is unknown (did you mean tuned?); there are base, tuned"),
        ({"region": "edge"}, "quantity 'gain': region: 'edge' is unknown; there are all"),
        ({"studies": ("hot",)}, "quantity 'gain': study: 'hot' is unknown; there are "),
        ({"k": 8}, "quantity 'gain': k 8 needs 16 samples of each problem, and 8 are measured"),
    ],
)
def test_what_the_studies_do_not_have_is_refused_by_name(changes: dict[str, object], message: str) -> None:
    quantity = PassDifference(name="gain", arm="tuned", region="all", k=1).model_copy(update=changes)
    with pytest.raises(InputError) as refused:
        quantity.measure(PLANTED)
    assert str(refused.value) == message


def test_a_spread_of_a_training_metric_is_the_most_of_an_arm_by_the_least() -> None:
    steps = {"base": [{"drawn": 4.0, "kl": 0.1}, {"drawn": 4.0}], "tuned": [{"drawn": 8.0}, {"drawn": 4.0, "kl": 0.3}]}
    planted = replace(PLANTED, training=lambda study, arm: [steps[arm]] * 3)
    drawn = MetricSpread(name="draws", arms=("base", "tuned"), run_metric="drawn", over="sum")
    last = drawn.model_copy(update={"run_metric": "kl", "over": "last"})
    np.testing.assert_allclose(drawn.measure(planted).values, [12 / 8] * 3)
    np.testing.assert_allclose(last.measure(planted).values, [0.3 / 0.1] * 3)
    assert drawn.by_answers() is None
    # What was never trained, as where a claim is checked before a run, has no spread; and a run without updates no KL.
    assert np.isnan(drawn.measure(PLANTED).values).all()
    still = replace(PLANTED, training=lambda study, arm: [steps[arm], [{"drawn": 1.0}], steps[arm]])
    np.testing.assert_array_equal(np.isnan(last.measure(still).values), [False, True, False])
    with pytest.raises(InputError, match="quantity 'draws': no run has the metric 'KL'"):
        drawn.model_copy(update={"run_metric": "KL"}).measure(planted)


def test_an_interval_keeps_within_what_the_quantity_can_be() -> None:
    class Share(SeedQuantity):
        bounds: ClassVar[tuple[float, float]] = (0.0, 1.0)
        kind: Literal["share"] = "share"

        def values_R(self, outcomes: ClaimOutcomes) -> np.ndarray:
            return np.array([0.9, 1.0, 1.0])

    measured = Share(name="share").measure(PLANTED)
    assert measured.interval(0.95).high == 1.0
    assert 0.7 < measured.interval(0.95).low < measured.mean().value
    # Less an end of a range, the bounds move with the values.
    assert measured.mean(minus=0.25).interval(0.95).high == 0.75
    assert measured.problems is None
