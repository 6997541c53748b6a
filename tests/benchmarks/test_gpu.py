from __future__ import annotations

import pytest
import torch

from benchmarks import gpu
from edgewise.core.errors import InputError

pytest.importorskip("transformers")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_it_is_said() -> None:
    with pytest.raises(InputError, match="gpu: this benchmark needs a CUDA device"):
        gpu.measure(1)


def test_training_and_a_step_are_measured_on_any_device() -> None:
    cpu = torch.device("cpu")
    trained = gpu.pretraining(gpu.TINY, cpu, peak=1e9)
    stepped = gpu.rl_step(gpu.TINY, cpu)
    assert trained["tokens_per_second"] > 0 and trained["mfu"] > 0
    assert stepped["tokens"] == gpu.TINY.prompts * gpu.TINY.samples * gpu.TINY.new_tokens


@pytest.mark.slow
def test_everything_is_measured_on_any_device() -> None:
    found = {one.name: one.value for one in gpu.findings(gpu.TINY, torch.device("cpu")).measurements}
    assert len(found) == 10 and all(value > 0 for value in found.values())
    parts = [found[f"gpu_hours_{part}"] for part in ("pretrain", "rl", "evaluate")]
    assert found["gpu_hours_all"] == pytest.approx(sum(parts))


def test_hours_are_those_of_the_amounts() -> None:
    plan = gpu.Plan(training_tokens=3.6e6, rl_steps=10, completions=1000.0, mean_tokens=36.0)
    hours = gpu.projected_hours(
        {"tokens_per_second": 1000.0},
        {"tokens_per_second_bf16": 10.0},
        {"seconds_per_token": 0.5},
        gpu.TINY,
        plan,
    )
    rl = 10 * gpu.TINY.prompts * gpu.TINY.samples * 36 * 0.5 / 3600
    assert hours == pytest.approx({"pretrain": 1.0, "rl": rl, "evaluate": 1.0, "all": 2.0 + rl})
