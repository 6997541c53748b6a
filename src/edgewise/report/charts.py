"""Shared parts of charts: colours and shapes of models, axes, and the frame that makes layers one Vega-Lite chart.

Every chart takes three parameters, so that a page can change them: `shown`, the models to draw; `chosen`, the k to look
at; and `answers`, whether the metric that verdicts do not go by is drawn too.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
import numpy.typing as npt

from edgewise.boundary.audit.result import Audit
from edgewise.report.excerpts import bounded

# After Okabe and Ito, each dark enough for a white page and light enough for a black one.
PALETTE = ("#7d858c", "#1a84cc", "#d55e00", "#009e73", "#b8629a", "#8f7300", "#6a6fd1")
SHAPES = ("circle", "square", "triangle-up", "diamond", "triangle-down", "cross")
MUTED = "#8b949b"
# Styles of marks whose colour is the page's own: text beside the data, and the middle of a hollow point.
ASIDE, HOLLOW = "aside", "hollow"
# Widths of lines in pixels.
LINE, THIN_LINE = 1.75, 1.0
# Models that the text of a chart names; a table has the others.
MOST_IN_WORDS = 12
SHARES = alt.Axis(format=".0%", tickCount=5)

ChartRows = list[dict[str, Any]]
VegaLite = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Figure:
    """A chart, as Vega-Lite, with the words that stand around it."""

    id: str
    title: str
    note: str
    chart: VegaLite


@dataclass(frozen=True, slots=True)
class ModelStyle:
    """How one model looks in every chart and table.

    `arm` is the position of its arm. Models of one arm, which differ in their training seed, have one `color` and lines
    of a smaller `width`; their `shape` tells them apart.
    """

    arm: int
    color: str
    shape: str
    width: float = LINE


Styles = Mapping[str, ModelStyle]


def model_styles(arms: Iterable[str | Sequence[str]]) -> dict[str, ModelStyle]:
    """Model -> style, by the position of its arm, so that the base is grey in every report.

    An arm is the name of a model, or the names of those of its training seeds.
    """
    styles = {}
    for i, arm in enumerate(arms):
        color = PALETTE[i % len(PALETTE)]
        if isinstance(arm, str):
            styles[arm] = ModelStyle(i, color, SHAPES[i % len(SHAPES)])
        else:
            styles |= {model: ModelStyle(i, color, SHAPES[j % len(SHAPES)], THIN_LINE) for j, model in enumerate(arm)}
    return styles


def audit_styles(audit: Audit) -> dict[str, ModelStyle]:
    """The style of each model of an audit, in its order."""
    arm_of = {model: tuple(of_seed.values()) for of_seed in audit.seeds.values() for model in of_seed.values()}
    bases = tuple(dict.fromkeys(audit.bases.values()))
    if len(bases) > 1:
        arm_of |= dict.fromkeys(bases, bases)
    styles = model_styles(dict.fromkeys(arm_of.get(model, model) for model in audit.models))
    return {model: styles[model] for model in audit.models}


def arms_of(styles: Styles) -> dict[str, tuple[str, ...]]:
    """Arm -> its models, in order. An arm of one model is called as it is, one of several as what ends at their "/"."""
    by_place: dict[int, list[str]] = {}
    for model, style in styles.items():
        by_place.setdefault(style.arm, []).append(model)
    arms = (tuple(models) for models in by_place.values())
    return {models[0] if len(models) == 1 else models[0].rpartition("/")[0]: models for models in arms}


def model_color(styles: Styles, drawn: Sequence[str] = (), field: str = "model") -> alt.Color:
    """The field `model` as colour, or another one; `drawn` names the models of the chart where these are not all."""
    domain = list(drawn or styles)
    return alt.Color(f"{field}:N").scale(domain=domain, range=[styles[m].color for m in domain]).title(None)


def model_shape(styles: Styles, drawn: Sequence[str] = ()) -> alt.Shape:
    """The field `model` as the shape of points; `drawn` as in `model_color`."""
    domain = list(drawn or styles)
    return alt.Shape("model:N").scale(domain=domain, range=[styles[m].shape for m in domain]).title(None)


def line_width(styles: Styles) -> float:
    """The width of the lines of a chart: thin where any arm has several, for they overlap."""
    return min(style.width for style in styles.values())


def band_opacity(styles: Styles) -> float:
    """The opacity of a band around a line: little where any arm has several."""
    return 0.18 if line_width(styles) == LINE else 0.06


def samples_axis(largest: int, *, every: int = 1, title: str | None = "k, samples per problem") -> alt.X:
    """The field `k` from 1 to `largest` on a scale of powers of two."""
    return (
        alt.X("k:Q")
        .scale(type="log", base=2, domain=[1, max(largest, 2)], nice=False)
        .axis(values=[2**i for i in range(0, largest.bit_length(), every)], format="d", grid=False)
        .title(title)
    )


class ChartData:
    """The rows of one chart, each list of them once, and not in the layers, which altair copies often."""

    def __init__(self) -> None:
        self.named: dict[str, ChartRows] = {}

    def all(self, rows: ChartRows) -> alt.Chart:
        """A layer that draws the rows."""
        name = next((name for name, held in self.named.items() if held is rows), f"rows-{len(self.named)}")
        self.named[name] = rows
        return alt.Chart(alt.NamedData(name=name))

    def shown(self, rows: ChartRows) -> alt.Chart:
        """A layer that draws the rows of the models that are shown."""
        chart: alt.Chart = self.all(rows).transform_filter("indexof(shown, datum.model) >= 0")
        return chart


def framed(
    data: ChartData, layers: list[alt.Chart], height: int, *, models: Sequence[str], k: int, words: str = ""
) -> VegaLite:
    """The layers with their data as Vega-Lite, as wide as what holds it, all models shown and `k` chosen.

    `words` say what it shows to who cannot see it. It names no schema: nothing on a page is a link out.
    """
    return {
        "description": words,
        "width": "container",
        "height": height,
        "autosize": {"type": "fit-x", "contains": "padding"},
        "params": [
            {"name": "shown", "value": list(models)},
            {"name": "chosen", "value": k},
            {"name": "answers", "value": False},
        ],
        "layer": [specification(layer) for layer in layers],
        "datasets": data.named,
    }


def in_words(what: str, numbers: Iterable[tuple[str, str]]) -> str:
    """What a chart shows as text, its alternative: after `what`, each name with its numbers, MOST_IN_WORDS at most."""
    said = [f"{bounded(name, 60)}: {text}" for name, text in numbers]
    more = [f"and {len(said) - MOST_IN_WORDS} more"] if len(said) > MOST_IN_WORDS else []
    return f"{what}. {'; '.join([*said[:MOST_IN_WORDS], *more])}."


def numbers_by(field: str, rows: ChartRows, said: Callable[[dict[str, Any]], str]) -> list[tuple[str, str]]:
    """Each value of a field with what is `said` of its rows, in the order of the rows."""
    by_name: dict[str, list[str]] = {}
    for row in rows:
        by_name.setdefault(row[field], []).append(said(row))
    return [(name, ", ".join(texts)) for name, texts in by_name.items()]


def known_rows(*columns: npt.NDArray[Any]) -> Iterable[tuple[Any, ...]]:
    """Row by row where the second column, the value, is known; an unknown end of an interval is None."""
    for row in zip(*(column.tolist() for column in columns), strict=True):
        if math.isfinite(row[1]):
            yield tuple(cell if math.isfinite(cell) else None for cell in row)


def tooltips(**titles: str) -> list[alt.Tooltip]:
    """Tooltip of a point: field -> title."""
    return [alt.Tooltip(field, type="nominal", title=title) for field, title in titles.items()]


def specification(chart: alt.Chart | alt.LayerChart) -> VegaLite:
    """The chart as Vega-Lite, without the address of the schema: nothing on a page is a link out."""
    vega_lite: VegaLite = chart.to_dict(validate=False)
    return {key: value for key, value in vega_lite.items() if key not in ("$schema", "config")}


def sized(layers: list[alt.Chart], height: int) -> alt.LayerChart:
    """The layers as one chart that is as wide as what holds it."""
    chart: alt.LayerChart = alt.LayerChart(layer=layers).properties(
        width="container", height=height, autosize=alt.AutoSizeParams(type="fit-x", contains="padding")
    )
    return chart
