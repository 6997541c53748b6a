from __future__ import annotations

from typing import Literal

import numpy as np
import pytest
from scipy import stats

from edgewise.boundary.inference.multiple_testing import fisher_exact_tails
from edgewise.boundary.measures.changes import MOST_NAMED, changes
from edgewise.core.errors import InputError
from edgewise.outcomes.counts import Counts, FloatArray


def fisher(n: int, c: int, m: int, d: int, alternative: Literal["less", "greater"]) -> float:
    return float(stats.fisher_exact(np.array([[c, n - c], [d, m - d]]), alternative=alternative)[1])


def draw(p_P: FloatArray, n: int, seed: int) -> Counts:
    return Counts.of(n, np.random.default_rng(seed).binomial(n, p_P))


def test_planted_changes_are_found_and_few_others() -> None:
    """A fifth goes up, a tenth down; over 20 runs the share of false ones stays below q."""
    false = found = up = down = 0
    for seed in range(20):
        p_P: FloatArray = np.random.default_rng(seed).uniform(0.1, 0.6, 300)
        shift_P = np.repeat([0.3, -0.2, 0.0], [60, 30, 210])
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
    assert down > 0.5 * 20 * 30
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
    p = fisher(8, 0, 8, 6, "less")
    assert result.p_P == pytest.approx([1, 1, p, 1])
    assert result.q_P == pytest.approx([1, 1, 2 * p, 1])
    assert result.direction_P.tolist() == [0, 0, 1, 0]
    assert (result.up, result.down) == (1, 0)
    silent = changes(Counts.of(8, [0]), Counts.of(8, [0]))
    assert silent.tested == 0
    assert np.isnan(silent.unchanged_share)


def test_falls_and_rises_are_adjusted_apart() -> None:
    """Many true rises do not lower what a fall needs: 1 of 200 at p = 0.01 is not named, beside 199 rises or none."""
    base, tuned = Counts.of(32, [2] * 199 + [7]), Counts.of(32, [28] * 199 + [0])
    p_fall = fisher(32, 7, 32, 0, "greater")
    assert p_fall < 0.01
    result = changes(base, tuned)
    assert result.up == 199 and result.down == 0
    assert result.q_P[-1] == pytest.approx(min(1, 200 * p_fall))
    assert changes(base.select(np.arange(200) > 190), tuned.select(np.arange(200) > 190)).down == 1


def test_tails_are_those_of_scipy() -> None:
    rng = np.random.default_rng(3)
    n_P, m_P = rng.integers(1, 60, (2, 50))
    c_P, d_P = rng.integers(0, n_P + 1), rng.integers(0, m_P + 1)
    fell_P, rose_P = fisher_exact_tails(n_P, c_P, m_P, d_P)
    tables = np.stack([n_P, c_P, m_P, d_P], axis=1).tolist()
    assert fell_P == pytest.approx([fisher(n, c, m, d, "greater") for n, c, m, d in tables])
    assert rose_P == pytest.approx([fisher(n, c, m, d, "less") for n, c, m, d in tables])


def test_problems_are_named_with_both_rates_the_most_moved_first() -> None:
    result = changes(Counts.of(64, [0, 32, 60, 30, 30]), Counts.of(64, [40, 33, 2, 0, 31]))
    assert [(p.problem, p.base_c, p.base_n, p.tuned_c, p.tuned_n) for p in result.losses] == [
        ("000002", 60, 64, 2, 64),
        ("000003", 30, 64, 0, 64),
    ]
    assert [p.problem for p in result.gains] == ["000000"]
    assert (result.up, result.down) == (1, 2)
    many = changes(Counts.of(64, [60] * 80), Counts.of(64, [0] * 80))
    assert many.down == 80 and len(many.losses) == MOST_NAMED


def test_sharpening_names_no_problem_as_lost() -> None:
    """Odds of success rise on all problems: among hundreds of rises, hardly a run names a fall."""
    false = 0
    for seed in range(30):
        p_P: FloatArray = np.random.default_rng(seed).beta(0.5, 0.5, 300)
        odds_P = p_P / (1 - p_P) * np.exp(1.5)
        result = changes(draw(p_P, 64, 100 + seed), draw(odds_P / (1 + odds_P), 64, 200 + seed))
        assert result.up > 50
        false += result.down > 0
    assert false <= 1


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


def test_nothing_is_tested_where_a_claim_is_forbidden() -> None:
    base, tuned = Counts.of(64, [0, 32, 64]), Counts.of(64, [40, 0, 64])
    assert (changes(base, tuned).up, changes(base, tuned).down) == (1, 1)
    found = changes(base, tuned, concerns=["every draw is there twice"])
    assert (found.up, found.down, found.tested, found.gains) == (0, 0, 0, ()) and (found.q_P == 1).all()
    assert all(part.up == part.down == 0 for part in found.bins)
