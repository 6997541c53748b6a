from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import combinations
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewise.boundary.inference.estimators import pass_at_k
from edgewise.boundary.inference.resampling import Bootstrap
from edgewise.boundary.measures.max_at_k import best_scores, max_at_k
from edgewise.core.errors import InputError
from edgewise.outcomes.outcomes import Outcomes


def scored(*problems: Sequence[float], clusters: list[str] | None = None) -> Outcomes:
    sizes = [len(one) for one in problems]
    return Outcomes(
        problem=np.array([f"{i:05d}" for i in range(len(problems))]),
        level=np.zeros(len(problems), dtype=np.int64),
        problem_S=np.repeat(np.arange(len(problems), dtype=np.int32), sizes),
        sample_S=np.concatenate([np.arange(size) for size in sizes]),
        answer_S=np.zeros(sum(sizes), dtype=np.int8),
        score_S=np.concatenate([np.asarray(one, dtype=np.float64) for one in problems]),
        cluster=None if clusters is None else np.array(clusters),
    )


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(-3, 5), min_size=1, max_size=8))
def test_is_the_mean_maximum_of_every_subset_ties_included(scores: list[int]) -> None:
    for k in range(1, len(scores) + 1):
        exact = Fraction(sum(max(one) for one in combinations(scores, k)), comb(len(scores), k))
        assert max_at_k(scores, k) == pytest.approx(float(exact), rel=1e-12, abs=1e-12)


def test_known_value() -> None:
    # arXiv:2505.15201, checked by enumeration.
    assert max_at_k([0.5, 0.1, 0.3, 0.7, 0.9], 2) == pytest.approx(0.7, rel=1e-14)


@pytest.mark.parametrize("n", [7, 400, 16384])
def test_scores_of_zero_and_one_give_pass_at_k(n: int) -> None:
    for c in {0, 1, 2, n // 3, n - 1, n}:
        for k in {1, 2, n // 2, n - 1, n}:
            scores = np.repeat([1.0, 0.0], [c, n - c])
            assert max_at_k(scores, k) == pytest.approx(pass_at_k(n, c, k), rel=1e-11, abs=0)


def test_scaling_and_shifting_the_scores_scales_and_shifts_the_value() -> None:
    scores = np.random.default_rng(0).normal(size=50)
    for k in (1, 5, 50):
        assert max_at_k(3 * scores - 2, k) == pytest.approx(3 * max_at_k(scores, k) - 2, rel=1e-12)
    assert max_at_k(scores, 1) == pytest.approx(scores.mean())
    assert max_at_k(scores, 50) == pytest.approx(scores.max())
    assert np.isnan(max_at_k(scores, 51)) and np.isnan(max_at_k([], 1))


def test_the_mean_over_problems_with_different_numbers_of_samples() -> None:
    problems = [[0.2, 0.9, 0.4], [0.5] * 5, [1.0, 0.0, 0.0], [0.3, 0.1]]
    found = best_scores(scored(*problems), [1, 2, 3], bootstrap=Bootstrap(400))
    for j, k in enumerate((1, 2)):
        assert found.value_K[j] == pytest.approx(np.mean([max_at_k(one, k) for one in problems]))
        assert found.low_K[j] < found.value_K[j] < found.high_K[j]
    assert np.isnan(found.value_K[2]) and np.isnan(found.low_K[2])
    assert (found.n, found.problems) == (2, 4)


def test_rows_in_any_order_give_the_same() -> None:
    outcomes = scored([0.2, 0.9, 0.4], [1.0, 0.0, 0.3])
    order = np.array([4, 0, 5, 2, 3, 1])
    assert outcomes.score_S is not None
    moved = replace(
        outcomes,
        problem_S=outcomes.problem_S[order],
        sample_S=outcomes.sample_S[order],
        answer_S=outcomes.answer_S[order],
        score_S=outcomes.score_S[order],
    )
    assert best_scores(moved, [1, 2]).value_K.tolist() == best_scores(outcomes, [1, 2]).value_K.tolist()


def test_one_value_throughout_is_bounded_by_the_scores_range() -> None:
    known = best_scores(scored([0.5, 0.5], [0.5, 0.5]), [2])
    assert 0 <= known.low_K[0] < 0.5 < known.high_K[0] <= 1
    wide = best_scores(scored([-4.0, 8.0], [8.0, -4.0]), [1])
    assert -4 <= wide.low_K[0] < 0 and 4 < wide.high_K[0] <= 8


def test_clusters_widen_the_interval() -> None:
    problems = [[0.9, 0.8], [0.1, 0.3]] * 20
    apart = best_scores(scored(*problems), [1])
    together = best_scores(scored(*problems, clusters=["x", "y"] * 20), [1])
    assert together.high_K[0] - together.low_K[0] > 2 * (apart.high_K[0] - apart.low_K[0])


def test_bad_input() -> None:
    outcomes = scored([0.1, 0.2])
    with pytest.raises(InputError, match="score: no sample"):
        best_scores(replace(outcomes, score_S=None), [1])
    with pytest.raises(InputError, match="score: nan in row 1"):
        best_scores(replace(outcomes, score_S=np.array([0.1, np.nan])), [1])
    with pytest.raises(InputError, match="score: inf"):
        max_at_k([np.inf, 0.0], 1)
    with pytest.raises(InputError, match="k: 0"):
        best_scores(outcomes, [0])
    with pytest.raises(InputError, match="confidence"):
        best_scores(outcomes, [1], bootstrap=Bootstrap(confidence=1.5))
