"""A bar in the terminal for each stage of a running study."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from edgewise.core.spec import digest
from edgewise.study.plan import topological_order
from edgewise.study.stages import Stage
from edgewise.study.study import Study


class StudyProgress:
    """One bar for every stage of a study, in the order they can run."""

    def __init__(self, study: Study) -> None:
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=32),
            TextColumn("{task.percentage:>3.0f}%"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}"),
        )
        names = study.names()
        self._tasks: dict[str, TaskID] = {
            digest(stage): self._bars.add_task(names.get(digest(stage), stage.kind), total=None, start=False, note="")
            for stage in topological_order(study.evaluations.values())
        }

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def advanced(self, stage: Stage, done: int, total: int, note: str) -> None:
        task = self._tasks[digest(stage)]
        self._bars.start_task(task)
        self._bars.update(task, completed=done, total=total, note=note)

    def completed(self, stage: Stage, *, reused: bool) -> None:
        task = self._tasks[digest(stage)]
        self._bars.start_task(task)
        self._bars.update(task, completed=1, total=1, note="already there" if reused else "")
