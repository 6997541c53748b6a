"""Threads: an ordered map over items on the cores of this process, how many cores those are, and calls that Ctrl-C
leaves.

The threads share nothing but the weights they read. Inside a thread torch uses that thread alone. Splitting each small
operation over the cores instead would make them wait for each other thousands of times a second, and all of them for
the one that another process disturbs.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import torch

T = TypeVar("T")
R = TypeVar("R")


def machine_cores() -> int:
    """Cores that the system gives this process; all of the machine's where it does not say."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _one() -> int:
    return 1


@dataclass(frozen=True, slots=True)
class Cores:
    """The cores that this process may use. `processes` says how many processes share them at this moment."""

    processes: Callable[[], int] = _one

    def usable(self) -> int:
        """Its part of the cores, at least 1: of OMP_NUM_THREADS where it is set, else of those the system gives it."""
        asked = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0]
        cores = int(asked) if asked.isdecimal() else machine_cores()
        return max(1, cores // max(1, self.processes()))


ALL_CORES = Cores()
"""No other process shares the cores."""


def map_in_order(
    function: Callable[[T], R], items: Sequence[T], device: torch.device, cores: Cores = ALL_CORES
) -> Iterator[R]:
    """Yield `function` of each item, in the order of the items, computed on as many threads as there are cores.

    On a GPU there is one thread. Gradients are recorded, or not, as where this is called. Until the last result is
    taken the caller's own torch has one thread too. Ctrl-C does not wait for items that are being computed.
    """
    threads = min(cores.usable(), len(items)) if device.type == "cpu" else 1
    if threads <= 1:
        yield from map(function, items)
        return
    import torch  # only where there is something to compute: specs, worlds and audits need no torch

    recording, own_threads = torch.is_grad_enabled(), torch.get_num_threads()

    def work(item: T) -> R:
        with torch.set_grad_enabled(recording):
            return function(item)

    pool = ThreadPoolExecutor(threads, initializer=partial(torch.set_num_threads, 1))
    # What the caller does with one result would else take the cores from the next ones.
    torch.set_num_threads(1)
    interrupted = True
    try:
        yield from pool.map(work, items)
        interrupted = False
    except (Exception, GeneratorExit):
        interrupted = False
        raise
    finally:
        torch.set_num_threads(own_threads)
        pool.shutdown(wait=not interrupted, cancel_futures=True)


def leavable(function: Callable[[], R], *used: object) -> R:
    """The result of a compiled function that runs for long and lets other threads run; Ctrl-C does not wait for it.

    Python handles signals in the main thread, between two instructions. So the main thread waits, and another one
    calls. Where it leaves, the call runs on, ends with the process, and its result is dropped; `used` are the objects
    whose memory it uses.
    """
    if threading.current_thread() is not threading.main_thread():
        return function()
    result: Future[R] = Future()

    def call(used: tuple[object, ...]) -> None:
        try:
            result.set_result(function())
        except BaseException as error:
            result.set_exception(error)

    thread = threading.Thread(target=call, args=(used,), daemon=True)
    thread.start()
    result.exception()  # waits; Ctrl-C leaves here
    # A daemon thread that is still ending when Python ends can abort the process.
    thread.join()
    return result.result()
