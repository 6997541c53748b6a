"""Protocols of a runner, which computes the stages of a study, and of a watcher, which follows their progress."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from types import TracebackType
from typing import Protocol, Self

from edgewise.study.stages import Stage

Advanced = Callable[[Stage, int, int, str], None]
"""Called as a stage advances: the stage, the steps done, all steps, a note."""


class Watcher(Protocol):
    """Follows the stages of a study: called as a stage advances, and once when it is complete."""

    def advanced(self, stage: Stage, done: int, total: int, note: str) -> None: ...

    def completed(self, stage: Stage, *, reused: bool) -> None: ...


class SilentWatcher:
    """A watcher that shows nothing."""

    def advanced(self, stage: Stage, done: int, total: int, note: str) -> None:
        pass

    def completed(self, stage: Stage, *, reused: bool) -> None:
        pass


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
