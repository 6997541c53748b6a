"""Which k a number of samples supports."""

import pytest

from edgewise.boundary import k_grid, largest_claimable_k, usual_k
from edgewise.boundary.inference.supported_k import use_of_k
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
