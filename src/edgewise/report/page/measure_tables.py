"""Tables of measures: the panel of each registered measure, prepared for the page."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from edgewise.boundary.audit.result import Audit, ProblemSet, Scope
from edgewise.boundary.inference.means import Estimate
from edgewise.boundary.measures.panel import Cell, Column, Panel, Series
from edgewise.boundary.measures.registry import Measure, measures
from edgewise.report import formats
from edgewise.report.charts import Figure
from edgewise.report.measure_charts import panels_of
from edgewise.report.page.along import FORMATS, AlongK, ShownNumber

# A panel with the place of its set and its model.
_PanelOf = tuple[int, str | None, Panel]
_SENTENCE_END = re.compile(r"(?<=[.?!])\s+")


@dataclass(frozen=True)
class MeasureRow:
    """One row: the place of its set among all sets, its model, its label and its cells."""

    set_index: int
    model: str | None
    label: str
    cells: tuple[ShownNumber, ...]


@dataclass(frozen=True)
class MeasureTable:
    """One measure on all sets; `notes` say what its numbers rest on."""

    name: str
    title: str
    explanation: str
    figures: tuple[Figure, ...]
    columns: tuple[Column, ...]
    rows: tuple[MeasureRow, ...]
    notes: tuple[str, ...]

    @property
    def labelled(self) -> bool:
        """Whether any row has a label."""
        return any(row.label for row in self.rows)


@dataclass(frozen=True)
class MeasureTables:
    """The measures that have results, the notes that several of them share, and what others need.

    `missing` holds what is needed -> the titles of the measures that need it.
    """

    tables: tuple[MeasureTable, ...]
    shared_notes: tuple[str, ...]
    missing: Mapping[str, Sequence[str]]


def measure_tables(audit: Audit, figures: Sequence[Mapping[str, Figure]], along: AlongK) -> MeasureTables:
    """Every measure that the audit was asked for, in the order of the registry.

    `figures` are the charts of each set by the name of the measure.
    """
    asked = {name for problem_set in audit.sets for results in _results(problem_set) for name in results}
    tables, missing = [], dict[str, list[str]]()
    for name, measure in measures().items():
        panels = [
            (i, model, panel)
            for i, problem_set in enumerate(audit.sets)
            for model, panel in panels_of(problem_set, measure)
        ]
        if panels:
            tables.append(_table(audit, measure, panels, figures, along))
        elif name in asked:
            missing.setdefault(measure.missing, []).append(measure.title)
    times = Counter(note for table in tables for note in table.notes)
    shared = tuple(note for note, many in times.items() if many > 1)
    alone = (replace(table, notes=tuple(n for n in table.notes if n not in shared)) for table in tables)
    return MeasureTables(tuple(alone), shared, missing)


def _results(problem_set: ProblemSet) -> Iterator[Mapping[str, Any]]:
    yield problem_set.measures
    yield from problem_set.models.values()
    yield from problem_set.comparisons.values()


def _table(
    audit: Audit,
    measure: Measure[Any],
    panels: Sequence[_PanelOf],
    figures: Sequence[Mapping[str, Figure]],
    along: AlongK,
) -> MeasureTable:
    columns = panels[0][2].columns
    rows = [(i, row.model or model, row) for i, model, panel in panels for row in panel.rows]
    kept = [j for j in range(len(columns)) if not all(_drawn(row.cells[j]) for _, _, row in rows)]
    return MeasureTable(
        name=measure.name,
        title=measure.title,
        explanation=measure.explanation,
        figures=tuple(by_measure[measure.name] for by_measure in figures if measure.name in by_measure),
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
        notes=tuple(_notes(audit, panels)),
    )


def _drawn(cell: Cell | Series) -> bool:
    return isinstance(cell, Series) and cell.axis != "k"


def _notes(audit: Audit, panels: Sequence[_PanelOf]) -> Iterator[str]:
    """Every sentence of the notes once, after the sets or models that it is about where it is not about all."""
    of_sentence: dict[str, list[tuple[int, str | None]]] = {}
    for i, model, panel in panels:
        for sentence in _SENTENCE_END.split(panel.note):
            if sentence:
                of_sentence.setdefault(sentence, []).append((i, model))
    everything = [(i, model) for i, model, _ in panels]
    for sentence, where in of_sentence.items():
        sets = list(dict.fromkeys(i for i, _ in where))
        if where == everything:
            yield sentence
        elif where == [(i, model) for i, model in everything if i in sets]:
            yield f"{'; '.join(audit.sets[i].name for i in sets)}: {sentence}"
        else:
            named = [", ".join(filter(None, [audit.sets[i].name if len(audit.sets) > 1 else "", m])) for i, m in where]
            yield f"{'; '.join(named)}: {sentence}"


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
