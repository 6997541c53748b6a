"""Work on several cores: threads that share nothing but the weights they read.

Inside a thread torch uses that thread alone. Splitting each small operation over the cores instead
would make them wait for each other thousands of times a second, and all of them for the one that
another process disturbs.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import torch

T = TypeVar("T")
R = TypeVar("R")


def machine_cores() -> int:
    """Cores that the system gives this process; all of the machine's where it does not say."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def usable_cores() -> int:
    """Cores that this process may use: OMP_NUM_THREADS where it is set, else those that the system gives it."""
    asked = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0]
    return max(1, (int(asked) if asked.isdecimal() else machine_cores()) // _sharing())


def shared_among(processes: Callable[[], int]) -> None:
    """From now on this process has its part of the cores, where `processes` says how many share them just then."""
    global _sharing
    _sharing = processes


def _alone() -> int:
    return 1


_sharing = _alone


def map_in_order(function: Callable[[T], R], items: Sequence[T], device: torch.device) -> Iterator[R]:
    """`function` of each item, in the order of the items, on as many threads as there are cores for it.

    A GPU is asked by one thread. Gradients are recorded, or not, as where this is called. The caller's own
    torch has one thread too, until it has the last result.
    """
    threads = min(usable_cores(), len(items)) if device.type == "cpu" else 1
    if threads <= 1:
        yield from map(function, items)
        return
    import torch  # only where there is something to compute: specs, worlds and audits need no torch

    recording, own = torch.is_grad_enabled(), torch.get_num_threads()

    def work(item: T) -> R:
        with torch.set_grad_enabled(recording):
            return function(item)

    with ThreadPoolExecutor(threads, initializer=partial(torch.set_num_threads, 1)) as pool:
        # What the caller does with one result would else take the cores from the next ones.
        torch.set_num_threads(1)
        try:
            yield from pool.map(work, items)
        finally:
            torch.set_num_threads(own)
