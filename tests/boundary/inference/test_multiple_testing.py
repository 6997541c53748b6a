from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from edgewise.boundary.inference.multiple_testing import benjamini_hochberg, changes, fisher_exact_p, holm, storey_pi0
from edgewise.core.errors import InputError
from edgewise.outcomes.counts import Counts, FloatArray


def fisher(n: int, c: int, m: int, d: int) -> float:
    return float(stats.fisher_exact(np.array([[c, n - c], [d, m - d]]))[1])


def draw(p_P: FloatArray, n: int, seed: int) -> Counts:
    return Counts.of(n, np.random.default_rng(seed).binomial(n, p_P))


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


def test_planted_changes_are_found_and_few_others() -> None:
    """A fifth goes up, a tenth down; over 20 runs the share of false ones stays below q."""
    false = found = up = down = 0
    for seed in range(20):
        p_P: FloatArray = np.random.default_rng(seed).uniform(0.1, 0.6, 300)
        shift_P = np.repeat([0.3, -0.1, 0.0], [60, 30, 210])
        result = changes(draw(p_P, 128, 100 + seed), draw(p_P + shift_P * np.minimum(1, p_P / 0.2), 128, 200 + seed))
        found_P = result.q_P <= 0.05
        assert result.up + result.down == found_P.sum()
        found += int(found_P.sum())
        false += int((found_P & (shift_P == 0)).sum()) + int(
            (found_P & (np.sign(shift_P) == -result.direction_P)).sum()
        )
        up, down = up + result.up, down + result.down
        assert 0.6 < result.unchanged_share <= 1
    assert up > 0.95 * 20 * 60
    assert down > 50
    assert false / found < 0.05


def test_without_change_there_is_nothing_to_find() -> None:
    runs = 0
    for seed in range(40):
        p_P: FloatArray = np.random.default_rng(seed).beta(0.2, 1.5, 300)
        result = changes(draw(p_P, 64, 100 + seed), draw(p_P, 64, 200 + seed))
        runs += result.up + result.down > 0
        assert result.unchanged_share > 0.9
    assert runs <= 4


def test_problems_on_which_all_samples_agree_take_no_part() -> None:
    result = changes(Counts.of(8, [0, 8, 0, 1]), Counts.of(8, [0, 8, 6, 1]))
    assert result.tested == 2
    p = fisher(8, 0, 8, 6)
    assert result.q_P == pytest.approx([1, 1, 2 * p, 1])
    assert result.direction_P.tolist() == [0, 0, 1, 0]
    assert (result.up, result.down) == (1, 0)
    silent = changes(Counts.of(8, [0]), Counts.of(8, [0]))
    assert silent.tested == 0
    assert np.isnan(silent.unchanged_share)


def test_direction_compares_shares_not_numbers() -> None:
    result = changes(Counts.of(10, [5, 5]), Counts.of(100, [20, 80]))
    assert result.direction_P.tolist() == [-1, 1]


def test_bins_hold_every_problem_once_and_have_exact_ends() -> None:
    result = changes(Counts.of(200, [0, 200, 10, 40, 100, 160, 198]), Counts.of(200, [0] * 7))
    ends = [(one.above, one.up_to) for one in result.bins]
    assert ends == [(0, 0), (0, 0.05), (0.05, 0.2), (0.2, 0.5), (0.5, 0.8), (0.8, 1), (1, 1)]
    assert sum(one.problems for one in result.bins) == 7
    assert result.bins[0].problems >= 1
    assert result.bins[-1].problems >= 1
    assert sum(one.down for one in result.bins) == 5
    assert result.bins[0].down == result.bins[0].up == 0


def test_difficulty_bins_do_not_regress_to_the_mean() -> None:
    """All problems are alike, so that a bin is luck alone: improvements must be as frequent in each."""
    base = draw(np.full(4000, 0.2), 64, 0)
    tuned = draw(np.where(np.arange(4000) % 2, 0.05, 0.45), 64, 1)
    _, _, easy, hard, *_ = changes(base, tuned).bins
    assert min(easy.problems, hard.problems) > 500
    assert easy.up / easy.problems == pytest.approx(hard.up / hard.problems, abs=0.03)
    assert easy.down / easy.problems == pytest.approx(hard.down / hard.problems, abs=0.03)


def test_one_sample_cannot_be_halved() -> None:
    assert changes(Counts.of(1, [0, 1]), Counts.of(8, [1, 2])).bins == ()


def test_bad_input() -> None:
    base = Counts.of(8, [1, 2])
    with pytest.raises(InputError, match="q: 0"):
        changes(base, base, q=0)
    with pytest.raises(InputError, match="only in base"):
        changes(base, Counts.of(8, [1]))
    with pytest.raises(InputError, match="p: "):
        holm([0.5, 1.5])
    with pytest.raises(InputError, match="p: "):
        benjamini_hochberg([float("nan")])
    with pytest.raises(InputError, match="negative"):
        fisher_exact_p([4], [-1], [4], [1])
    with pytest.raises(InputError, match="more correct"):
        fisher_exact_p([4], [1], [4], [5])
