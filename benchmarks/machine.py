"""The machine: what it is, and what it can do at most by measurement on the spot."""

from __future__ import annotations

import os
import platform
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from edgewise.core.provenance import versions
from edgewise.core.threads import machine_cores
from edgewise.model.backend import choose_backend, describe_backend

# What decides how many threads there are and whether idle ones spin.
ENVIRONMENT = ("OMP_NUM_THREADS", "OMP_WAIT_POLICY", "GOMP_SPINCOUNT")
PACKAGES = ("torch", "transformers", "trl", "vllm", "triton", "numpy")
# Squares that fit in a core's cache and one that does not: the peak is the best of them.
_SIZES = (256, 512, 1024)
_COPIED_BYTES = 256 * 2**20
_SECONDS = 0.15


@dataclass(frozen=True, slots=True)
class Peaks:
    """The fastest matrix products, in FLOP/s, and the fastest copy, in bytes read and written a second."""

    threads: int
    fp32: float
    bf16: float
    copy: float

    @property
    def flops(self) -> float:
        """FLOP/s of the better precision: where there are no units for bfloat16 it is not the ceiling."""
        return max(self.fp32, self.bf16)

    @property
    def has_bf16(self) -> bool:
        """Whether products of bfloat16 are the faster ones."""
        return self.bf16 > self.fp32


def peaks(threads: int) -> Peaks:
    """Measure with `threads` threads; the number that was set is set again."""
    with using(threads):
        return Peaks(threads, _matmul(torch.float32), _matmul(torch.bfloat16), _copy())


@contextmanager
def using(threads: int) -> Iterator[None]:
    """The block runs with so many threads of torch."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def described() -> dict[str, Any]:
    """Processor, cores, threads and what decides on them, memory in GB, the system, and who computes decoders here."""
    return {
        "cpu": _processor(),
        "cores": machine_cores(),
        "threads": torch.get_num_threads(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        "system": platform.platform(terse=True),
        "backend": describe_backend(choose_backend()),
        "environment": {name: os.environ[name] for name in ENVIRONMENT if name in os.environ},
    }


def compared_versions() -> dict[str, str | None]:
    """Of Python, of the packages that are compared (None where one is not installed) and of edgewise."""
    return dict.fromkeys(PACKAGES) | versions(PACKAGES)


def commit() -> str | None:
    """The commit of the source tree, with "-dirty" where it was changed since; None outside a repository."""
    command = ["git", "describe", "--always", "--dirty", "--exclude", "*"]
    try:
        done = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True)
    except FileNotFoundError:
        return None
    return done.stdout.strip() or None


def all_peaks() -> list[dict[str, Any]]:
    """Peaks with one thread and, where there are more, with all that torch uses."""
    return [asdict(peaks(threads)) for threads in sorted({1, torch.get_num_threads()})]


def _processor() -> str:
    listed = Path("/proc/cpuinfo")
    lines = listed.read_text().splitlines() if listed.exists() else []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine())


def _matmul(kind: torch.dtype) -> float:
    best = 0.0
    for size in _SIZES:
        left, right = torch.randn(2, size, size).to(kind)
        out = torch.empty(size, size, dtype=kind)
        best = max(best, 2 * size**3 / _fastest(partial(torch.mm, left, right, out=out)))
    return best


def _copy() -> float:
    source = torch.ones(_COPIED_BYTES // 4)
    target = torch.zeros_like(source)
    return 2 * _COPIED_BYTES / _fastest(lambda: target.copy_(source))


def _fastest(call: Callable[[], object]) -> float:
    """Seconds of the fastest of many calls."""
    call()
    best, end = float("inf"), time.perf_counter() + _SECONDS
    while (start := time.perf_counter()) < end:
        call()
        best = min(best, time.perf_counter() - start)
    return best
