"""Plans over training seeds: against simulation, against powers measured of simulated recipes, and refusals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edgewise.boundary import Counts, plan_samples, plan_seeds
from edgewise.boundary.inference.seed_power import power_over_seeds, scatter_interval
from edgewise.boundary.inference.two_way import two_way_mean
from edgewise.core.errors import InputError


@pytest.mark.parametrize("seeds", [3, 4, 5, 8])
@pytest.mark.parametrize("scatter", [0.0, 0.02])
def test_power_is_the_share_of_two_way_intervals_that_leave_out_0(seeds: int, scatter: float) -> None:
    """Between 80 problems at which all seeds agree within 15%, around an effect of 5 points."""
    rng = np.random.default_rng(seeds)
    claimed = []
    for _ in range(1500):
        values_PR = 0.05 + rng.normal(0, 0.12, (80, 1)) + rng.normal(0, scatter, (1, seeds))
        estimate = two_way_mean(values_PR + rng.normal(0, 0.09, (80, seeds))).interval(0.95)
        claimed.append(estimate.low > 0 or estimate.high < 0)
    power = power_over_seeds(
        0.05, seeds=seeds, problems=80, problem_sd=0.12, residual_sd=0.09, scatter=scatter, confidence=0.95
    )
    assert power == pytest.approx(np.mean(claimed), abs=0.045)


@pytest.mark.parametrize(("scatter", "measured"), [(0.01, (75, 100, 100)), (0.02, (40, 80, 96)), (0.04, (16, 37, 59))])
def test_powers_are_those_measured_of_simulated_recipes(scatter: float, measured: tuple[int, ...]) -> None:
    """500 problems with 16 samples, +3.4 to +4.0 points of pass@1: recipes simulated in logits, 3, 5 and 8 seeds."""
    for seeds, percent in zip((3, 5, 8), measured, strict=True):
        low, high = (
            100
            * power_over_seeds(
                effect, seeds=seeds, problems=500, problem_sd=0.12, residual_sd=0.09, scatter=scatter, confidence=0.95
            )
            for effect in (0.034, 0.04)
        )
        assert low - 5 <= percent <= high + 5


def test_one_more_of_each_buys_something_and_a_seed_buys_most() -> None:
    plan = plan_seeds(None, k=8, effect=0.08, scatter=0.03, seeds=(3, 5), problems=(300,))
    now = plan.cheapest
    more = (plan.more_seeds, plan.more_problems, plan.more_samples)
    assert [(one.seeds, one.problems, one.samples) for one in more] == [
        (now.seeds + 1, 300, 32),
        (now.seeds, 301, 32),
        (now.seeds, 300, 33),
    ]
    assert all(one.detectable < now.detectable and one.power > now.power and one.draws > now.draws for one in more)
    assert max(more, key=lambda one: one.power) is plan.more_seeds


def test_seeds_that_do_not_scatter_need_about_the_problems_of_one_checkpoint() -> None:
    """Fewer, as the tuned model's noise is averaged over seeds; not fewer than the spread over problems asks for."""
    one = plan_samples(None, k=8, effect=0.05, problems=[400]).designs[0]
    plan = plan_seeds(None, k=8, effect=0.05, scatter=0.0, seeds=(8,), problems=(400,), samples=one.samples)
    assert one.se * 0.6 < plan.designs[0].se < one.se
    assert plan.designs[0].power > one.power


def test_problems_do_not_replace_seeds() -> None:
    """Where three seeds scatter by as much as the effect, ten times the problems help little."""
    plan = plan_seeds(None, k=8, effect=0.04, scatter=0.04, seeds=(3, 12), problems=(500, 5000))
    power = {(one.seeds, one.problems): one.power for one in plan.designs}
    assert power[3, 5000] < 0.25 and power[12, 500] > 2 * power[3, 5000]


def test_without_a_design_that_suffices_the_most_powerful_is_shown() -> None:
    plan = plan_seeds(None, k=8, effect=0.03, scatter=0.05, seeds=(3, 4), problems=(30, 100))
    assert plan.cheapest == max(plan.designs, key=lambda one: one.power) and plan.cheapest.power < 0.8


def test_the_base_gives_the_rates() -> None:
    base = Counts.of(64, np.random.default_rng(0).binomial(64, np.random.default_rng(1).beta(0.5, 0.5, 200)))
    plan = plan_seeds(base, k=8, effect=-0.05, scatter=0.01)
    assert plan.population == "the base's 200 problems" and "never solved any more" in plan.alternative


def test_the_scatter_of_few_seeds_is_uncertain() -> None:
    """The interval of a standard deviation over 3 seeds reaches from half of it to six times it."""
    values_PR = np.zeros((50, 3)) + np.array([-0.02, 0.0, 0.02])
    low, high = scatter_interval(two_way_mean(values_PR))
    assert (low / 0.02, high / 0.02) == pytest.approx((0.5207, 6.285), rel=1e-3)
    with pytest.raises(InputError, match="needs at least 2"):
        scatter_interval(two_way_mean(np.zeros((50, 1))))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"scatter": -0.1}, "scatter: -0.1"),
        ({"seeds": (2, 3)}, "needs 3 training seeds"),
        ({"problems": ()}, "problems: "),
        ({"samples": 4}, "pass@8 needs at least 8"),
        ({"effect": 0.9}, "moves it by at most"),
        ({"power": 0.3}, "power: 0.3"),
        ({"alpha": 0.0}, "alpha: 0"),
    ],
)
def test_arguments_out_of_range_are_named(change: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        plan_seeds(None, **{"k": 8, "effect": 0.05, "scatter": 0.02, **change})
