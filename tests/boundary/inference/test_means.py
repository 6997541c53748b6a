"""The tests of a mean against enumeration of all signs and against their own intervals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from edgewise.boundary.inference.means import mean_interval, mean_p, sign_flip_p, unseen_share
from edgewise.outcomes.counts import FloatArray


def enumerated(total_U: FloatArray) -> float:
    """The share of all sign vectors whose sum is at least as far from 0 as the one seen."""
    sum_S = np.zeros(1)
    for total in total_U[total_U != 0]:
        sum_S = np.concatenate([sum_S + total, sum_S - total])
    return float(np.mean(np.abs(sum_S) >= abs(total_U.sum()) - 1e-9))


@pytest.mark.parametrize("kind", ["normal", "lattice", "counts", "heavy"])
def test_sign_flips_agree_with_all_sign_vectors(kind: str) -> None:
    """20 units are beyond what the function enumerates itself."""
    rng = np.random.default_rng(0)
    for shift in (0.0, 0.3, 0.6, 1.0):
        total_U = {
            "normal": rng.normal(shift, 1, 20),
            "lattice": np.sign(rng.normal(shift, 1, 20)),
            "counts": np.round(2 * rng.normal(shift, 1, 22)),
            "heavy": rng.beta(0.2, 1.5, 20) * np.sign(rng.normal(shift, 1, 20)),
        }[kind]
        exact = enumerated(total_U)
        # A lattice of counts is corrected towards larger p-values.
        assert 0.93 * exact <= sign_flip_p(total_U[:, None])[0] <= 1.25 * exact + 0.005


def test_sign_flips_of_few_units_are_enumerated() -> None:
    total_U = np.random.default_rng(1).normal(0.5, 1, 12)
    assert sign_flip_p(total_U[:, None])[0] == pytest.approx(enumerated(total_U), abs=1e-12)


def test_all_units_up_have_hardly_more_than_the_least_p() -> None:
    assert 2.0**-29 <= sign_flip_p(np.linspace(0.1, 1, 30)[:, None])[0] < 1e-6


def test_sign_flips_follow_the_normal_law_where_units_are_many() -> None:
    total_U = np.random.default_rng(2).normal(0.05, 1, 3000)
    z = total_U.sum() / np.sqrt(np.square(total_U).sum())
    assert sign_flip_p(total_U[:, None])[0] == pytest.approx(2 * stats.norm.sf(abs(z)), rel=0.01)


@settings(max_examples=80, deadline=None)
@given(st.lists(st.floats(-1, 1).map(lambda x: round(x, 3)), min_size=2, max_size=60), st.integers(1, 4))
def test_p_is_the_confidence_at_which_the_interval_ends_at_0(values: list[float], size: int) -> None:
    values_PK, cluster_P = np.array(values)[:, None], np.arange(len(values)) // size
    (p,) = mean_p(values_PK, cluster_P)
    if 1e-6 < p < 0.3:
        mean = abs(values_PK.mean())
        for confidence, holds in ((1 - 0.99 * p, True), (1 - 1.01 * p, False)):
            low_K, high_K = mean_interval(values_PK, confidence, (-1e9, 1e9), cluster_P)
            assert (low_K[0] <= 0 <= high_K[0]) == holds, (mean, p)


def test_columns_of_one_value_and_of_no_value() -> None:
    values_PK = np.column_stack([np.full(40, 0.25), np.zeros(40), np.full(40, np.nan)])
    assert mean_p(values_PK).tolist()[:2] == [0.0, 1.0] and np.isnan(mean_p(values_PK)[2])
    assert np.isnan(sign_flip_p(values_PK)[2])
    low_K, high_K = mean_interval(values_PK, 0.95, (-1, 1))
    assert high_K[1] == pytest.approx(unseen_share(40, 0.95)) and np.isnan(low_K[2])


@pytest.mark.parametrize(("up", "expected"), [(4, 0.125), (6, 0.03125)])
def test_sign_flip_p_is_exact_for_few_changed_problems(up: int, expected: float) -> None:
    values_PK = np.zeros((50, 1))
    values_PK[:up] = 1.0
    assert sign_flip_p(values_PK)[0] == pytest.approx(expected)


def test_sign_flips_keep_a_cluster_together() -> None:
    """Eight problems up in two clusters are two coin tosses, not eight."""
    values_PK, cluster_P = np.ones((8, 1)), np.repeat([0, 1], 4)
    assert sign_flip_p(values_PK)[0] < 0.02
    assert sign_flip_p(values_PK, cluster_P)[0] == pytest.approx(0.5)


def test_sign_flips_of_very_many_problems_see_few_changed_ones() -> None:
    values_PK = np.zeros((30_000, 1))
    values_PK[::6000] = 1.0
    assert sign_flip_p(values_PK)[0] == pytest.approx(2 / 2**5)
