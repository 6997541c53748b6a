"""Functions in processes of their own."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import process


def test_what_a_function_returns_comes_back_with_the_environment_that_was_set() -> None:
    assert process.call("os", "getenv", {"key": "EDGEWISE_TEST"}, EDGEWISE_TEST="here") == "here"


def test_a_failure_there_is_an_error_here_with_its_words() -> None:
    with pytest.raises(RuntimeError, match=r"(?s)math\.nothing ended with status 1: .*has no attribute 'nothing'"):
        process.call("math", "nothing", {})


def test_the_peak_is_that_of_the_process_and_not_of_the_one_that_started_it() -> None:
    held = np.ones(50 * 2**20)
    assert process.peak_bytes() > held.nbytes
    assert process.call("benchmarks.process", "peak_bytes", {}) < held.nbytes / 2
