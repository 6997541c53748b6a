"""Which k a number of samples supports."""

import numpy as np
import pytest

from edgewise.boundary import k_grid, largest_claimable_k, usual_k
from edgewise.boundary.inference.supported_k import supports, use_of_k, usual_k_of
from edgewise.core.errors import InputError


def test_k_grid() -> None:
    assert k_grid(1) == [1]
    assert k_grid(7) == [1, 2, 4]
    assert k_grid(8) == [1, 2, 4, 8]
    assert k_grid(10) == [1, 2, 4, 8, 10]
    assert k_grid(128) == [1, 2, 4, 8, 10, 16, 32, 50, 64, 100, 128]
    with pytest.raises(InputError, match="n: 0"):
        k_grid(0)


def test_claims_need_two_samples_for_each_of_k() -> None:
    assert [largest_claimable_k(n) for n in (1, 2, 63, 64)] == [0, 1, 31, 32]
    assert [usual_k(n) for n in (1, 4, 31, 40, 63, 64, 400)] == [1, 1, 4, 8, 8, 16, 64]
    assert [use_of_k(k, 64) for k in (16, 17, 32, 33)] == ["claim", "claim", "claim", "dotted"]


def test_few_problems_with_few_samples_do_not_lower_the_k_of_all() -> None:
    n_P = np.array([7] + [64] * 499)
    assert usual_k_of(n_P) == 16
    assert supports(n_P, 16).sum() == 499
    # A tenth is left out at most, and none of nine.
    assert usual_k_of(np.array([7] * 10 + [64] * 90)) == 16
    assert usual_k_of(np.array([7] * 11 + [64] * 90)) == 1
    assert usual_k_of(np.array([7] + [64] * 8)) == 1
    assert supports(np.array([1, 2]), 1).all()
