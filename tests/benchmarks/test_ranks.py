from __future__ import annotations

import pytest

from benchmarks import ranks


@pytest.mark.slow
@pytest.mark.parametrize(("count", "threads"), [(1, 2), (2, 1)])
def test_a_step_is_timed_on_ranks_of_their_own(count: int, threads: int) -> None:
    assert 0 < ranks.seconds_with(count, threads, seed=1, steps=1, new_tokens=4) < 30


@pytest.mark.slow
def test_what_fails_there_is_said_here() -> None:
    with pytest.raises(RuntimeError, match="torchrun ended with status 1"):
        ranks.seconds_with(1, 1, seed=1, steps=0, new_tokens=4)
