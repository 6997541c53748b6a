"""Execution choices: where, on what device, with how many workers. Never part of a digest."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from edgewise.core.threads import machine_cores
from edgewise.training.execution import CPU, Execution


@dataclass(frozen=True, slots=True)
class Context:
    """How the stages of a study are run. Two contexts give the same results: bit for bit on a CPU with one rank and one
    backend.

    `root` is the store's folder. `workers` stages run at once, each in a process with one thread: for models this
    small, processes use cores better than threads do, and a fixed thread count keeps sums in one order. With several
    ranks the stages run one after the other, each by all ranks, and `workers` has no use. `checkpoint_seconds` is how
    much work an interruption may cost each stage. `on` is where: "" for processes of this machine, else "ray" or
    "slurm" with what `edgewise.study.runners.elsewhere` says of them. `artifacts` is an fsspec URL that has the
    stages of machines without a common file system; each then has a store of its own (`edgewise.study.remote`).
    """

    root: Path
    workers: int = field(default_factory=machine_cores)
    checkpoint_seconds: float = 20.0
    execution: Execution = CPU
    on: str = ""
    artifacts: str = ""
