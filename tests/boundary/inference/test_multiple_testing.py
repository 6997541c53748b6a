from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from edgewise.boundary.inference.multiple_testing import benjamini_hochberg, fisher_exact_p, holm, storey_pi0
from edgewise.core.errors import InputError


def fisher(n: int, c: int, m: int, d: int) -> float:
    return float(stats.fisher_exact(np.array([[c, n - c], [d, m - d]]))[1])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(*[st.integers(1, 300), st.floats(0, 1)] * 2), min_size=1, max_size=8))
def test_p_values_are_those_of_fishers_exact_test(tables: list[tuple[int, float, int, float]]) -> None:
    base_n, tuned_n = [one[0] for one in tables], [one[2] for one in tables]
    base_c, tuned_c = [round(one[0] * one[1]) for one in tables], [round(one[2] * one[3]) for one in tables]
    expected = [fisher(*one) for one in zip(base_n, base_c, tuned_n, tuned_c, strict=True)]
    assert fisher_exact_p(base_n, base_c, tuned_n, tuned_c) == pytest.approx(expected, rel=1e-8, abs=1e-290)


def test_every_table_of_small_arms_by_enumeration() -> None:
    n, m = 5, 7
    tables = [(c, d) for c in range(n + 1) for d in range(m + 1)]
    p = fisher_exact_p(n, [c for c, _ in tables], m, [d for _, d in tables])
    for (c, d), found in zip(tables, p, strict=True):
        weights = {x: stats.hypergeom.pmf(x, n + m, n, c + d) for x in range(n + 1)}
        assert found == pytest.approx(sum(w for w in weights.values() if w <= weights[c] * (1 + 1e-9)))


def test_blocks_of_many_tables_are_joined_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    n_P, m_P = rng.integers(1, 60, 400), rng.integers(1, 60, 400)
    c_P, d_P = rng.binomial(n_P, 0.3), rng.binomial(m_P, 0.5)
    at_once = fisher_exact_p(n_P, c_P, m_P, d_P)
    monkeypatch.setattr("edgewise.boundary.inference.multiple_testing.BLOCK", 100)
    assert fisher_exact_p(n_P, c_P, m_P, d_P) == pytest.approx(at_once, rel=1e-12)


def test_many_problems_with_thousands_of_samples_are_precise() -> None:
    found = fisher_exact_p([16384, 16384], [3, 8000], [16384, 16384], [30, 8300])
    expected = [fisher(16384, 3, 16384, 30), fisher(16384, 8000, 16384, 8300)]
    assert found == pytest.approx(expected, rel=1e-7)


def test_adjustments_of_known_p_values() -> None:
    p = [0.01, 0.04, 0.03, 0.005]
    assert holm(p) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert benjamini_hochberg(p) == pytest.approx([0.02, 0.04, 0.04, 0.02])
    assert holm([0.6, 0.9]) == pytest.approx([1, 1])
    assert storey_pi0([0.01, 0.02, 0.6, 0.9]) == 1.0
    assert storey_pi0([0.01, 0.02, 0.03, 0.9]) == 0.5
    assert holm([]).size == benjamini_hochberg([]).size == 0
    assert np.isnan(storey_pi0([]))


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_false_discovery_adjustment_is_scipys(p: list[float]) -> None:
    assert benjamini_hochberg(p) == pytest.approx(stats.false_discovery_control(p))


def test_bad_input() -> None:
    with pytest.raises(InputError, match="p: "):
        holm([0.5, 1.5])
    with pytest.raises(InputError, match="p: "):
        benjamini_hochberg([float("nan")])
    with pytest.raises(InputError, match="negative"):
        fisher_exact_p([4], [-1], [4], [1])
    with pytest.raises(InputError, match="more correct"):
        fisher_exact_p([4], [1], [4], [5])
