"""Functions of a step for workers to call; no torch here, so that workers start fast."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgewise.core.errors import InputError


@dataclass(frozen=True)
class Noted:
    """The step and the process that made it; making it leaves a file, and a line on standard output."""

    folder: Path
    fails_at: int = -1

    def __call__(self, step: int) -> tuple[int, int]:
        print(f"making {step}", flush=True)
        if step == self.fails_at:
            raise InputError(f"step: {step} cannot be made; ask for another")
        (self.folder / f"{step}").touch()
        return step, os.getpid()


@dataclass(frozen=True)
class Large:
    """More than a pipe holds; making it leaves a file."""

    folder: Path

    def __call__(self, step: int) -> NDArray[Any]:
        (self.folder / f"{step}").touch()
        return np.full(300_000, step)


def process(step: int) -> int:
    return os.getpid()


@dataclass(frozen=True)
class FailsElsewhere:
    """The step, in one process; an InputError, or a bug, in all others."""

    process: int
    is_bug: bool

    def __call__(self, step: int) -> int:
        if os.getpid() != self.process:
            raise ZeroDivisionError if self.is_bug else InputError(f"step: {step} cannot be made; ask for another")
        return step


def modules(make: Callable[[int], Any], step: int) -> list[str]:
    """What this process has imported once it has made a step."""
    make(step)
    return sorted(sys.modules)


def with_process(make: Callable[[int], Any], step: int) -> tuple[Any, int]:
    """What it makes, and the process that does."""
    return make(step), os.getpid()
