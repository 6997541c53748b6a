"""Distributed execution: several processes do one computation, each its shard of the work.

Whatever is drawn, filtered, scheduled and stepped is computed by every rank from the same numbers, so that all
hold the same models at any time. Only what takes long is shared out: sampling, judging, gradients. Files and the
terminal are the first rank's.
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

# How long one waits for the others: longer than any share of work takes, so that it means that one hangs.
_PATIENCE = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Distributed:
    """This process, `rank` of `size`. What waits for the others must be called by all of them, in the same order.

    Where another rank has ended, or has not answered for half an hour, InputError is raised instead of waiting on.
    """

    rank: int = 0
    size: int = 1

    @property
    def is_rank_zero(self) -> bool:
        """Whether this rank is the one that writes files and speaks to the terminal."""
        return self.rank == 0

    def shard(self, items: Sequence[T]) -> Sequence[T]:
        """This rank's share: a run of the items, as long as the others' or one longer; empty where items are few."""
        return items[len(items) * self.rank // self.size : len(items) * (self.rank + 1) // self.size]

    def all_gather(self, found: Sequence[T]) -> list[T]:
        """What all ranks found: the first rank's, then the second's. Waits for all."""
        if self.size == 1:
            return list(found)
        from torch import distributed as dist

        shares: list[Sequence[T]] = [()] * self.size
        with _others():
            dist.all_gather_object(shares, found)
        return list(chain.from_iterable(shares))

    def all_reduce_(self, tensors: Sequence[Tensor]) -> None:
        """Put the sum over the ranks, the same bits on each, in place of tensors of one type. Waits for all."""
        if self.size == 1 or not tensors:
            return
        import torch
        from torch import distributed as dist

        flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
        with _others():
            dist.all_reduce(flat)
        for tensor, total in zip(tensors, flat.split([tensor.numel() for tensor in tensors]), strict=True):
            tensor.copy_(total.view_as(tensor))

    def on_rank_zero(self, function: Callable[[], R]) -> R:
        """What `function` returns on the first rank, the only one that calls it. Waits for all."""
        return self.all_gather([function()] if self.is_rank_zero else [])[0]


SINGLE_PROCESS = Distributed()


@contextmanager
def process_group(device: str) -> Iterator[Distributed]:
    """The ranks that torchrun started, of which this process is one; alone where it was started by itself.

    They speak by gloo, and about tensors on GPUs by nccl. On a machine with several GPUs "cuda" is from
    here on the one of this rank. InputError where there is none for it, or where `device` names one for all.
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
    # After an error the process ends, which the others notice; here they could be waited for in vain.
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
def _others() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        raise InputError(
            "ranks: another one ended, and says why, or has not answered for half an hour;"
            f" what is complete is kept ({str(error).splitlines()[0]:.120})"
        ) from error
