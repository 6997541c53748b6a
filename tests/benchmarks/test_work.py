"""What a task requires at least."""

from __future__ import annotations

import pytest

from benchmarks.machine import Peaks
from benchmarks.memory import activation_bytes, cache_bytes
from benchmarks.models import SMALL
from benchmarks.work import Work, achieved, sampling_work, training_work, update_work

V = 512
N = SMALL.matmul_parameters(V)


def test_training_needs_six_flops_a_weight_and_token_and_causal_attention() -> None:
    work = training_work(SMALL, V, rows=16, row_length=512)
    assert work.flops == pytest.approx(16 * 512 * (6 * N + 6 * SMALL.layers * SMALL.width * 512))


def test_a_prompt_is_computed_and_read_once_for_its_group() -> None:
    one, four = (sampling_work(SMALL, V, 2, samples, 64, 10) for samples in (1, 4))
    own = 2 * 10 * (2 * N + 4 * SMALL.layers * SMALL.width * (64 + 5))
    assert four.flops - one.flops == pytest.approx(3 * own)
    assert four.bytes - one.bytes == pytest.approx(3 * 2 * 10 * 5 * SMALL.kv_bytes_per_token())
    assert one.bytes == pytest.approx(2 * 10 * (5 + 64) * SMALL.kv_bytes_per_token())


def test_a_gradient_costs_three_forward_passes() -> None:
    size = (SMALL, V, 2, 4, 64, 10)
    assert update_work(*size).flops == pytest.approx(3 * sampling_work(*size).flops)


def test_shares_are_of_the_better_precision_and_of_the_copy() -> None:
    found = achieved(Work(50.0, 8.0), 2.0, Peaks(1, 100.0, 40.0, 16.0))
    assert found == {"flops_per_second": 25.0, "flops_share": 0.25, "bytes_per_second": 4.0, "bytes_share": 0.25}


def test_the_cache_holds_a_prompt_once_for_its_group() -> None:
    assert cache_bytes(SMALL, 2, 3, 64, 10) == 2 * (64 + 30) * 2 * 4 * 128 * 4


def test_activations_grow_with_tokens() -> None:
    per_token = 4 * (4 * (8 * 128 + 3 * 512) + 2 * 128 + 2 * V)
    assert activation_bytes(SMALL, V, 7) == 7 * per_token
