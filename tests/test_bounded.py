from __future__ import annotations

import pytest

from tests.bounded import bounded


def test_a_block_over_its_limit_fails_and_one_within_it_does_not() -> None:
    with pytest.raises(AssertionError, match="s of CPU time for 0 s"), bounded(0):
        sum(range(100_000))
    with bounded(5):
        sum(range(100_000))
