"""The terminal while a language model's rollouts are drawn: how many of how many, tokens a second, time left."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from edgewise.report import formats


class RolloutProgress:
    """One line on stderr that is rewritten; nothing where stderr is no terminal. A context manager."""

    def __init__(self, console: Console | None = None) -> None:
        console = console or Console(stderr=True, highlight=False)
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=20),
            TextColumn("{task.completed:,.0f}/{task.total:,.0f} rollouts"),
            TextColumn("{task.fields[speed]}"),
            TimeElapsedColumn(),
            TextColumn("elapsed,"),
            TimeRemainingColumn(compact=True, elapsed_when_finished=False),
            TextColumn("left"),
            console=console,
            disable=not console.is_terminal,
            transient=True,
        )
        self._task: TaskID | None = None
        self._tokens = 0

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def begin(self, name: str, total: int, done: int = 0) -> None:
        """A line for `total` rollouts, of which `done` are there already."""
        if self._task is not None:
            self._progress.remove_task(self._task)
        self._tokens = 0
        self._task = self._progress.add_task(name, total=total, completed=done, speed="loading the model")

    def drawn(self, rollouts: int, tokens: int) -> None:
        """So many more rollouts of so many tokens are there."""
        assert self._task is not None
        task = self._progress.tasks[-1]
        self._tokens += tokens
        speed = f"{formats.amount(self._tokens / max(task.elapsed or 0.0, 1e-9)).replace(' ', '')} tok/s"
        self._progress.update(self._task, advance=rollouts, speed=speed)
