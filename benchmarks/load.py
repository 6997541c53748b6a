"""How many cores other processes used while something was measured, from Linux's /proc."""

from __future__ import annotations

import os
import time
from pathlib import Path
from types import TracebackType
from typing import Self

PROC = Path("/proc")


class Load:
    """Within the block time runs; after it `others` is the mean number of cores that other processes used,
    and `seconds` how long the block took.

    Own is this process with all that descends from it. 0 where the system has no /proc.
    """

    def __init__(self) -> None:
        self.others = 0.0
        self.seconds = 0.0

    def __enter__(self) -> Self:
        self._start, self._all, self._own = time.perf_counter(), busy_seconds(), own_seconds()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.seconds = time.perf_counter() - self._start
        self.others = others(busy_seconds() - self._all, own_seconds() - self._own, self.seconds)


def others(busy: float, ours: float, seconds: float) -> float:
    """Cores used by others: what all cores were busy less what was our own, per second; never negative."""
    return max(0.0, (busy - ours) / seconds)


def busy_seconds() -> float:
    """Seconds that all cores together have been busy since the machine started."""
    if not (PROC / "stat").exists():
        return 0.0
    user, nice, system, *_ = map(int, (PROC / "stat").read_text().split("\n", 1)[0].split()[1:])
    return (user + nice + system) / os.sysconf("SC_CLK_TCK")


def own_seconds() -> float:
    """Processor seconds of this process and of its descendants, those that have ended included."""
    if not (PROC / "stat").exists():
        return 0.0
    ticks: dict[int, int] = {}
    parents: dict[int, int] = {}
    for folder in PROC.iterdir():
        if folder.name.isdigit():
            stat = _ticks_and_parent(folder)
            if stat is not None:
                ticks[int(folder.name)], parents[int(folder.name)] = stat
    children: dict[int, list[int]] = {}
    for child, parent in parents.items():
        children.setdefault(parent, []).append(child)
    total, waiting = 0, [os.getpid()]
    while waiting:
        process = waiting.pop()
        total += ticks.get(process, 0)
        waiting += children.get(process, ())
    return total / os.sysconf("SC_CLK_TCK")


def _ticks_and_parent(folder: Path) -> tuple[int, int] | None:
    """Clock ticks of a process with its ended children, and its parent; None where it has just ended."""
    try:
        text = (folder / "stat").read_text()
    except OSError:
        return None
    # The name, in brackets, may hold spaces and brackets itself.
    fields = text.rpartition(")")[2].split()
    return sum(map(int, fields[11:15])), int(fields[1])
