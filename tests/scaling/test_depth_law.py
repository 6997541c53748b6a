"""T ~ D^gamma: planted exponents, runs that did not get there, and powers that are exponentials."""

from __future__ import annotations

import numpy as np
import pytest

from edgewise.core.errors import InputError
from edgewise.outcomes.counts import FloatArray, IntArray
from edgewise.scaling import Points, compute_to_reach, fit_depth_law

DEPTHS = np.array([2.0, 3, 4, 6, 8, 12, 16])


def runs(
    gamma: float = 1.8, seeds: int = 4, noise: float = 0.05, rng: int = 0
) -> tuple[FloatArray, FloatArray, IntArray]:
    random = np.random.default_rng(rng)
    depth = np.tile(DEPTHS, seeds)
    steps = 30 * depth**gamma * np.exp(random.normal(0, noise, depth.size))
    return depth, steps, np.repeat(np.arange(seeds), DEPTHS.size)


@pytest.mark.parametrize("gamma", [1.04, 2.60])
def test_planted_exponents_are_recovered(gamma: float) -> None:
    fit = fit_depth_law(*runs(gamma))
    estimate = fit.fit.estimates["gamma"]
    assert estimate.low < gamma < estimate.high and estimate.high - estimate.low < 0.2
    assert fit.fit.estimates["scale"].value == pytest.approx(30, rel=0.1)
    assert fit.r_squared > 0.99 and fit.between == "A power of depth fits better than an exponential."
    assert not isinstance(fit.held_out, str) and fit.held_out.error < 0.2
    assert (fit.held_out.fitted, fit.held_out.predicted) == (16, 12)


def test_intervals_cover_the_exponent() -> None:
    """Of 40 draws at 95%, fewer than 33 would come about once in 1,000."""
    covered = 0
    for rng in range(40):
        estimate = fit_depth_law(*runs(seeds=3, rng=rng)).fit.estimates["gamma"]
        covered += estimate.low <= 1.8 <= estimate.high
    assert covered >= 33


def test_depths_at_which_a_run_did_not_get_there_are_left_out_with_all_deeper_ones() -> None:
    depth, steps, seed = runs(noise=0.3)
    # A budget of 3,000 steps keeps the fast runs of the deep problems only.
    cut = np.where(steps > 3000, np.nan, steps)
    fit = fit_depth_law(depth, cut, seed)
    shallowest = depth[np.isnan(cut)].min()
    assert fit.censored == np.isnan(cut).sum() > 0
    assert fit.depths == tuple(DEPTHS[shallowest > DEPTHS])
    kept = depth < shallowest
    assert fit.fit.estimates == fit_depth_law(depth[kept], steps[kept], seed[kept]).fit.estimates


def test_an_exponential_is_told_from_a_power_or_it_is_said_that_it_is_not() -> None:
    depth, steps, seed = runs(noise=0.05)
    exponential = 30 * np.exp(0.4 * depth) * steps / (30 * depth**1.8)
    assert fit_depth_law(depth, exponential, seed).between == "An exponential in depth fits better than a power."
    few = depth <= 4
    noisy = steps * np.exp(np.random.default_rng(0).normal(0, 0.3, steps.size))
    assert "do not tell" in fit_depth_law(depth[few], noisy[few], seed[few]).between


@pytest.mark.parametrize(
    ("depth", "steps", "message"),
    [
        ([1, 2], [10, 20], "depth: 2 depths that all runs learned"),
        ([1, 2, 3, 4], [10, 20, np.nan, 40], "depth: 2 depths that all runs learned"),
        ([0, 2, 3, 4], [10, 20, 30, 40], "depth: 0; a finite number above 0"),
        ([1, 2, 3, 4], [10, -20, 30, 40], "steps: -20; a finite number above 0"),
        ([1, 2, 3, 4], [10, 20, np.inf, 40], "steps: inf; a finite number above 0"),
        ([1, 2, 3, 4], [10, 10, 10, 10], "log steps: 2.3"),
        ([1, 2, 3, 4], [np.nan] * 4, "depth: 0 depths that all runs learned"),
    ],
)
def test_what_has_no_exponent_is_refused(depth: list[float], steps: list[float], message: str) -> None:
    with pytest.raises(InputError) as refused:
        fit_depth_law(depth, steps)
    assert str(refused.value).startswith(message)


def test_the_compute_that_reaches_a_target_is_read_off_the_rising_curve() -> None:
    compute = np.arange(0, 60, 10)
    rising, lucky = [0.1, 0.2, 0.4, 0.6, 0.8, 0.9], [0.1, 0.7, 0.1, 0.1, 0.6, 0.9]
    never = [0.1, 0.2, 0.2, 0.3, 0.3, 0.4]
    points = Points.of(np.tile(compute, 3), [*rising, *lucky, *never], np.repeat([0, 1, 2], 6))
    reached = compute_to_reach(points)
    assert reached[0] == pytest.approx(25)
    assert reached[1] == pytest.approx(30 + 10 * (0.5 - 0.3) / (0.6 - 0.3))
    assert np.isnan(reached[2]) and compute_to_reach(points, 0.05)[0] == 0
