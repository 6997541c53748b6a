"""What a run shows in the terminal: a bar per stage with the time left, then the verdicts."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self

from rich import box
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from edgewise.core.spec import digest
from edgewise.report.study.tables import at, claim_k, curve_of
from edgewise.report.terminal import percent, verdict_line
from edgewise.study.measure import Findings
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


def summary(findings: Findings, page: Path) -> None:
    """Print the verdicts and a table of process-verified pass@1 and pass@k."""
    console = Console(highlight=False)
    for arm, verdict in findings.verdicts.items():
        console.print()
        console.print(verdict_line(arm, verdict.label))
        for region, part in verdict.parts.items():
            console.print(f"  {region}: {part.sentence}", markup=False, soft_wrap=True)
    base = findings.models[0]
    n = min(curve_of(findings, base, "process", region).n for region in findings.regions)
    ks = sorted({claim_k(findings, region) for region in findings.regions})
    table = Table(
        title=(
            f"Solved and verified, percent: n = {n} samples, k = {', '.join(map(str, ks))}, 95% intervals over problems"
        ),
        title_justify="left",
        box=box.SIMPLE_HEAD,
    )
    table.add_column("model")
    table.add_column("pass@1", justify="right")
    table.add_column("pass@k", justify="right")
    for region in findings.regions:
        k = claim_k(findings, region)
        problems = curve_of(findings, base, "process", region).problems
        table.add_row(Text(f"{region}, {problems} problems", "bold"))
        for model in findings.models:
            curve = curve_of(findings, model, "process", region)
            table.add_row(Text(f"  {model}"), percent(at(curve, 1)), percent(at(curve, k)))
    console.print()
    console.print(table)
    console.print(f"report: {page}", markup=False, soft_wrap=True)
