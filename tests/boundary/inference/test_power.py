from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from edgewise.boundary.inference.estimators import pass_at_k
from edgewise.boundary.inference.means import unseen_share
from edgewise.boundary.inference.power import (
    DEFAULT_BETA,
    detectable,
    mcnemar_power,
    plan_samples,
    power_at,
    standard_error,
)
from edgewise.boundary.measures.solved import mcnemar
from edgewise.core.errors import InputError
from edgewise.outcomes.counts import Counts


def test_power_is_the_share_of_normal_estimates_that_reject() -> None:
    draws = np.random.default_rng(0).normal(0.03, 0.01, 400_000)
    for confidence in (0.9, 0.95, 0.999):
        rejected = np.mean(np.abs(draws) > 0.01 * stats.norm.ppf((1 + confidence) / 2))
        assert power_at(0.03, 0.01, confidence) == pytest.approx(rejected, abs=0.003)
        assert power_at(-0.03, 0.01, confidence) == power_at(0.03, 0.01, confidence)
        assert power_at(0.0, 0.01, confidence) == pytest.approx(1 - confidence)


@given(st.floats(1e-4, 0.2), st.floats(0.9, 0.9999), st.floats(0.6, 0.99))
def test_the_detectable_difference_has_the_power_asked_for(se: float, confidence: float, power: float) -> None:
    assert power_at(detectable(se, confidence, power), se, confidence) == pytest.approx(power, abs=1e-3)


def test_at_95_percent_and_power_80_percent_2_8_standard_errors_are_detected() -> None:
    assert detectable(1.0, 0.95) == pytest.approx(2.8016, abs=1e-4)


def test_no_spread_is_full_power_except_for_no_difference() -> None:
    assert power_at(0.1, 0.0, 0.95) == 1
    assert power_at(0.0, 0.0, 0.95) == pytest.approx(0.05)


def test_the_standard_error_is_read_off_the_interval() -> None:
    assert standard_error(1.959964, 0.95) == pytest.approx(1, abs=1e-6)


def test_a_change_of_a_share_unseen_by_all_units_is_as_rare_as_the_confidence_says() -> None:
    for units, confidence in ((1, 0.95), (100, 0.95), (500, 0.99)):
        assert (1 - unseen_share(units, confidence)) ** units == pytest.approx((1 - confidence) / 2)
    assert unseen_share(100, 0.95) == pytest.approx(0.0362, abs=1e-4)


@pytest.mark.parametrize(
    ("base_only", "tuned_only", "problems", "power"),
    [(3.9, 0, 30, 0.19), (18, 5, 500, 0.74), (10, 5, 500, 0.178)],
)
def test_power_of_published_tables(base_only: float, tuned_only: float, problems: int, power: float) -> None:
    """13% against 0% of 30 problems, and 3.6% against 1%, 2% against 1% of 500."""
    assert mcnemar_power(base_only, tuned_only, problems) == pytest.approx(power, abs=0.005)


@pytest.mark.parametrize(
    ("base_only", "tuned_only", "alpha"), [(3, 1, 0.05), (0, 6, 0.05), (2.5, 2.5, 0.2), (9, 0, 0.01)]
)
def test_mcnemar_power_is_the_sum_over_all_tables(base_only: float, tuned_only: float, alpha: float) -> None:
    problems, rates = 12, np.array([base_only, tuned_only]) / 12
    expected = sum(
        stats.multinomial.pmf([b, t, problems - b - t], problems, [*rates, 1 - rates.sum()])
        for b, t in product(range(13), repeat=2)
        if b + t <= problems and mcnemar(b, t) <= alpha
    )
    assert mcnemar_power(base_only, tuned_only, problems, alpha) == pytest.approx(expected, abs=1e-12)


def test_nothing_discordant_is_never_significant() -> None:
    assert mcnemar_power(0, 0, 100) == 0


@pytest.mark.parametrize("effect", [0.05, -0.05])
def test_the_planned_spread_is_that_of_simulated_differences(effect: float) -> None:
    """Mean, standard error and widening of a design against 40,000 simulated problems."""
    problems, n, k = 40_000, 64, 16
    found = plan_samples(None, k=k, effect=effect, problems=[problems])
    rng = np.random.default_rng(1)
    p_P = rng.beta(*DEFAULT_BETA, problems)
    moved_P = (rng.random(problems) < found.share) & ((p_P < 0.05) if effect > 0 else (p_P >= 0.05))
    tuned_P = np.where(moved_P, 0.05 if effect > 0 else 0.0, p_P)
    difference_P = pass_at_k(n, rng.binomial(n, tuned_P), k) - pass_at_k(n, rng.binomial(n, p_P), k)
    design = found.designs[0]
    assert (design.samples, design.draws) == (n, 2 * problems * n)
    assert difference_P.mean() == pytest.approx(effect, abs=4 * design.se)
    assert difference_P.std() / problems**0.5 == pytest.approx(design.se, rel=0.02)
    small = plan_samples(None, k=k, effect=effect, problems=[100]).designs[0]
    # Of the two differences of a verdict, that of pass@k is taken to be tested at half of alpha.
    t, skewness = stats.t.ppf(0.9875, 99), stats.skew(difference_P)
    widened = t / stats.norm.ppf(0.9875) * (1 + skewness**2 / 100 * (t**4 + 2 * t**2 - 3) / 18)
    assert small.detectable / detectable(small.se, 0.975) == pytest.approx(widened, rel=0.01)


def test_enough_problems_are_the_fewest() -> None:
    found = plan_samples(None, k=8, effect=-0.1, power=0.9, comparisons=3)
    assert found.confidence == pytest.approx(1 - 0.05 / 3 / 2)
    assert [one.samples for one in found.enough] == [32, 64, 128]
    assert found.cheapest == min(found.enough, key=lambda one: one.draws)
    for enough in found.enough:
        assert enough.power >= 0.9
        fewer = plan_samples(None, k=8, effect=-0.1, comparisons=3, problems=[enough.problems - 1]).designs
        assert next(one.power for one in fewer if one.samples == enough.samples) < 0.9


def test_power_grows_with_problems_and_samples_and_falls_with_comparisons() -> None:
    found = plan_samples(None, k=16, effect=0.05)
    table = {(one.problems, one.samples): one.power for one in found.designs}
    assert len(table) == 21
    assert table[100, 64] < table[100, 256] < table[500, 256] <= 1
    many = plan_samples(None, k=16, effect=0.05, comparisons=20)
    assert many.cheapest.problems > found.cheapest.problems


def test_a_base_lends_its_success_rates() -> None:
    """Half of the problems never solved and half always: the moved ones are a known share of the unsolved, and the
    difference is a coin toss for each problem, blurred by the samples."""
    base = Counts.of(64, [0] * 50 + [64] * 50)
    found = plan_samples(base, k=16, effect=0.1, problems=[100], moved_p=0.5)
    assert found.share == pytest.approx(0.2, rel=1e-4)
    assert found.population == "the base's 100 problems"
    assert found.designs[0].se == pytest.approx((0.1 * 0.9 / 100) ** 0.5, rel=0.01)
    lost = plan_samples(base, k=16, effect=-0.1, problems=[100])
    assert lost.share == pytest.approx(0.2)
    assert lost.designs[0].se == pytest.approx((0.1 * 0.9 / 100) ** 0.5)


def test_the_alternative_is_said() -> None:
    base = Counts.of(64, [0] * 50 + [64] * 50)
    assert plan_samples(base, k=16, effect=-0.1).alternative == (
        "of the problems solved with p >= 0.05, 20.0% are never solved any more"
    )
    assert "become solvable with p = 0.05" in plan_samples(None, k=16, effect=0.05).alternative


def test_draws_to_certify_one_problem() -> None:
    assert plan_samples(None, k=16, effect=0.05).certify_draws == 2995
    assert plan_samples(None, k=16, effect=0.05, certify_rate=1e-4).certify_draws == 29_956
    assert plan_samples(None, k=16, effect=0.05, comparisons=30).certify_draws == 6394


def test_bad_input() -> None:
    solved = Counts.of(64, [64] * 10)
    with pytest.raises(InputError, match=r"effect: \+5.0 points of pass@16; the base already solves every problem"):
        plan_samples(solved, k=16, effect=0.05)
    with pytest.raises(InputError, match=r"at most -50\.0"):
        plan_samples(Counts.of(64, [0, 64]), k=16, effect=-0.6)
    for wrong, message in (
        ({"k": 1}, "k: 1"),
        ({"effect": 0.0}, "effect: 0.0"),
        ({"alpha": 5}, "alpha: 5"),
        ({"comparisons": 0}, "comparisons: 0"),
        ({"power": 0.2}, "power: 0.2"),
        ({"moved_p": 0.0}, "moved_p: 0.0"),
        ({"problems": [1]}, r"problems: \[1\]"),
    ):
        with pytest.raises(InputError, match=message):
            plan_samples(None, **{"k": 16, "effect": 0.05, **wrong})  # type: ignore[arg-type]
    with pytest.raises(InputError, match="se: -1"):
        power_at(0.1, -1, 0.95)
    with pytest.raises(InputError, match="confidence: 95"):
        detectable(0.1, 95)
    with pytest.raises(InputError, match="must fit"):
        mcnemar_power(20, 20, 30)
    with pytest.raises(InputError, match="alpha: 0"):
        mcnemar_power(2, 2, 30, alpha=0)
