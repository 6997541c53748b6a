"""A runner that computes each stage in the test's own process: stages of milliseconds, without a worker's start."""

from __future__ import annotations

from concurrent.futures import Future
from types import TracebackType
from typing import Self

import pytest

from edgewise.study import run
from edgewise.study.context import Context
from edgewise.study.remote.compute import compute_stage
from edgewise.study.runners.base import Advanced
from edgewise.study.stages import Stage


class InProcessRunner:
    """One stage at a time, computed when it is submitted."""

    slots = 1

    def __init__(self, context: Context, advanced: Advanced) -> None:
        self._context, self._advanced = context, advanced

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def submit(self, stage: Stage) -> Future[None]:
        result: Future[None] = Future()
        self._advanced(stage, 0, 0, "")
        try:
            compute_stage(
                stage,
                self._context,
                self._context.execution,
                lambda done, total, note: self._advanced(stage, done, total, note),
            )
        except Exception as error:
            result.set_exception(error)
        else:
            result.set_result(None)
        return result


def compute_in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have every local run of a test use the runner."""
    monkeypatch.setattr(run, "LocalRunner", InProcessRunner)
