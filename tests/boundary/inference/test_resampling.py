from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from edgewise.boundary.inference.means import mean_interval, sign_flip_p, units
from edgewise.boundary.inference.resampling import (
    Bootstrap,
    bootstrap_means,
    percentiles,
    resampled_estimate,
    studentised,
)
from edgewise.core.errors import InputError
from edgewise.outcomes.counts import FloatArray, IntArray


def skewed(problems: int, seed: int, columns: int = 2) -> FloatArray:
    return np.random.default_rng(seed).beta(0.2, 1.5, (problems, columns))


def in_clusters(clusters: int, size: int, seed: int) -> tuple[FloatArray, IntArray]:
    """Problems that share their cluster's value."""
    return np.repeat(skewed(clusters, seed), size, axis=0), np.repeat(np.arange(clusters), size)


def test_a_unit_is_a_problem_or_a_cluster() -> None:
    assert units(5, None) == 5
    assert units(5, np.array([7, 7, 3, 3, 3])) == 2


def test_means_have_the_moments_of_exhaustive_resampling() -> None:
    values_PK = np.array([[0.0, 1.0], [0.5, 0.0], [1.0, 0.25]])
    every = np.array([values_PK[list(rows)].mean(axis=0) for rows in product(range(3), repeat=3)])
    means_RK = bootstrap_means(values_PK, Bootstrap(40_000, 0))
    assert means_RK.mean(axis=0) == pytest.approx(every.mean(axis=0), abs=0.005)
    assert np.cov(means_RK.T) == pytest.approx(np.cov(every.T, bias=True), abs=0.002)


def test_clusters_are_resampled_whole_as_a_ratio_of_sums() -> None:
    values_PK = np.array([[1.0], [1.0], [0.0]])
    means_R = bootstrap_means(values_PK, Bootstrap(4000, 0), np.array([4, 4, 9]))[:, 0]
    found, times = np.unique(np.round(means_R, 12), return_counts=True)
    assert found == pytest.approx([0.0, 2 / 3, 1.0])
    assert times / 4000 == pytest.approx([0.25, 0.5, 0.25], abs=0.03)


def test_every_problem_its_own_cluster_is_no_cluster() -> None:
    values_PK, own_P = skewed(40, 0), np.arange(40)
    assert bootstrap_means(values_PK, Bootstrap(200, 0), own_P) == pytest.approx(
        bootstrap_means(values_PK, Bootstrap(200, 0))
    )
    with_own = studentised(values_PK, Bootstrap(200, 0, 0.95), (0, 1), own_P)
    for one, other in zip(with_own, studentised(values_PK, Bootstrap(200, 0, 0.95), (0, 1)), strict=True):
        assert one == pytest.approx(other)
    assert sign_flip_p(values_PK - 0.2, own_P) == pytest.approx(sign_flip_p(values_PK - 0.2))


def test_copies_of_a_problem_add_no_certainty_when_they_are_a_cluster() -> None:
    values_PK, cluster_P = in_clusters(50, 6, 1)
    once = studentised(values_PK[::6], Bootstrap(2000, 0, 0.95), (0, 1))
    copied = studentised(values_PK, Bootstrap(2000, 0, 0.95), (0, 1), cluster_P)
    alone = studentised(values_PK, Bootstrap(2000, 0, 0.95), (0, 1))
    assert copied.high_K - copied.low_K == pytest.approx(once.high_K - once.low_K)
    assert copied.band_high_K == pytest.approx(once.band_high_K)
    assert (alone.high_K - alone.low_K < 0.6 * (once.high_K - once.low_K)).all()
    plain = mean_interval(values_PK[::6], 0.95, (0, 1))
    clustered = mean_interval(values_PK, 0.95, (0, 1), cluster_P)
    assert np.array(clustered) == pytest.approx(np.array(plain))


def test_groups_of_very_many_problems_keep_the_spread_and_skewness_of_the_mean() -> None:
    values_PK = np.zeros((30_000, 1))
    values_PK[::5000] = 1.0
    means_R = bootstrap_means(values_PK, Bootstrap(4000, 0))[:, 0]
    assert means_R.std() == pytest.approx(values_PK.std() / np.sqrt(30_000), rel=0.04)
    assert stats.skew(means_R) == pytest.approx(1 / np.sqrt(6), abs=0.12)


def test_percentiles_are_order_statistics_and_pass_infinity_on() -> None:
    statistic_R = np.append(np.arange(96.0), [np.inf] * 4)
    assert percentiles(statistic_R, 0.95, 10**6) == (2.0, np.inf)
    assert percentiles(statistic_R, 0.90, 10**6) == (4.0, 95.0)
    wide, narrow = (percentiles(np.arange(10_000.0), 0.95, count) for count in (5, 500))
    assert wide[0] < narrow[0] < narrow[1] < wide[1]


def test_an_undefined_resample_leaves_the_whole_range_open() -> None:
    ratio_R: FloatArray = np.r_[np.full(100, np.nan), np.linspace(0.4, 0.6, 900)]
    found = resampled_estimate(0.5, ratio_R, (0.0, 1.0), 0.95, 1000)
    assert (found.low, found.high) == (0.0, 1.0)
    defined = resampled_estimate(0.5, ratio_R[100:], (0.0, 1.0), 0.95, 1000)
    assert (defined.low, defined.high) == pytest.approx((0.405, 0.595), abs=1e-3)


@pytest.mark.parametrize("problems", [30, 2000])
def test_interval_of_symmetric_values_is_students(problems: int) -> None:
    half: FloatArray = stats.norm.ppf((np.arange(problems // 2) + 0.5) / problems)[:, None] / 20
    values_PK = np.concatenate([half, -half])
    error = values_PK.std(ddof=1) / np.sqrt(problems)
    student = stats.t.ppf(0.975, problems - 1) * error
    low_K, high_K = mean_interval(values_PK, 0.95, (-1, 1))
    assert high_K[0] == pytest.approx(student, rel=0.03)
    assert low_K[0] == pytest.approx(-student, rel=0.03)
    found = studentised(values_PK, Bootstrap(5000, 0, 0.95), (-1, 1))
    assert [-found.low_K[0], found.high_K[0]] == pytest.approx([student, student], rel=0.04)


def test_skewness_widens_an_interval() -> None:
    values_PK = np.array([[0.0]] * 24 + [[0.9]] * 6)
    error = values_PK.std(ddof=1) / np.sqrt(30)
    low_K, high_K = mean_interval(values_PK, 0.95, (0, 1))
    t, skew = stats.t.ppf(0.975, 29), stats.skew(values_PK[:, 0], bias=False) / np.sqrt(30)
    assert (high_K[0] - 0.18) / error == pytest.approx(t * (1 + skew**2 * (t**4 + 2 * t**2 - 3) / 18), rel=0.02)
    assert high_K[0] - 0.18 == pytest.approx(0.18 - low_K[0])


def test_the_critical_value_is_that_of_exhaustive_resampling() -> None:
    """All 5^5 resamples of five values, each with its own standard error."""
    values_P = np.array([0.1, 0.2, 0.25, 0.6, 0.9])
    every = values_P[np.array(list(product(range(5), repeat=5)))]
    errors = every.std(axis=1, ddof=1) / np.sqrt(5)
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.abs(every.mean(axis=1) - values_P.mean()) / errors
    reach = np.quantile(t, 0.6, method="higher") * values_P.std(ddof=1) / np.sqrt(5)
    found = studentised(values_P[:, None], Bootstrap(40_000, 0, 0.6), (0, 1))
    assert found.high_K[0] - values_P.mean() == pytest.approx(reach, rel=0.02)
    assert found.band_high_K[0] == found.high_K[0]


def test_one_value_throughout_reaches_as_far_as_unseen_problems_could_pull() -> None:
    unseen = 1 - 0.025 ** (1 / 40)
    for value in (0.0, 0.3, 1.0):
        values_PK = np.full((40, 1), value)
        for low_K, high_K in (
            mean_interval(values_PK, 0.95, (0, 1)),
            studentised(values_PK, Bootstrap(100, 0, 0.95), (0, 1))[:2],
        ):
            assert low_K[0] == pytest.approx(value - unseen * value)
            assert high_K[0] == pytest.approx(value + unseen * (1 - value))


@pytest.mark.parametrize("changed", [1, 2])
def test_a_sparse_column_is_bounded_by_its_clopper_pearson_share(changed: int) -> None:
    """No critical value exists when many resamples miss every changed problem."""
    values_PK = np.zeros((30, 1))
    values_PK[:changed] = 0.8
    share = stats.beta.ppf(0.975, changed + 1, 30 - changed)
    found = studentised(values_PK, Bootstrap(2000, 0, 0.95), (-1, 1))
    assert (found.low_K[0], found.high_K[0]) == pytest.approx((-share, share))


def test_a_single_unit_says_next_to_nothing() -> None:
    values_PK = np.array([[0.2], [0.9], [0.4]])
    found = studentised(values_PK, Bootstrap(100, 0, 0.95), (0, 1), np.zeros(3, dtype=np.int64))
    assert found.low_K[0] < 0.02 and found.high_K[0] > 0.98


def test_nan_columns_stay_nan_and_leave_the_others_alone() -> None:
    values_PK = np.column_stack([skewed(30, 0, 1), np.full(30, np.nan)])
    found = studentised(values_PK, Bootstrap(500, 0, 0.95), (0, 1))
    alone = studentised(values_PK[:, :1], Bootstrap(500, 0, 0.95), (0, 1))
    assert np.isnan([ends_K[1] for ends_K in found]).all()
    assert [ends_K[0] for ends_K in found] == pytest.approx([ends_K[0] for ends_K in alone])
    low_K, high_K = mean_interval(values_PK, 0.95, (0, 1))
    assert np.isnan([low_K[1], high_K[1]]).all() and not np.isnan([low_K[0], high_K[0]]).any()
    assert np.isnan(sign_flip_p(values_PK)).tolist() == [False, True]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from([-1.0, -0.3, 0.0, 0.0, 0.2, 1.0]), min_size=1, max_size=25), st.integers(1, 5), st.data()
)
def test_ends_are_ordered_within_bounds_and_contain_the_mean(
    values: list[float], size: int, data: st.DataObject
) -> None:
    values_PK = np.column_stack([values, np.square(values)])
    cluster_P = data.draw(st.none() | st.just(np.arange(len(values)) // size))
    found = studentised(values_PK, Bootstrap(100, 0, 0.9), (-1, 1), cluster_P)
    mean_K = values_PK.mean(axis=0)
    assert (found.band_low_K <= found.low_K + 1e-12).all() and (found.high_K <= found.band_high_K + 1e-12).all()
    for low_K, high_K in (
        found[:2],
        mean_interval(values_PK, 0.9, (-1, 1), cluster_P),
    ):
        assert (low_K >= -1 - 1e-12).all() and (high_K <= 1 + 1e-12).all()
        assert (low_K <= mean_K + 1e-12).all() and (mean_K <= high_K + 1e-12).all()
        assert (low_K < high_K).all()


def test_no_resamples_are_refused() -> None:
    for call in (
        lambda: bootstrap_means(np.zeros((3, 1)), Bootstrap(0, 0)),
        lambda: studentised(np.zeros((3, 1)), Bootstrap(0, 0, 0.95), (0, 1)),
    ):
        with pytest.raises(InputError, match="resamples: 0"):
            call()
