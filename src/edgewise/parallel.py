"""Work on several cores: threads that share nothing but the weights they read.

Inside a thread torch uses that thread alone. Splitting each small operation over the cores instead
would make them wait for each other thousands of times a second, and all of them for the one that
another process disturbs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

import torch

T = TypeVar("T")
R = TypeVar("R")


def in_order(function: Callable[[T], R], items: Sequence[T], device: torch.device) -> Iterator[R]:
    """`function` of each item, in the order of the items, on as many threads as torch may use here.

    A GPU is asked by one thread. Gradients are recorded, or not, as where this is called.
    """
    threads = min(torch.get_num_threads(), len(items)) if device.type == "cpu" else 1
    if threads <= 1:
        yield from map(function, items)
        return
    with ThreadPoolExecutor(threads, initializer=partial(torch.set_num_threads, 1)) as pool:
        recording = torch.is_grad_enabled()

        def work(item: T) -> R:
            with torch.set_grad_enabled(recording):
                return function(item)

        yield from pool.map(work, items)
