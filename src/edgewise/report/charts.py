"""What every chart shares: a model has one colour and one shape wherever it appears."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

# After Okabe and Ito, each dark enough for a white page and light enough for a black one.
PALETTE = ("#7d858c", "#1a84cc", "#d55e00", "#009e73", "#b8629a", "#8f7300", "#6a6fd1")
SHAPES = ("circle", "square", "triangle-up", "diamond", "triangle-down", "cross")


@dataclass(frozen=True, slots=True)
class Figure:
    """A chart, as Vega-Lite, with the words that stand around it."""

    id: str
    title: str
    note: str
    chart: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Style:
    """How one model is drawn wherever it appears."""

    color: str
    shape: str


def styles(models: Iterable[str]) -> dict[str, Style]:
    """Model -> style, by position, so that the base is grey in every report."""
    return {m: Style(PALETTE[i % len(PALETTE)], SHAPES[i % len(SHAPES)]) for i, m in enumerate(models)}


def model_color(models: Sequence[str], drawn: Sequence[str] = ()) -> alt.Color:
    """The field `model` as colour; `drawn` names the models of the chart where these are not all."""
    found = styles(models)
    domain = list(drawn or models)
    return alt.Color("model:N").scale(domain=domain, range=[found[m].color for m in domain]).title(None)


def model_shape(models: Sequence[str], drawn: Sequence[str] = ()) -> alt.Shape:
    """The field `model` as the shape of points; `drawn` as in `model_color`."""
    found = styles(models)
    domain = list(drawn or models)
    return alt.Shape("model:N").scale(domain=domain, range=[found[m].shape for m in domain]).title(None)


def samples_axis(largest: int, *, every: int = 1, title: str | None = "k, samples per problem") -> alt.X:
    """The field `k` from 1 to `largest` on a scale of powers of two."""
    return (
        alt.X("k:Q")
        .scale(type="log", base=2, domain=[1, max(largest, 2)], nice=False)
        .axis(values=[2**i for i in range(0, largest.bit_length(), every)], format="d", grid=False)
        .title(title)
    )


def sized(layers: list[alt.Chart], height: int) -> alt.LayerChart:
    """The layers as one chart that is as wide as what holds it."""
    chart: alt.LayerChart = alt.LayerChart(layer=layers).properties(
        width="container", height=height, autosize=alt.AutoSizeParams(type="fit-x", contains="padding")
    )
    return chart


def specification(chart: alt.Chart | alt.LayerChart) -> dict[str, Any]:
    """The chart as Vega-Lite, without the address of the schema: nothing on a page is a link out."""
    found: dict[str, Any] = chart.to_dict(validate=False)
    found.pop("$schema", None)
    found.pop("config", None)
    return found
