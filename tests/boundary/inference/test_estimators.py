from __future__ import annotations

from fractions import Fraction
from itertools import combinations
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewise.boundary import none_at_k, pass_at_k, pass_at_k_variance
from edgewise.core.errors import InputError


def exact(n: int, c: int, k: int) -> Fraction:
    return 1 - Fraction(comb(n - c, k), comb(n, k))


def binomial(n: int, c: int, p: float) -> float:
    return comb(n, c) * p**c * (1 - p) ** (n - c)


@pytest.mark.parametrize("n", [1, 2, 5, 8])
def test_is_the_share_of_k_subsets_that_hold_a_success(n: int) -> None:
    for c in range(n + 1):
        samples = [1] * c + [0] * (n - c)
        for k in range(1, n + 1):
            subsets = [max(one) for one in combinations(samples, k)]
            assert pass_at_k(n, c, k) == pytest.approx(np.mean(subsets), rel=1e-14, abs=0)
            assert none_at_k(n, c, k) == pytest.approx(1 - np.mean(subsets), abs=1e-14)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_matches_exact_rationals(data: st.DataObject) -> None:
    n = data.draw(st.integers(1, 16384))
    c = data.draw(st.integers(0, n) | st.integers(0, min(n, 20)))
    k = data.draw(st.integers(1, n) | st.integers(1, min(n, 64)))
    assert pass_at_k(n, c, k) == pytest.approx(float(exact(n, c, k)), rel=1e-12, abs=0)


@pytest.mark.parametrize(
    ("n", "c", "k"),
    [(16384, 1, 1), (16384, 1, 8192), (16384, 16383, 1), (16384, 5000, 2), (16384, 3, 4096)],
)
def test_matches_exact_rationals_at_the_far_corners(n: int, c: int, k: int) -> None:
    assert pass_at_k(n, c, k) == pytest.approx(float(exact(n, c, k)), rel=1e-12, abs=0)


def test_known_values() -> None:
    # Binary n=8, c=2 of PKPO (arXiv:2505.15201): rho at k=2 and k=4.
    assert pass_at_k(8, 2, 2) == pytest.approx(0.464286, abs=1e-6)
    assert pass_at_k(8, 2, 4) == pytest.approx(0.785714, abs=1e-6)
    # A rare success among very many samples: 1 - f_k would keep only seven digits of it.
    assert pass_at_k(10**9, 1, 1) == pytest.approx(1e-9, rel=1e-12, abs=0)
    assert pass_at_k(10, 0, 10) == 0.0
    assert pass_at_k(10, 1, 10) == 1.0


def test_is_unbiased_where_the_plug_in_is_not() -> None:
    n, p = 128, 0.005
    weights = np.array([binomial(n, c, p) for c in range(n + 1)])
    counts = np.arange(n + 1)
    assert weights @ pass_at_k(n, counts, n) == pytest.approx(1 - (1 - p) ** n, rel=1e-10)
    assert weights @ pass_at_k(n, counts, n) == pytest.approx(0.474, abs=5e-4)
    plug_in = 1 - (1 - counts / n) ** n
    assert weights @ plug_in == pytest.approx(0.334, abs=5e-4)


@pytest.mark.parametrize(("n", "k", "p"), [(8, 4, 0.3), (12, 3, 0.05), (16, 8, 0.9), (6, 1, 0.5)])
def test_variance_is_unbiased(n: int, k: int, p: float) -> None:
    weights = np.array([binomial(n, c, p) for c in range(n + 1)])
    values = pass_at_k(n, np.arange(n + 1), k)
    true = weights @ values**2 - (weights @ values) ** 2
    assert weights @ pass_at_k_variance(n, np.arange(n + 1), k) == pytest.approx(true, rel=1e-10)


def test_nan_where_no_unbiased_estimator_exists() -> None:
    assert np.isnan(pass_at_k(4, 4, 5))
    assert np.isnan(pass_at_k(4, 0, 5))
    assert not np.isnan(pass_at_k(4, 4, 4))
    assert np.isnan(pass_at_k_variance(7, 0, 4))
    assert not np.isnan(pass_at_k_variance(8, 0, 4))
    assert np.isnan(pass_at_k([4, 8], [0, 0], 8)).tolist() == [True, False]


def test_broadcasts_and_returns_a_float_for_numbers() -> None:
    assert isinstance(pass_at_k(8, 3, 2), float)
    assert isinstance(pass_at_k_variance(8, 3, 2), float)
    n_P, c_P, k_K = np.array([8, 16, 8]), np.array([1, 5, 8]), np.array([1, 4])
    values_PK = pass_at_k(n_P[:, None], c_P[:, None], k_K)
    assert values_PK.shape == (3, 2)
    for i, j in np.ndindex(3, 2):
        expected = float(exact(int(n_P[i]), int(c_P[i]), int(k_K[j])))
        assert values_PK[i, j] == pytest.approx(expected, rel=1e-14, abs=0)


@pytest.mark.parametrize(
    ("n", "c", "k", "message"),
    [
        (4, 5, 1, "c: 5 correct of n = 4"),
        (4, -1, 1, "negative"),
        (4, 1, 0, "k: 0"),
        (4, 1.5, 1, "c: float64"),
        (4.0, 1, 1, "n: float64"),
        ([4, 4], [0, 9], 1, "c: 9 correct of n = 4"),
    ],
)
def test_bad_input(n: object, c: object, k: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        pass_at_k(n, c, k)  # type: ignore[call-overload]
