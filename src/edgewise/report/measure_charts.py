"""Charts of measures along an axis other than k, such as a threshold, for any measure with such a panel."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import altair as alt

from edgewise.boundary.audit.result import Audit, ProblemSet, Results
from edgewise.boundary.measures.panel import Column, Format, Panel, Series
from edgewise.boundary.measures.registry import Measure, measures
from edgewise.core.words import counted
from edgewise.report import formats
from edgewise.report.charts import (
    SHARES,
    ChartData,
    Figure,
    VegaLite,
    audit_styles,
    band_opacity,
    framed,
    in_words,
    known_rows,
    line_width,
    model_color,
    model_shape,
    numbers_by,
    tooltips,
)

_AXES = {"tau": "\u03c4, chance that one sample is right", "fpr": "how often the verifier passes unsound reasoning"}


def panels_of(problem_set: ProblemSet, measure: Measure[Any]) -> Iterator[tuple[str | None, Panel]]:
    """The panel of each model that has a result; the model is None for a measure of the whole set."""
    by_model: list[tuple[str | None, Results]] = [(None, problem_set.measures)]
    if measure.unit != "set":
        by_model = [*(problem_set.models if measure.unit == "model" else problem_set.comparisons).items()]
    for model, results in by_model:
        result = measure.result(results)
        if result is not None:
            yield model, measure.panel(result)


def measure_figures(audit: Audit, problem_set: ProblemSet, suffix: str) -> dict[str, Figure]:
    """Measure -> the chart of what it holds along another axis than k, for the measures that have such a thing."""
    scope = problem_set.whole
    where = f"{counted(scope.problems, 'problem')}, n = {scope.n}"
    figures = {}
    for measure in measures().values():
        lines: dict[str, Series] = {}
        column: Column | None = None
        for model, panel in panels_of(problem_set, measure):
            for row in panel.rows:
                for i, cell in enumerate(row.cells):
                    name = row.model or model
                    if isinstance(cell, Series) and cell.axis != "k" and name is not None and name not in lines:
                        lines[name], column = cell, panel.columns[i]
        if column is not None:
            chart = series_chart(audit, problem_set, lines, column)
            figures[measure.name] = Figure(f"{measure.name}-{suffix}", problem_set.name, where, chart)
    return figures


def series_chart(audit: Audit, problem_set: ProblemSet, lines: Mapping[str, Series], column: Column) -> VegaLite:
    """A line with its intervals for each model."""
    data, scope = ChartData(), problem_set.whole
    rows = [
        {
            "model": model,
            "at": at,
            "value": value,
            "low": low,
            "high": high,
            "text": _text(column.format)(value),
            "interval": formats.interval(low, high, _text(column.format)),
            "n": scope.n,
            "problems": scope.problems,
        }
        for model, line in lines.items()
        for at, value, low, high in known_rows(
            line.at_X,
            line.value_X,
            line.value_X if line.low_X is None else line.low_X,
            line.value_X if line.high_X is None else line.high_X,
        )
    ]
    axis = next(iter(lines.values())).axis
    x = alt.X("at:Q").scale(domain=[0, 1]).axis(grid=False, tickCount=5).title(_AXES[axis])
    y = alt.Y("value:Q").axis(SHARES).title(column.title)
    if column.format == "percent":
        y = y.scale(domain=[0, 1])
    tips = tooltips(model="model", at=axis, text=column.title, interval="interval", n="samples, n", problems="problems")
    styles, drawn = audit_styles(audit), data.shown(rows)
    color, shape = model_color(styles, list(lines)), model_shape(styles, list(lines))
    layers = [
        drawn.mark_area(opacity=band_opacity(styles)).encode(x, alt.Y("low:Q"), alt.Y2("high:Q"), color),
        drawn.mark_line(strokeWidth=line_width(styles)).encode(x, y, color),
        drawn.mark_point(size=24, filled=True).encode(x, y, color, shape, tooltip=tips),
    ]
    by_model = {model: [row for row in rows if row["model"] == model] for model in lines}
    told = [row for own in by_model.values() for row in (own[:1] + own[len(own) // 2 : len(own) // 2 + 1] + own[-1:])]
    said = numbers_by("model", told, lambda row: f"{row['text']} {row['interval']} at {row['at']:g}")
    words = in_words(f"{column.title} against {_AXES[axis]}", said)
    return framed(data, layers, 220, models=audit.models, k=scope.k, words=words)


def _text(format: Format) -> Any:
    return formats.percent if format == "percent" else formats.points if format == "points" else formats.number
