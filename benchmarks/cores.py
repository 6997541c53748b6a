"""The whole RL step on two cores beside the same on one, alone and while another process is busy half of the time."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks import process
from benchmarks.findings import Comparison, Findings, alternate
from benchmarks.models import NEVER, SMALL, SMALL_WORDS, decoder, tokenizer_of
from benchmarks.rl_step import our_step
from edgewise.core.errors import InputError

PROMPTS, SAMPLES, NEW_TOKENS = 8, 8, 128
STEPS = 3
TARGET = 1.7
# Busy for the first half of every tenth of a second.
_BUSY = """
import time
while True:
    end = time.monotonic() + 0.05
    while time.monotonic() < end:
        pass
    time.sleep(0.05)
"""


def measure(repeats: int) -> Findings:
    """Alone and beside the busy process. InputError on a machine with one core."""
    if (os.cpu_count() or 1) < 2:
        raise InputError("cores: this benchmark needs a machine with at least two cores")
    alone = compare("cores", "nothing else runs", repeats)
    with half_busy():
        shared = compare("cores_shared", "another process keeps one core busy half of the time", repeats)
    return Findings(comparisons=[alone, shared])


def compare(name: str, beside: str, repeats: int) -> Comparison:
    """Two threads and one in turn, each in a process of its own."""
    alternated = alternate(lambda repeat: seconds_with(2, repeat), lambda repeat: seconds_with(1, repeat), repeats)
    return Comparison.of(
        name,
        f"a GRPO step on two cores beside one, {PROMPTS} prompts x {SAMPLES} samples of {NEW_TOKENS} tokens: {beside}",
        "s/step",
        alternated,
        "the same step in a process with one thread",
        better="less",
        target=TARGET,
    )


def seconds_with(threads: int, seed: int, steps: int = STEPS, new_tokens: int = NEW_TOKENS) -> float:
    """Seconds of a step in a process of its own with so many threads."""
    arguments = {"seed": seed, "steps": steps, "new_tokens": new_tokens}
    seconds: float = process.call(__name__, "step_seconds", arguments, OMP_NUM_THREADS=str(threads))
    return seconds


def step_seconds(seed: int, steps: int, new_tokens: int) -> float:
    """Seconds of a step here, after one that does not count."""
    tokenizer = tokenizer_of(SMALL_WORDS)
    model = decoder(SMALL, tokenizer, NEVER)
    our_step(model, tokenizer, seed, PROMPTS, SAMPLES, new_tokens)
    return our_step(model, tokenizer, seed + 1, PROMPTS, SAMPLES, new_tokens, steps)[1]


@contextmanager
def half_busy() -> Iterator[None]:
    """While the block runs, so does a process that keeps one core busy half of the time."""
    other = subprocess.Popen([sys.executable, "-c", _BUSY])
    try:
        yield
    finally:
        other.kill()
        other.wait()
