"""Execution choices: where, on what device, with how many workers. Never part of a digest."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from edgewise.core.distributed import SINGLE_PROCESS, Distributed
from edgewise.core.threads import machine_cores


@dataclass(frozen=True, slots=True)
class Context:
    """How stages are run. Two contexts give the same results, bit for bit on a CPU; several ranks round otherwise.

    `root` is the store's folder. `workers` stages run at once, each in a process with one thread:
    for models this small, processes use cores better than threads do, and a fixed thread count
    keeps sums in one order. With several `ranks` the stages run one after the other, each by all of
    them, and `workers` has no use.
    """

    root: Path
    device: str = "cpu"
    workers: int = field(default_factory=machine_cores)
    checkpoint_seconds: float = 20.0
    distributed: Distributed = SINGLE_PROCESS
