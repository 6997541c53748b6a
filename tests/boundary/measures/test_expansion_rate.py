from __future__ import annotations

import math

import numpy as np
import pytest

from edgewise.boundary.inference.resampling import Bootstrap
from edgewise.boundary.measures.expansion_rate import redrawn_expansion
from edgewise.boundary.measures.solved import solved_sets
from edgewise.core.errors import InputError
from edgewise.outcomes.counts import Counts, FloatArray


def draw(p_P: FloatArray, n: int, seed: int) -> Counts:
    return Counts.of(n, np.random.default_rng(seed).binomial(n, p_P))


def test_redrawn_shares_are_those_of_random_splits_of_the_recorded_samples() -> None:
    base, tuned = Counts.of([9, 8, 12, 8], [1, 2, 0, 6]), Counts.of([4, 5, 6, 4], [1, 0, 3, 4])
    many_base = Counts.of(np.tile(base.n_P, 20000), np.tile(base.c_P, 20000))
    first, rest = many_base.deal(3, 0)
    second, _ = rest.deal(3, 1)
    others, _ = Counts.of(np.tile(tuned.n_P, 20000), np.tile(tuned.c_P, 20000)).deal(3, 2)
    none_P = first.c_P == 0
    unsolved, again, by_tuned = (int((none_P & also_P).sum()) for also_P in (none_P, second.c_P > 0, others.c_P > 0))
    found = redrawn_expansion(base, tuned, 3, bootstrap=Bootstrap(10))
    assert found.unsolved.value == pytest.approx(unsolved / 20000, rel=0.01)
    assert found.base.value == pytest.approx(again / unsolved, rel=0.02)
    assert found.tuned.value == pytest.approx(by_tuned / unsolved, rel=0.02)
    assert found.excess.value == pytest.approx(found.tuned.value - found.base.value)


def test_redrawn_shares_agree_with_the_solved_sets() -> None:
    p_P: FloatArray = np.random.default_rng(0).beta(0.2, 1.5, 100)
    base, tuned = draw(p_P, 64, 1), draw(p_P**0.8, 64, 2)
    found, sets = redrawn_expansion(base, tuned), solved_sets(base, tuned)
    assert found.m == sets.m == 32
    assert found.unsolved.value * found.base.value == pytest.approx(sets.floor.value)
    assert found.unsolved.value * found.tuned.value == pytest.approx(sets.tuned_only.value)
    assert found.unsolved.value == pytest.approx(sets.tuned_only.value + sets.neither.value)


def test_regression_to_the_mean_is_not_expansion() -> None:
    covered, apparent = 0, []
    for seed in range(60):
        p_P: FloatArray = np.random.default_rng(seed).beta(0.2, 1.5, 150)
        found = redrawn_expansion(draw(p_P, 128, 300 + seed), draw(p_P, 128, 600 + seed), bootstrap=Bootstrap(300))
        covered += found.excess.low <= 0 <= found.excess.high
        apparent.append(found.tuned.value)
    assert covered >= 53
    assert np.mean(apparent) > 0.08


def test_a_planted_expansion_shows_on_the_unsolved_problems() -> None:
    base_P: FloatArray = np.r_[np.zeros(30), np.linspace(0.1, 0.9, 30)]
    tuned_P = np.where(np.arange(60) < 10, 0.05, base_P)
    found = redrawn_expansion(draw(base_P, 512, 0), draw(tuned_P, 512, 1))
    assert found.excess.low < 1 / 3 < found.excess.high
    assert found.excess.low > 0.1
    assert found.base.value == pytest.approx(0, abs=0.01)


def test_a_share_of_zero_among_few_unsolved_problems_is_not_certain() -> None:
    counts = Counts.of(64, [0] * 10 + [60] * 90)
    found = redrawn_expansion(counts, counts)
    assert (found.tuned.value, found.tuned.low) == (0, 0)
    assert 0.2 < found.tuned.high < 0.5


def test_redrawn_shares_are_unknown_where_the_base_solves_every_problem() -> None:
    counts = Counts.of(8, [8, 7])
    found = redrawn_expansion(counts, counts)
    assert found.unsolved.value == 0
    assert all(math.isnan(one) for one in (found.base.value, found.tuned.low, found.excess.high))


def test_bad_input() -> None:
    base = Counts.of(8, [1, 2])
    for m in (0, 5):
        with pytest.raises(InputError, match=f"m: {m} samples"):
            redrawn_expansion(base, base, m)
    with pytest.raises(InputError, match="only in base"):
        redrawn_expansion(base, Counts.of(8, [1]))
