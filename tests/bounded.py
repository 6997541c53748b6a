"""Limits of CPU time that a slow or busy machine does not break: they grow with how long it takes for a known loop."""

from __future__ import annotations

import gc
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager

# About what the loop takes on a core of a current server with nothing else to do.
_USUAL_SECONDS = 0.007
_TEXT = "ab " * 10_000


def _loop_seconds() -> float:
    """CPU seconds of what readers and verifiers do most: scan a text, count, look up."""
    start = time.process_time()
    counts: dict[str, int] = {}
    for word in re.findall(r"\w+", _TEXT):
        counts[word] = counts.get(word, 0) + 1
    total = 0
    for number in range(150_000):
        total += number & 7
    return time.process_time() - start


@contextmanager
def bounded(seconds: float) -> Iterator[None]:
    """Fail where the block takes more CPU time than so many seconds of a usual machine; the clock is the process's.

    Nothing is collected meanwhile: a look at all objects of a process with many tests takes half a second by itself.
    """
    before = _loop_seconds()
    gc.disable()
    start = time.process_time()
    try:
        yield
    finally:
        taken = time.process_time() - start
        gc.enable()
    slowness = max(1.0, before / _USUAL_SECONDS, _loop_seconds() / _USUAL_SECONDS)
    assert taken < seconds * slowness, f"{taken:.2f} s of CPU time for {seconds} s on a machine {slowness:.1f} x slower"
