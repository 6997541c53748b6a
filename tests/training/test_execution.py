from __future__ import annotations

import pytest
import torch

from edgewise.core.distributed import Distributed
from edgewise.core.threads import machine_cores
from edgewise.training.execution import Execution


@pytest.mark.parametrize(
    ("total", "part"),
    [(1, 1), (300, 300), (511, 511), (512, 256), (720, 360), (1100, 275), (8000, 1000), (10**6, 2048)],
)
def test_micro_batches_are_even_in_number_on_a_cpu(total: int, part: int) -> None:
    assert Execution().micro_batch_tokens(total) == part
    assert Execution(tokens_per_micro_batch=7).micro_batch_tokens(total) == 7


def test_a_gpu_gets_few_large_micro_batches_and_every_rank_one() -> None:
    gpu = Execution(device=torch.device("cuda"))
    assert gpu.micro_batch_tokens(10**6) == 65_536
    assert Execution(device=torch.device("cuda"), distributed=Distributed(0, 4)).micro_batch_tokens(1000) == 250


def test_a_gpu_computes_one_stage_at_a_time() -> None:
    assert Execution().stages_at_once() == machine_cores()
    assert Execution(torch.device("cuda")).stages_at_once() == 1
