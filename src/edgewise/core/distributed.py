"""Distributed execution: several processes do one computation, each its shard of the work.

Every rank draws, filters, schedules and updates from the same numbers, so all ranks hold the same models at any time.
Only what takes long is divided among them: sampling, verifying, gradients. The first rank alone writes files and to
the terminal. In sharded training (`edgewise.training.sharding`) each rank holds, updates and writes its rows of the
weights.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from itertools import chain
from typing import TYPE_CHECKING, TypeVar

from edgewise.core.errors import InputError

# Torch is imported where several processes speak, so that what runs alone needs none.
if TYPE_CHECKING:
    from torch import Tensor

T = TypeVar("T")
R = TypeVar("R")

# How long to wait for the other ranks. Longer than any part of the work takes: after it, one of them hangs.
_PATIENCE = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Distributed:
    """One process of a distributed computation: rank `rank` of `size`.

    All ranks must call the methods that wait for the others, in the same order. InputError where another rank has
    ended or has not answered for half an hour.
    """

    rank: int = 0
    size: int = 1

    @property
    def is_rank_zero(self) -> bool:
        """Whether this rank is the one that writes files and to the terminal."""
        return self.rank == 0

    def shard(self, items: Sequence[T]) -> Sequence[T]:
        """This rank's part of the items: consecutive ones, as many as the other ranks have or one more."""
        return items[len(items) * self.rank // self.size : len(items) * (self.rank + 1) // self.size]

    def all_gather(self, items: Sequence[T]) -> list[T]:
        """The items of all ranks: those of the first, then those of the second, ... Waits for all."""
        if self.size == 1:
            return list(items)
        from torch import distributed as dist

        shares: list[Sequence[T]] = [()] * self.size
        with _errors_of_others():
            dist.all_gather_object(shares, items)
        return list(chain.from_iterable(shares))

    def all_reduce_(self, tensors: Sequence[Tensor]) -> None:
        """Replace each tensor by its sum over the ranks, with the same bits on every rank. Waits for all.

        The tensors have one type.
        """
        if self.size == 1 or not tensors:
            return
        import torch
        from torch import distributed as dist

        flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
        with _errors_of_others():
            dist.all_reduce(flat)
        for tensor, total in zip(tensors, flat.split([tensor.numel() for tensor in tensors]), strict=True):
            tensor.copy_(total.view_as(tensor))

    def on_rank_zero(self, function: Callable[[], R]) -> R:
        """Call `function` on the first rank alone; returns its value on every rank. Waits for all."""
        return self.all_gather([function()] if self.is_rank_zero else [])[0]


SINGLE_PROCESS = Distributed()


@contextmanager
def process_group(device: str) -> Iterator[Distributed]:
    """Join the process group that torchrun started; a single process where it did not.

    The ranks communicate by gloo, and by nccl for tensors on GPUs. On a machine with several GPUs, "cuda" is the GPU
    of this rank from here on. InputError where there is no GPU for it, or where `device` names one for all ranks.
    """
    size = int(os.environ.get("WORLD_SIZE", 1))
    if size == 1:
        yield SINGLE_PROCESS
        return
    import torch
    from torch import distributed as dist

    backend = "gloo"
    if device.startswith("cuda"):
        backend = "cpu:gloo,cuda:nccl"
        torch.cuda.set_device(_own_gpu(device))
    dist.init_process_group(backend, timeout=_PATIENCE)
    yield Distributed(dist.get_rank(), size)
    # Not after an error: then the process ends, which the others notice, and waiting for them could take for ever.
    dist.destroy_process_group()


def _own_gpu(device: str) -> int:
    import torch

    local, gpus = int(os.environ["LOCAL_RANK"]), torch.cuda.device_count()
    if device != "cuda":
        raise InputError(f"device: each rank takes a GPU of its own; must be cuda, is {device!r}")
    if local >= gpus:
        raise InputError(f"device: rank {local} of this machine has no GPU, there are {gpus}; start that many ranks")
    return local


@contextmanager
def _errors_of_others() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        raise InputError(
            "ranks: another one ended, and says why, or has not answered for half an hour;"
            f" what is complete is kept ({str(error).splitlines()[0]:.120})"
        ) from error
