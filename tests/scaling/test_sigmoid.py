"""ScaleRL's sigmoid: its published grid, the windows at which a ceiling is stated, and what none of them sees."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize

from edgewise.core.errors import InputError
from edgewise.outcomes.counts import FloatArray
from edgewise.scaling import (
    LEAST_WINDOW,
    PUBLISHED_GRID,
    FitGrid,
    Points,
    fit_power_law,
    fit_published_grid,
    fit_sigmoid,
    fit_training_curve,
    held_out,
    sigmoid,
    stated_ceiling,
    steepness_at_common_ceiling,
)
from tests.scaling.curves import CEILING, MIDPOINT, START, STEEPNESS, planted
from tools.pages import scaling as page


def test_the_sigmoid_is_the_published_formula() -> None:
    compute = np.array([0.0, 500.0, 1000.0, 4000.0])
    expected = [START] + [START + (CEILING - START) / (1 + (MIDPOINT / c) ** STEEPNESS) for c in compute[1:]]
    assert sigmoid(compute, START, CEILING, STEEPNESS, MIDPOINT) == pytest.approx(expected)
    far = np.array([1e6])
    gap = (CEILING - START) * MIDPOINT**STEEPNESS / far**STEEPNESS
    assert CEILING - sigmoid(far, START, CEILING, STEEPNESS, MIDPOINT) == pytest.approx(gap, rel=1e-4)


def test_the_grid_is_that_of_the_paper() -> None:
    assert (
        PUBLISHED_GRID.ceiling_A[[0, 1, -1]] == pytest.approx([0.45, 0.455, 0.8])
        and len(PUBLISHED_GRID.ceiling_A) == 71
    )
    assert PUBLISHED_GRID.midpoint_M[[0, -1]].tolist() == [100, 40_000] and len(PUBLISHED_GRID.midpoint_M) == 100
    like = FitGrid.like_published(50_000)
    assert like.midpoint_M == pytest.approx(PUBLISHED_GRID.midpoint_M) and like.ceiling_A[-1] == 1


def test_the_grid_fit_is_the_published_procedure_word_for_word() -> None:
    """A loop over pairs with scipy's curve_fit from its default start finds the same pair and steepness."""
    points = planted(2.0, rng=4)
    grid = FitGrid(np.linspace(0.55, 0.75, 9), np.linspace(400, 2000, 9))

    def fit_pair(ceiling: float, midpoint: float) -> tuple[float, float, float, float]:
        def curve(compute: FloatArray, steepness: float) -> FloatArray:
            return sigmoid(compute, START, ceiling, steepness, midpoint)

        (steepness,), _ = optimize.curve_fit(curve, points.x_N, points.y_N)
        sse = float(np.square(curve(points.x_N, steepness) - points.y_N).sum())
        return sse, ceiling, float(steepness), midpoint

    best = min(fit_pair(float(a), float(m)) for a in grid.ceiling_A for m in grid.midpoint_M)
    fit = fit_published_grid(points, START, grid)
    assert (fit.sse, fit.ceiling, fit.steepness, fit.midpoint) == pytest.approx(best, rel=1e-6)


# Means and standard deviations of an earlier simulation of 40 draws, with another spacing of points: A, then B.
EARLIER = {2.3: (0.640, 0.011, 1.74, 0.10), 4.6: (0.646, 0.004, 1.70, 0.05)}


@pytest.mark.parametrize("ratio", EARLIER)
def test_windows_give_what_the_table_says(ratio: float) -> None:
    draws = 12
    window = page.simulate(ratio, draws, seed=1)
    ceiling, ceiling_sd, steepness, steepness_sd = EARLIER[ratio]
    apart = 3 * np.sqrt(1 / draws + 1 / 40)
    assert abs(window.ceiling_D.mean() - ceiling) < apart * ceiling_sd
    assert abs(window.steepness_D.mean() - steepness) < apart * steepness_sd
    assert 0.3 * ceiling_sd < window.ceiling_D.std(ddof=1) < 2 * ceiling_sd
    assert np.median(window.power_ceiling_D) > 0.99


@pytest.mark.slow
@pytest.mark.parametrize(("ratio", "mean", "sd"), [(0.5, 0.625, 0.160), (1.0, 0.661, 0.079)])
def test_short_windows_scatter_as_they_did_before(ratio: float, mean: float, sd: float) -> None:
    window = page.simulate(ratio, 100, seed=1)
    assert abs(window.ceiling_D.mean() - mean) < 3 * sd * np.sqrt(1 / 100 + 1 / 40)
    assert 0.7 * sd < window.ceiling_D.std(ddof=1) < 1.3 * sd


@pytest.mark.parametrize("seeds", [1, 3])
def test_a_ceiling_is_stated_from_2_3_midpoints_on(seeds: int) -> None:
    for rng in range(4):
        short, long = (planted(window, seeds=seeds, rng=rng) for window in (1.2, 4.0))
        refused = stated_ceiling(fit_sigmoid(short), short)
        assert refused.value is None and refused.refusal.startswith("No ceiling is stated: compute reached ")
        assert refused.window_ratio.value < LEAST_WINDOW
        stated = stated_ceiling(fit_sigmoid(long), long)
        assert stated.value is not None and stated.refusal == ""
        assert stated.value.value == pytest.approx(CEILING, abs=0.02)
        assert stated.window_ratio.low < 4.0 < stated.window_ratio.high * 1.1


def test_the_window_is_what_all_seeds_reached() -> None:
    points = planted(4.0, seeds=3)
    ended = points.where((points.seed_N != 2) | (points.x_N < 2000))
    assert points.window == 4000 and ended.window < 2000
    assert stated_ceiling(fit_sigmoid(ended), ended).value is None


def test_a_reward_that_falls_has_no_ceiling() -> None:
    points = planted(4.0)
    falling = Points.of(points.x_N, 1 - points.y_N)
    assert "the reward falls" in stated_ceiling(fit_sigmoid(falling), falling).refusal


@pytest.mark.parametrize(("window", "about"), [(8_000, 0.60), (16_000, 0.60), (50_000, 0.61)])
def test_a_skill_that_appears_late_is_not_in_the_ceiling(window: float, about: float) -> None:
    """21% of the gain comes at 60,000 GPU hours: what is fitted before has a narrow interval, and is wrong."""
    compute = np.linspace(0, window, 40)
    both = sigmoid(compute, 0.30, 0.60, 1.9, 2_500) + sigmoid(compute, 0, 0.08, 6, 60_000)
    points = Points.of(compute, both + np.random.default_rng(0).normal(0, 0.004, compute.size))
    ceiling = stated_ceiling(fit_sigmoid(points), points)
    assert ceiling.value is not None
    assert ceiling.value.value == pytest.approx(about, abs=0.012) and ceiling.value.high < 0.65 < 0.68


def test_the_power_law_s_ceiling_goes_to_its_bound_on_a_sigmoid() -> None:
    fit = fit_power_law(planted(4.6))
    assert fit.estimates["ceiling"].value > 0.99 and fit.points == 19
    assert fit.scatter > 2 * fit_sigmoid(planted(4.6)).scatter


def test_a_power_law_is_recovered_where_it_holds() -> None:
    compute = np.geomspace(1, 100, 30)
    reward = 0.8 - 0.5 * compute**-0.4 + np.random.default_rng(0).normal(0, 0.003, 30)
    fit = fit_power_law(Points.of(compute, reward))
    for name, truth in (("ceiling", 0.8), ("gap", 0.5 * 100**-0.4), ("exponent", 0.4)):
        assert fit.estimates[name].low < truth < fit.estimates[name].high


def test_half_of_the_compute_predicts_the_rest_of_a_sigmoid() -> None:
    points = planted(8.0, points=40)
    check = held_out(points, lambda part: fit_sigmoid(part, intervals=False))
    assert not isinstance(check, str)
    assert (check.fitted, check.predicted, check.cut) == (20, 20, 4000)
    assert check.error < 0.012 < check.flat_error
    early = points.where(points.x_N <= 4000)
    predicted = fit_sigmoid(early).predict(points.x_N[20:])
    assert check.bias == pytest.approx(float((points.y_N[20:] - predicted).mean()))


def test_a_curve_that_breaks_is_seen_in_the_held_out_half() -> None:
    points = planted(8.0, points=40)
    broken = Points.of(points.x_N, points.y_N - 0.1 * (points.x_N > 5000))
    check = held_out(broken, lambda part: fit_sigmoid(part, intervals=False))
    assert not isinstance(check, str) and check.bias < -0.05 and check.error > 10 * check.scatter


def test_too_few_points_for_a_half_are_said() -> None:
    said = held_out(planted(points=8), lambda part: fit_sigmoid(part, intervals=False))
    assert isinstance(said, str) and "allow no fit (compute: 4 different values" in said


def test_early_points_are_left_out_and_the_start_is_kept() -> None:
    curve = fit_training_curve(planted(4.6, points=40), first=600)
    assert curve.points.x_N[0] == 0 and curve.points.x_N[1] >= 600
    # One noisy reward at compute 0 is one point of many, and not what the grid takes for R_0.
    assert curve.start_source == "fitted" and curve.grid.start == curve.sigmoid.estimates["start"].value
    given = fit_training_curve(planted(), start=0.3)
    assert given.start_source == "given" and given.grid.start == 0.3


def test_steepness_is_compared_at_a_common_ceiling_only() -> None:
    steep, other, short = planted(4.6, points=40), planted(4.6, points=40, rng=1), planted(1.0)
    curves = {name: fit_training_curve(points) for name, points in (("a", steep), ("b", other), ("c", short))}
    common = steepness_at_common_ceiling({name: curves[name] for name in ("a", "b")})
    assert not isinstance(common, str)
    mean = np.mean([curves[name].sigmoid.estimates["ceiling"].value for name in ("a", "b")])
    assert common[0] == pytest.approx(mean)
    refitted = fit_sigmoid(steep, ceiling=common[0]).estimates["steepness"]
    assert common[1]["a"] == refitted
    assert "no ceiling is stated for c" in str(steepness_at_common_ceiling(curves))
    lower = Points.of(steep.x_N, steep.y_N * 0.8)
    assert "The ceilings differ by" in str(
        steepness_at_common_ceiling({"a": curves["a"], "low": fit_training_curve(lower)})
    )


def test_many_points_are_binned_for_the_grid() -> None:
    many = planted(4.6, points=2400)
    grid = FitGrid.like_published(4600)
    fit, whole = fit_published_grid(many, START, grid), fit_sigmoid(many, start=START, intervals=False)
    assert fit.ceiling == pytest.approx(whole.estimates["ceiling"].value, abs=0.005)
    assert fit.steepness == pytest.approx(whole.estimates["steepness"].value, abs=0.05)


def test_laws_that_cannot_be_fitted_say_so_and_the_others_are() -> None:
    points = planted(4.6)
    curve = fit_training_curve(points, entropy=np.full(20, 0.5))
    assert isinstance(curve.entropy, str) and "entropy: 1 different values" in curve.entropy
    assert curve.ceiling.value is not None
    jump = Points.of(np.arange(7), [0.1] + [0.5] * 6)
    assert "reward: 0.5 at every point" in str(fit_training_curve(jump).power)
    with pytest.raises(InputError, match="first: nan"):
        fit_training_curve(points, first=float("nan"))


@pytest.mark.parametrize("start", [-0.1, 1.5, float("nan")])
def test_a_start_that_is_no_pass_rate_is_refused(start: float) -> None:
    with pytest.raises(InputError, match=r"start: .*; a pass rate between 0 and 1 is needed"):
        fit_sigmoid(planted(), start=start)
