"""Execution: on which device, in micro-batches of which size, with how many helpers a computation runs.

None of it is part of a spec or of a digest, and none of it changes a result beyond rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import torch

from edgewise.core.distributed import SINGLE_PROCESS, Distributed
from edgewise.core.errors import InputError
from edgewise.core.threads import ALL_CORES, Cores, machine_cores, map_in_order

# One process prepares some 700,000 tokens a second of graph arithmetic in English, as many as 100M parameters on an
# H100 take.
_LOADER_WORKERS_OF_A_GPU = 4
# Starting a loader process takes most of a second, as long as some hundred steps of a small model would wait for data.
_STEPS_WORTH_A_LOADER = 500

_LEAST_TOKENS, _MOST_TOKENS, _TOKENS_OF_A_GPU = 256, 2048, 65_536

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Execution:
    """Device, backend, micro-batch size, data workers, ranks and sharding of a computation.

    `backend` is what computes the model: auto, torch or native (see `edgewise.model.backend`). It changes
    roundings and nothing else. `tokens_per_micro_batch` bounds memory. `data_workers` processes prepare data ahead.
    None means what suits the device. The processes of `distributed` share the work. `cores` are those of this process.
    `shard` divides what is trained among the processes (see `edgewise.training.sharding`): weights, gradients and
    moments. InputError where there is one process alone, or the backend is not torch.
    """

    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    backend: str = "auto"
    tokens_per_micro_batch: int | None = None
    data_workers: int | None = None
    distributed: Distributed = SINGLE_PROCESS
    cores: Cores = ALL_CORES
    shard: bool = False

    def __post_init__(self) -> None:
        if self.shard and self.distributed.size == 1:
            raise InputError("shard: divides a model among ranks, and there is one; start 2 or more with torchrun")
        if self.shard and self.backend != "torch":
            raise InputError(f"backend: must be torch with shard, is {self.backend}; the others need whole weights")

    def map_in_order(self, function: Callable[[T], R], items: Sequence[T]) -> Iterator[R]:
        """Yield `function` of each item, in order, on this device and these cores."""
        return map_in_order(function, items, self.device, self.cores)

    def loader_workers(self, steps: int) -> int:
        """How many processes prepare data for a run of `steps`: `data_workers`, or what suits the device.

        A GPU takes more than one process prepares. On a CPU one is enough. A short run on a CPU gets none: it would
        be over before the process has started.
        """
        if self.data_workers is not None:
            return self.data_workers
        if self.device.type != "cpu":
            return _LOADER_WORKERS_OF_A_GPU
        return int(steps >= _STEPS_WORTH_A_LOADER)

    def stages_at_once(self) -> int:
        """How many stages of a study suit the device: one a core; one on a GPU, whose memory they would share."""
        return machine_cores() if self.device.type == "cpu" else 1

    def micro_batch_tokens(self, total: int) -> int:
        """Tokens of one micro-batch of `total` tokens: `tokens_per_micro_batch`, or what suits the device.

        On a CPU: up to eight equal micro-batches, an even number of them, so that several cores have equally much
        to do. There are fewer where starting one would cost more than computing it, and more where one would leave
        the caches. The number of cores does not enter, so it changes no result. On GPUs every rank gets one.
        """
        if self.tokens_per_micro_batch is not None:
            return self.tokens_per_micro_batch
        if self.device.type != "cpu":
            ranks = self.distributed.size
            return min(_TOKENS_OF_A_GPU, -(-total // ranks)) if ranks > 1 else _TOKENS_OF_A_GPU
        count = min(8, total // _LEAST_TOKENS)
        return min(-(-total // max(1, count - count % 2)), _MOST_TOKENS)


CPU = Execution()
"""One process on the CPU."""


def check_device(name: str) -> torch.device:
    """The device of this name; InputError where it cannot be used here."""
    try:
        torch.zeros(1, device=name)
    except (RuntimeError, AssertionError) as error:
        raise InputError(f"device: {name!r} cannot be used ({str(error).splitlines()[0]:.80}); try cpu") from None
    return torch.device(name)
