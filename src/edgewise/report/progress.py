"""A bar in the terminal for each stage of a running study."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from edgewise.core.spec import Spec, digest


class StudyProgress:
    """One bar for every stage of a study. `names` maps digests of stages to their names, in order (`Study.names`).

    The bars stand on stdout, or on `console`.
    """

    def __init__(self, names: Mapping[str, str], console: Console | None = None) -> None:
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=32),
            TextColumn("{task.percentage:>3.0f}%"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}"),
            console=console,
        )
        self._tasks: dict[str, TaskID] = {
            stage: self._bars.add_task(name, total=None, start=False, note="") for stage, name in names.items()
        }

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def advanced(self, stage: Spec, done: int, total: int, note: str) -> None:
        task = self._tasks[digest(stage)]
        self._bars.start_task(task)
        self._bars.update(task, completed=done, total=total, note=note)

    def completed(self, stage: Spec, *, reused: bool) -> None:
        task = self._tasks[digest(stage)]
        self._bars.start_task(task)
        self._bars.update(task, completed=1, total=1, note="already there" if reused else "")
