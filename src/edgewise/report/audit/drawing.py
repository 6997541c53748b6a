"""What the charts of an audit share.

Every chart takes two parameters, so that a page can change them: `shown`, the models to draw, and
`chosen`, the k to look at.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import altair as alt
import numpy.typing as npt

from edgewise.boundary.audit.result import Audit, Scope
from edgewise.report.charts import specification

Rows = list[dict[str, Any]]
Spec = dict[str, Any]

MUTED = "#8b949b"
SHARES = alt.Axis(format=".0%", tickCount=5)


class Data:
    """The rows of one chart, each list of them once, and not in the layers, which altair copies often."""

    def __init__(self) -> None:
        self.named: dict[str, Rows] = {}

    def all(self, rows: Rows) -> alt.Chart:
        """A layer that draws the rows."""
        name = next((name for name, held in self.named.items() if held is rows), f"rows-{len(self.named)}")
        self.named[name] = rows
        return alt.Chart(alt.NamedData(name=name))

    def shown(self, rows: Rows) -> alt.Chart:
        """A layer that draws the rows of the models that are shown."""
        chart: alt.Chart = self.all(rows).transform_filter("indexof(shown, datum.model) >= 0")
        return chart


def finished(data: Data, audit: Audit, scope: Scope, layers: list[alt.Chart], height: int) -> Spec:
    """The layers with their data as Vega-Lite, all models shown and the k of the claims chosen."""
    return {
        "width": "container",
        "height": height,
        "autosize": {"type": "fit-x", "contains": "padding"},
        "params": [{"name": "shown", "value": list(audit.models)}, {"name": "chosen", "value": scope.k}],
        "layer": [specification(layer) for layer in layers],
        "datasets": data.named,
    }


def columns(*columns: npt.NDArray[Any]) -> Iterable[tuple[Any, ...]]:
    """Row by row where the second column, the value, is known; an unknown end of an interval is None."""
    for row in zip(*(column.tolist() for column in columns), strict=True):
        if math.isfinite(row[1]):
            yield tuple(cell if math.isfinite(cell) else None for cell in row)


def tooltips(**titles: str) -> list[alt.Tooltip]:
    """What is told of a point: field -> title."""
    return [alt.Tooltip(field, type="nominal", title=title) for field, title in titles.items()]
