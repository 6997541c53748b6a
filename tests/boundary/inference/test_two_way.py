"""The two-way interval against an analysis of variance written out, against simulation, and at its edges."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from edgewise.boundary.inference.means import unit_moments, unseen_share
from edgewise.boundary.inference.two_way import two_way_mean
from edgewise.core.errors import InputError
from edgewise.outcomes.counts import FloatArray


def layout(problems: int, seeds: int, rng: np.random.Generator, scatter: float = 0.03, mean: float = 0.0) -> FloatArray:
    """Problems with effects of their own, seeds with theirs, and noise."""
    of_problem_P1 = rng.normal(mean, 0.2, (problems, 1))
    return np.asarray(of_problem_P1 + rng.normal(0, scatter, (1, seeds)) + rng.normal(0, 0.1, (problems, seeds)))


def mean_squares(values_PR: FloatArray) -> tuple[float, float, float]:
    """Of problems, of seeds and of the residual, sum by sum as in a textbook."""
    problems, seeds = values_PR.shape
    grand = values_PR.sum() / (problems * seeds)
    of_problems = sum(seeds * (row.mean() - grand) ** 2 for row in values_PR)
    of_seeds = sum(problems * (column.mean() - grand) ** 2 for column in values_PR.T)
    total = sum((value - grand) ** 2 for value in values_PR.ravel())
    residual = (total - of_problems - of_seeds) / ((problems - 1) * (seeds - 1))
    return of_problems / (problems - 1), of_seeds / (seeds - 1), residual


@pytest.mark.parametrize("seeds", [3, 4, 5, 8])
@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.975])
def test_the_interval_is_that_of_the_mean_squares(seeds: int, confidence: float) -> None:
    values_PR = layout(40, seeds, np.random.default_rng(seeds))
    a, b, e = mean_squares(values_PR)
    v = b if seeds <= 4 else max(b - e, 0)
    t_problems, t_seeds = (stats.t.ppf((1 + confidence) / 2, df) for df in (39, seeds - 1))
    reach = math.sqrt((t_problems**2 * a + t_seeds**2 * v) / (40 * seeds))
    estimate = two_way_mean(values_PR).interval(confidence)
    assert estimate.value == pytest.approx(values_PR.mean())
    assert (estimate.low, estimate.high) == pytest.approx((values_PR.mean() - reach, values_PR.mean() + reach))


def test_seeds_that_scatter_less_than_noise_add_nothing_from_five_on() -> None:
    """Their mean square is below the residual: only the choice of problems is left."""
    values_PR = layout(40, 8, np.random.default_rng(0))
    values_PR -= values_PR.mean(axis=0)
    two_way = two_way_mean(values_PR)
    of_row_P = values_PR.mean(axis=1)
    reach = stats.t.ppf(0.975, 39) * of_row_P.std(ddof=1) / math.sqrt(40)
    assert two_way.interval(0.95).high == pytest.approx(reach)
    assert two_way.scatter == pytest.approx(0) and two_way.scatter_of_runs == 0


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(3, 9), st.integers(1, 4), st.floats(0.0, 0.3))
def test_p_is_the_confidence_at_which_the_interval_ends_at_0(seed: int, seeds: int, size: int, mean: float) -> None:
    values_PR = layout(30, seeds, np.random.default_rng(seed), mean=mean)
    two_way = two_way_mean(values_PR, bounds=(-9.0, 9.0), cluster_P=np.arange(30) // size)
    assert 0 < two_way.p <= 1
    for confidence, holds in ((1 - 0.99 * two_way.p, True), (1 - 1.01 * two_way.p, False)):
        if 0 < confidence < 1:
            estimate = two_way.interval(confidence)
            assert (estimate.low <= 0 <= estimate.high) == holds


def test_clusters_of_one_size_are_the_units() -> None:
    values_PR = layout(60, 4, np.random.default_rng(1))
    of_cluster_UR = values_PR.reshape(20, 3, 4).mean(axis=1)
    by_cluster = two_way_mean(values_PR, cluster_P=np.repeat(np.arange(20), 3))
    assert by_cluster.units == 20
    assert by_cluster.interval(0.95).low == pytest.approx(two_way_mean(of_cluster_UR).interval(0.95).low)
    assert by_cluster.p == pytest.approx(two_way_mean(of_cluster_UR).p)


def test_clusters_of_unlike_size_have_the_error_of_a_ratio() -> None:
    """Where all seeds are alike, problems' part is the standard error that a single verdict uses."""
    rng = np.random.default_rng(2)
    cluster_P = np.sort(rng.integers(12, size=70))
    value_P = rng.normal(0.1, 0.2, 70)
    two_way = two_way_mean(np.repeat(value_P[:, None], 3, axis=1), cluster_P=cluster_P)
    _, code_P, size_U = np.unique(cluster_P, return_inverse=True, return_counts=True)
    moments = unit_moments(np.column_stack([np.bincount(code_P, weights=value_P), size_U]))
    assert two_way.value == pytest.approx(value_P.mean())
    assert math.sqrt(two_way.problem_variance) == pytest.approx(moments.error_K[0])
    assert two_way.seed_variance == pytest.approx(0)


def test_fewer_than_three_seeds_say_nothing_about_the_recipe() -> None:
    for seeds in (1, 2):
        two_way = two_way_mean(layout(40, seeds, np.random.default_rng(3)))
        estimate = two_way.interval(0.95)
        assert not math.isnan(estimate.value) and math.isnan(two_way.p)
        assert math.isnan(estimate.low) and math.isnan(estimate.high)
    assert math.isnan(two_way_mean(np.zeros((40, 1))).scatter)


def test_units_of_one_value_leave_open_what_their_number_does() -> None:
    """30 problems without a difference at any seed: up to 11.6% of new ones may have one."""
    nothing = two_way_mean(np.zeros((30, 3)))
    assert nothing.p == 1 and nothing.interval(0.95).high == pytest.approx(unseen_share(30, 0.95))
    half = two_way_mean(np.full((30, 3), 0.5))
    assert half.interval(0.95).low == pytest.approx(0.5 - 1.5 * unseen_share(30, 0.95))
    assert half.interval(1 - half.p * 1.001).low > 0 > half.interval(1 - half.p * 0.999).low
    by_seed = two_way_mean(np.tile([0.1, 0.3, 0.2], (30, 1)))
    reach = math.hypot(1.2 * unseen_share(30, 0.95), stats.t.ppf(0.975, 2) * 0.1 / math.sqrt(3))
    assert by_seed.interval(0.95).low == pytest.approx(0.2 - reach)


def test_ends_stay_within_the_bounds_and_overwhelming_evidence_has_p_0() -> None:
    values_PR = np.where(np.random.default_rng(4).random((50, 3)) < 0.9, 1.0, 0.0)
    assert two_way_mean(values_PR, bounds=(0.0, 1.0)).interval(0.99).high == 1.0
    assert two_way_mean(0.5 + layout(300, 8, np.random.default_rng(5), 0.0) * 1e-6).p < 1e-30


def test_a_value_that_is_not_known_makes_all_unknown() -> None:
    values_PR = layout(40, 3, np.random.default_rng(6))
    values_PR[3, 1] = math.nan
    two_way = two_way_mean(values_PR)
    numbers = (two_way.value, two_way.p, two_way.interval(0.95).low, two_way.scatter, two_way.scatter_of_runs)
    assert all(map(math.isnan, numbers))


@pytest.mark.parametrize(
    ("values", "cluster"), [(np.zeros(3), None), (np.zeros((0, 3)), None), (np.zeros((4, 3)), [1])]
)
def test_arrays_of_another_shape_are_refused(values: FloatArray, cluster: list[int] | None) -> None:
    with pytest.raises(InputError, match="shape"):
        two_way_mean(values, cluster_P=None if cluster is None else np.array(cluster))


@pytest.mark.parametrize("seeds", [3, 5, 8])
def test_coverage_where_problems_and_seeds_are_drawn_anew(seeds: int) -> None:
    """95% intervals of a mean of 0 hold it in 93.5% of runs or more; with seeds pooled as samples, in less than 90%."""
    rng = np.random.default_rng(7)
    held, pooled = [], []
    for _ in range(800):
        values_PR = layout(60, seeds, rng, scatter=0.06)
        estimate = two_way_mean(values_PR).interval(0.95)
        held.append(estimate.low <= 0 <= estimate.high)
        of_row_P = values_PR.mean(axis=1)
        pooled.append(abs(of_row_P.mean()) <= 2 * of_row_P.std(ddof=1) / math.sqrt(60))
    assert 0.935 <= np.mean(held) <= 0.995
    assert np.mean(pooled) < 0.9
