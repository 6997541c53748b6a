"""Tables of the measures: the panel of each registered measure, made ready for the page, whichever it is."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from edgewise.boundary.audit.result import Audit, ProblemSet, Scope
from edgewise.boundary.inference.resampling import Estimate
from edgewise.boundary.measures.panel import Cell, Column, Panel, Series
from edgewise.boundary.measures.registry import Measure, measures
from edgewise.report import formats
from edgewise.report.charts import Figure
from edgewise.report.measure_charts import panels_of
from edgewise.report.page.along import FORMATS, AlongK, ShownNumber


@dataclass(frozen=True)
class MeasureRow:
    """One row: of which set (by place), of which model, with what label, and its cells."""

    set: int
    model: str | None
    label: str
    cells: tuple[ShownNumber, ...]


@dataclass(frozen=True)
class MeasureTable:
    """One measure on all sets. `notes` say what its numbers rest on; `missing` what it needs, where it has no row."""

    name: str
    title: str
    explanation: str
    figures: tuple[Figure, ...]
    columns: tuple[Column, ...]
    rows: tuple[MeasureRow, ...]
    notes: tuple[str, ...]
    missing: str

    @property
    def labelled(self) -> bool:
        """Whether any row has a label."""
        return any(row.label for row in self.rows)


def measure_tables(audit: Audit, figures: Sequence[Mapping[str, Figure]], along: AlongK) -> list[MeasureTable]:
    """Every measure that the audit was asked for, in the order of the registry.

    `figures` are the charts of each set by the name of the measure.
    """
    computed = {name for one in audit.sets for results in _results(one) for name in results}
    return [_table(audit, measure, figures, along) for name, measure in measures().items() if name in computed]


def _results(problem_set: ProblemSet) -> Iterator[Mapping[str, Any]]:
    yield problem_set.measures
    yield from problem_set.models.values()
    yield from problem_set.comparisons.values()


def _table(audit: Audit, measure: Measure[Any], figures: Sequence[Mapping[str, Figure]], along: AlongK) -> MeasureTable:
    panels = [(i, model, panel) for i, one in enumerate(audit.sets) for model, panel in panels_of(one, measure)]
    columns = panels[0][2].columns if panels else ()
    rows = [(i, row.model or model, row) for i, model, panel in panels for row in panel.rows]
    kept = [j for j in range(len(columns)) if not all(_drawn(row.cells[j]) for _, _, row in rows)]
    return MeasureTable(
        name=measure.name,
        title=measure.title,
        explanation=measure.explanation,
        figures=tuple(found[measure.name] for found in figures if measure.name in found),
        columns=tuple(columns[j] for j in kept),
        rows=tuple(
            MeasureRow(
                i,
                model,
                row.label,
                tuple(_number(audit.sets[i].whole, row.cells[j], columns[j], along) for j in kept),
            )
            for i, model, row in rows
        ),
        notes=_notes(audit, panels),
        missing="" if panels else measure.missing,
    )


def _drawn(cell: Cell | Series) -> bool:
    return isinstance(cell, Series) and cell.axis != "k"


def _notes(audit: Audit, panels: list[tuple[int, str | None, Panel]]) -> tuple[str, ...]:
    """Every different note once, with the sets and models that it is about where there are several notes."""
    about: dict[str, list[str]] = {}
    for i, model, panel in panels:
        if panel.note:
            names = [audit.sets[i].name] if len(audit.sets) > 1 else []
            about.setdefault(panel.note, []).append(", ".join([*names, *([model] if model else [])]))
    if len(about) < 2:
        return tuple(about)
    return tuple(f"{'; '.join(filter(None, names))}: {note}" for note, names in about.items())


def _number(scope: Scope, cell: Cell | Series, column: Column, along: AlongK) -> ShownNumber:
    if isinstance(cell, Series):
        return along(scope, column.format, cell.at_X, cell.value_X, cell.low_X, cell.high_X)
    if column.format == "text" or isinstance(cell.value, str):
        return ShownNumber(math.nan, str(cell.value if cell.value is not None else ""), "", cell.beside)
    if cell.value is None:
        return ShownNumber(math.nan, formats.NOT_AVAILABLE, "", cell.beside)
    text, interval = FORMATS[column.format]
    ends = "" if cell.low is None or cell.high is None else interval(Estimate(cell.value, cell.low, cell.high))
    return ShownNumber(float(cell.value), text(cell.value), ends, cell.beside)
