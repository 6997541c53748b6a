"""Distributed runner: all ranks compute each stage together, one stage after the other, in the calling process."""

from __future__ import annotations

from concurrent.futures import Future
from functools import partial
from types import TracebackType
from typing import Self

from edgewise.study.context import Context
from edgewise.study.remote.compute import compute_stage
from edgewise.study.runners.base import Advanced
from edgewise.study.stages import Stage


class DistributedRunner:
    """Every rank submits the same stages in the same order; `submit` returns when the stage is complete.

    An error is raised by `submit` itself.
    """

    slots = 1

    def __init__(self, context: Context, advanced: Advanced) -> None:
        self._context, self._advanced = context, advanced

    def submit(self, stage: Stage) -> Future[None]:
        progress = partial(self._advanced, stage)
        progress(0, 0, "")
        compute_stage(stage, self._context, self._context.execution, progress)
        done: Future[None] = Future()
        done.set_result(None)
        return done

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass
