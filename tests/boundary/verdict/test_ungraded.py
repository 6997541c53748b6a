"""What ungraded samples are taken to have been: left out, or right as often as graded ones allow."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edgewise.boundary import Counts, Outcomes
from edgewise.boundary.verdict.ungraded import AS_COUNTED, favoured, graded_alone, scenarios


def counts(n: int, c: list[int], ungraded: list[int]) -> Counts:
    return replace(Counts.of(n, c), unscorable_P=np.array(ungraded))


@pytest.mark.parametrize(
    ("c", "ungraded", "right"),
    [(0, 0, 0), (0, 64, 64), (0, 32, 2), (24, 16, 16), (6, 44, 29.3), (12, 16, 8.5)],
)
def test_ungraded_samples_are_right_at_most_twice_as_often_as_graded_ones(c: int, ungraded: int, right: float) -> None:
    """(0, 32): 32 x 2 x 1/33. (6, 44): 44 x 2 x 7/21 = 29.3. (12, 16): 16 x 2 x 13/49 = 8.5, over two problems 17."""
    read = favoured(counts(64, [c, c], [ungraded, ungraded]))
    assert (read.c_P - c).sum() == round(2 * right)
    assert np.abs(read.c_P - c - right).max() < 1
    assert (read.n_P == 64).all() and not read.ungraded_at_most_P.any()


def test_small_shares_add_up_over_problems() -> None:
    """4 of 64 samples of each of 100 problems, 2/61 of them right: 13 samples in all, none of them lost by rounding."""
    read = favoured(counts(64, [0] * 100, [4] * 100))
    assert read.c_P.sum() == 13 and read.c_P.max() == 1


def test_left_out_are_those_of_problems_that_keep_2k_samples() -> None:
    read = graded_alone(counts(16, [4, 2, 0], [8, 12, 16]), k=4)
    assert read.n_P.tolist() == [8, 16, 16]
    assert read.c_P.tolist() == [4, 8, 0]


def test_without_ungraded_samples_nothing_is_tried() -> None:
    pair = Counts.of(8, [1, 2]), Counts.of(8, [3, 4])
    assert scenarios([pair], 2) == {AS_COUNTED: [pair]}


def test_a_sample_that_is_cut_off_and_unscorable_is_counted_once_and_a_right_one_not_at_all() -> None:
    outcomes = Outcomes.of(
        problem=["a"] * 5, sample=range(5), answer=[-1, -1, 0, 1, 0], truncated=[True, False, True, True, False]
    )
    of_samples = outcomes.counts()
    assert of_samples.ungraded_P is not None and of_samples.ungraded_P.tolist() == [3]
    # From totals alone it may be as many as are not right.
    assert replace(of_samples, ungraded_P=None).ungraded_at_most_P.tolist() == [4]
    assert of_samples.select(np.array([True])).ungraded_at_most_P.tolist() == [3]
