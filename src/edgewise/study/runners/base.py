"""Protocols of a runner, which computes the stages of a study, and of a watcher, which follows their progress."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from types import TracebackType
from typing import Protocol, Self

from edgewise.study.stages import Stage
from edgewise.training.metrics_file import Metrics

Advanced = Callable[[Stage, int, int, str], None]
"""Called when a stage begins and as it advances: the stage, the steps done, all steps (0: not known), a note."""


class Watcher(Protocol):
    """Follows the stages of a study. Called from several threads; the last of `advanced` may come after `completed`."""

    def advanced(self, stage: Stage, done: int, total: int, note: str) -> None:
        """The stage has begun, or has done so many of its steps; `total` is 0 where the runner does not know it."""

    def logged(self, stage: Stage, lines: Sequence[Metrics]) -> None:
        """The stage has logged these lines of metrics, each step once."""

    def completed(self, stage: Stage, *, reused: bool) -> None:
        """The stage is complete; `reused`: it was there before."""


class Runner(Protocol):
    """Computes stages into the store of a context.

    Used as a context manager. Leaving it by an error stops the stages under way and waits until they have given back
    their locks; what they saved stays, and they can resume.
    """

    @property
    def slots(self) -> int:
        """How many stages can be under way at once."""

    def submit(self, stage: Stage) -> Future[None]:
        """Begin a stage whose parents are complete. The future is done when its folder is, or holds what went wrong."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
