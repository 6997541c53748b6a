"""The one fit of all laws: intervals cover planted values, training seeds are the unit, bad points are refused."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from edgewise.core.errors import InputError
from edgewise.scaling import Points, fit_law, fit_sigmoid
from edgewise.scaling.depth_law import DEPTH_LAW
from tests.scaling.curves import CEILING, MIDPOINT, STEEPNESS, planted

TRUTH = {"ceiling": CEILING, "steepness": STEEPNESS, "midpoint": MIDPOINT}


def line(seeds: int, rng: int = 0, points: int = 8) -> Points:
    """A line with the same x for every seed, and slopes that differ between seeds."""
    random = np.random.default_rng(rng)
    x = np.linspace(0, 2, points)
    y = [
        1 + random.normal(0, 0.2) + (0.5 + random.normal(0, 0.1)) * x + random.normal(0, 0.05, points)
        for _ in range(seeds)
    ]
    return Points.of(np.tile(x, seeds), np.concatenate(y), np.repeat(np.arange(seeds), points))


def test_with_one_seed_the_profile_of_a_line_is_student_s_interval() -> None:
    points = line(1)
    regression = stats.linregress(points.x_N, points.y_N)
    fit = fit_law(DEPTH_LAW, points)
    # Neighbouring residuals that go together widen it.
    widened = max(fit.autocorrelation, 0.0)
    reach = stats.t.ppf(0.975, 6) * regression.stderr * np.sqrt((1 + widened) / (1 - widened))
    assert fit.estimates["gamma"].value == pytest.approx(regression.slope)
    assert (fit.estimates["gamma"].low, fit.estimates["gamma"].high) == pytest.approx(
        (regression.slope - reach, regression.slope + reach), rel=1e-4
    )


@pytest.mark.parametrize("seeds", [2, 3, 6])
def test_with_several_seeds_it_is_student_s_interval_over_the_fits_of_each(seeds: int) -> None:
    points = line(seeds)
    slopes = [stats.linregress(points.of_seed(s).x_N, points.of_seed(s).y_N).slope for s in range(seeds)]
    expected = stats.t.interval(0.95, seeds - 1, np.mean(slopes), stats.sem(slopes))
    fit = fit_law(DEPTH_LAW, points)
    for estimate in (fit.estimates["gamma"], fit.over_seeds["gamma"]):
        assert (estimate.low, estimate.high) == pytest.approx(expected, rel=1e-4)


def test_more_points_of_the_same_seeds_do_not_narrow_the_interval_of_seeds() -> None:
    few, many = (fit_law(DEPTH_LAW, line(4, points=points)).estimates["gamma"] for points in (8, 80))
    assert many.high - many.low > 0.5 * (few.high - few.low)


@pytest.mark.parametrize(("seeds", "between"), [(1, 0.0), (3, 0.003)])
def test_intervals_cover_the_planted_values(seeds: int, between: float) -> None:
    """Of 12 draws and 3 parameters at 95%, fewer than 30 of 36 covered would come about once in 500."""
    covered = 0
    for rng in range(12):
        fit = fit_sigmoid(planted(3.5, seeds=seeds, between=between, rng=rng))
        for name, truth in TRUTH.items():
            covered += fit.estimates[name].low <= truth <= fit.estimates[name].high
    assert covered >= 30


def test_pooled_points_of_seeds_that_differ_would_be_too_sure() -> None:
    """What the seeds are for: taken for one seed, the same points give an interval less than half as wide."""
    points = planted(seeds=4, between=0.01)
    pooled = Points.of(points.x_N + np.arange(80) * 1e-6, points.y_N)
    by_seed, by_point = (fit_sigmoid(some).estimates["midpoint"] for some in (points, pooled))
    assert by_seed.high - by_seed.low > 2 * (by_point.high - by_point.low)


def test_residuals_that_last_widen_the_interval_of_one_run() -> None:
    points = planted(points=60)
    wave = 0.01 * np.sin(np.arange(60) / 4)
    lasting = Points.of(points.x_N, points.y_N + wave)
    fit = fit_sigmoid(lasting)
    shuffled = Points.of(points.x_N, points.y_N + np.random.default_rng(0).permutation(wave))
    apart = fit_sigmoid(shuffled)
    assert fit.autocorrelation > 0.2 > apart.autocorrelation
    wide, narrow = (some.estimates["ceiling"].high - some.estimates["ceiling"].low for some in (fit, apart))
    assert wide > 1.2 * narrow


def test_what_is_known_is_held() -> None:
    fit = fit_sigmoid(planted(), start=0.31, ceiling=0.64)
    assert fit.held == ("start", "ceiling")
    assert fit.estimates["start"].value == 0.31 and fit.estimates["ceiling"].high == 0.64
    assert fit.law.parameters == ("start", "ceiling", "steepness", "midpoint")


def test_a_curve_without_noise_is_found_exactly() -> None:
    fit = fit_sigmoid(planted(noise=0.0))
    for name, truth in TRUTH.items():
        assert fit.estimates[name].value == pytest.approx(truth, rel=1e-5)


def test_an_end_that_nothing_holds_is_open() -> None:
    fit = fit_sigmoid(planted(0.5, rng=3))
    assert fit.open_ends["ceiling"] == (False, True) and fit.estimates["ceiling"].high == pytest.approx(1)
    # A curve that jumps between two points has any steepness above some.
    jump = fit_sigmoid(Points.of(np.arange(1, 9), [0.1, 0.11, 0.1, 0.1, 0.5, 0.51, 0.5, 0.51]))
    assert jump.open_ends["steepness"] == (False, True) and np.isinf(jump.estimates["steepness"].high)


REFUSED = {
    "constant": ([1, 2, 3, 4, 5, 6], [0.5] * 6, None, "reward: 0.5 at every point"),
    "all zero": ([1, 2, 3, 4, 5, 6], [0.0] * 6, None, "reward: 0 at every point"),
    "two points": ([1, 2], [0.3, 0.4], None, "compute: 2 different values; the sigmoid has 4 parameters"),
    "one compute": ([5] * 9, np.linspace(0.1, 0.5, 9), None, "compute: 1 different values"),
    "none": ([], [], None, "compute: 0 at every point"),
    "above 1": ([1, 2, 3, 4, 5], [0.1, 0.2, 1.3, 0.4, 0.5], None, "reward: 1.3 is above 1"),
    "below 0": ([1, 2, 3, 4, 5], [-1, 0.2, 0.3, 0.4, 0.5], None, "reward: -1 is below 0"),
    "negative compute": ([-1, 2, 3, 4, 5], [0.1, 0.2, 0.3, 0.4, 0.5], None, "compute: -1 is below 0"),
    "no compute": ([0, 0, 0, 0, 0], [0.1, 0.2, 0.3, 0.4, 0.5], None, "compute: 0 at every point"),
    "a short seed": ([1, 2, 3, 4, 5, 6, 1], [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.1], [0] * 6 + [1], "seed 1: compute: 1 "),
    "NaN": ([1, 2, 3, 4, 5], [0.1, 0.2, np.nan, 0.4, 0.5], None, "reward: nan is no finite number"),
    "infinite": ([1, 2, np.inf, 4, 5], [0.1, 0.2, 0.3, 0.4, 0.5], None, "compute: inf is no finite number"),
    "lengths": ([1, 2, 3], [0.1, 0.2], None, "compute, reward and seed: 3, 2 and 3"),
}


@pytest.mark.parametrize("case", REFUSED.values(), ids=list(REFUSED))
def test_points_that_no_law_can_be_fitted_to_are_refused(case: tuple[list[float], list[float], list[int], str]) -> None:
    x, y, seed, message = case
    with pytest.raises(InputError) as refused:
        fit_sigmoid(Points.of(x, y, seed))
    assert message in str(refused.value)


@pytest.mark.parametrize(
    "y",
    [
        [0.0, 0.0, 0.0, 0.0, 0.0, 1.0],
        [0.0, 1.0, 0.0, 1.0, 0.0, 1.0],
        [1.0, 1.0, 1.0, 1.0, 1.0, 0.999],
        [0.9, 0.7, 0.5, 0.3, 0.2, 0.1],
    ],
    ids=["a jump", "a zigzag", "a plateau", "a fall"],
)
@pytest.mark.parametrize("scale", [1e-12, 1.0, 1e21])
def test_curves_of_any_shape_and_unit_are_fitted(y: list[float], scale: float) -> None:
    fit = fit_sigmoid(Points.of(np.arange(6) * scale, y))
    for estimate in fit.estimates.values():
        assert estimate.low <= estimate.value * (1 + 1e-6) and estimate.value <= estimate.high * (1 + 1e-6)


def test_the_unit_of_compute_changes_nothing_but_the_midpoint() -> None:
    points = planted()
    fit, other = fit_sigmoid(points), fit_sigmoid(Points.of(points.x_N * 1e15, points.y_N))
    for name in ("ceiling", "steepness"):
        for end in ("value", "low", "high"):
            assert getattr(other.estimates[name], end) == pytest.approx(getattr(fit.estimates[name], end), rel=1e-3)
    assert other.estimates["midpoint"].high == pytest.approx(1e15 * fit.estimates["midpoint"].high, rel=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize(("seeds", "between"), [(1, 0.0), (3, 0.003), (5, 0.003)])
def test_coverage_of_the_intervals(seeds: int, between: float) -> None:
    """95% intervals cover 91% or more of 200 draws for each parameter, at a window of 3.5 midpoints."""
    covered = dict.fromkeys(TRUTH, 0)
    for rng in range(200):
        fit = fit_sigmoid(planted(3.5, seeds=seeds, between=between, rng=1000 + rng))
        for name, truth in TRUTH.items():
            covered[name] += fit.estimates[name].low <= truth <= fit.estimates[name].high
    assert min(covered.values()) >= 182, covered
