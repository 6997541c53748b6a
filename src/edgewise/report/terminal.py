"""What a run shows in the terminal: a bar per stage with the time left, then the verdicts."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self

from rich import box
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from edgewise.boundary import Curve
from edgewise.spec import digest
from edgewise.study.findings import Findings
from edgewise.study.runner import plan
from edgewise.study.stages import Stage
from edgewise.study.study import Study

_STYLES = {"extended": "bold green", "sharpened": "bold blue", "shrunk": "bold red", "mixed": "bold magenta"}


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
            for stage in plan(study.evaluations.values())
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


def summary(findings: Findings, page: Path) -> None:
    """Print the verdicts and a table of process-verified pass@1 and pass@k."""
    console = Console(highlight=False)
    for arm, verdict in findings.verdicts.items():
        console.print()
        console.print(f"[bold]{arm}[/]: [{_STYLES.get(verdict.label, 'bold')}]{verdict.label}[/]")
        for region, part in verdict.parts.items():
            console.print(f"  {region}: {part.sentence}", markup=False, soft_wrap=True)
    k = _claim_k(findings)
    table = Table(
        title=f"process-verified pass@1 and pass@{k}, percent [95% interval over problems]",
        box=box.SIMPLE_HEAD,
    )
    table.add_column("model")
    for region in findings.regions:
        table.add_column(f"{region} @1")
        table.add_column(f"{region} @{k}")
    curves = {(c.model, c.where): c.curve for c in findings.curves if c.metric == "process"}
    for model in findings.models:
        cells = [_at(curves[model, region], which) for region in findings.regions for which in (1, k)]
        table.add_row(model, *cells)
    console.print()
    console.print(table)
    sizes = ", ".join(f"{region} {curves['base', region].problems}" for region in findings.regions)
    first = next(iter(curves.values()))
    console.print(f"problems: {sizes}; {first.n} samples of each; report: {page}", markup=False, soft_wrap=True)


def _claim_k(findings: Findings) -> int:
    return next(part.k for verdict in findings.verdicts.values() for part in verdict.parts.values())


def _at(curve: Curve, k: int) -> str:
    i = curve.k_K.tolist().index(k)
    value, low, high = (100 * float(column[i]) for column in (curve.value_K, curve.low_K, curve.high_K))
    return f"{value:.1f} [{low:.1f}, {high:.1f}]"
