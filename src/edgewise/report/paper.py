"""The charts as figures for a paper: SVG and PNG, one column wide, on white."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import vl_convert
from altair.utils.schemapi import debug_mode

from edgewise.boundary.audit.result import Audit
from edgewise.report import document
from edgewise.report.charts import ASIDE, HOLLOW
from edgewise.report.figures import set_figures, verdict_figures

# CSS pixels: 3.4 inches, the column of most two-column papers, with text of 7 points.
WIDTH, TEXT = 326, 9.5
# PNG pixels for each of these: about 290 to the inch.
SCALE = 3.0

_INK, _LINE = "#1c2328", "#d9dcd8"
_FONT = "Helvetica, Arial, Liberation Sans, sans-serif"


def write_figures(audit: Audit, folder: Path) -> None:
    """Write every chart of every set as SVG and PNG. InputError names a file that cannot be written."""
    with debug_mode(False):
        names = slugs(problem_set.name for problem_set in audit.sets)
        figures = list(verdict_figures(audit).values())
        for problem_set, name in zip(audit.sets, names, strict=True):
            figures += set_figures(audit, problem_set, name).values()
    for figure in figures:
        svg = vl_convert.vegalite_to_svg(printed(figure.chart))
        document.write(svg, folder / f"{figure.id}.svg")
        document.write_bytes(vl_convert.svg_to_png(svg, scale=SCALE), folder / f"{figure.id}.png")


def printed(specification: dict[str, Any]) -> dict[str, Any]:
    """The chart one column wide, with a legend, in dark ink on white; it shows what a page can hide."""
    axis = {
        "labelColor": _INK,
        "titleColor": _INK,
        "domainColor": _INK,
        "tickColor": _INK,
        "gridColor": _LINE,
        "labelFontSize": TEXT,
        "titleFontSize": TEXT,
        "titleFontWeight": 400,
        "tickSize": 3,
    }
    legend = {
        "orient": "top",
        "direction": "horizontal",
        "title": None,
        "labelFontSize": TEXT,
        "labelColor": _INK,
        "labelLimit": 118,
        "columns": 2,
        "symbolSize": 50,
        "symbolOpacity": 1,
        "columnPadding": 6,
        "offset": 6,
    }
    config = {
        "background": "white",
        "font": _FONT,
        "padding": 4,
        "view": {"stroke": None},
        "axis": axis,
        "legend": legend,
        "rule": {"color": _INK},
        "style": {ASIDE: {"color": _INK}, HOLLOW: {"color": "white"}},
        "title": {"color": _INK, "fontSize": TEXT, "fontWeight": 400, "anchor": "end", "offset": 2},
    }
    printed = {**specification, "width": WIDTH, "config": config}
    if "params" in specification:
        shown = [{**p, "value": True} if p["name"] == "answers" else p for p in specification["params"]]
        printed["params"] = shown
    return printed


def slugs(names: Iterable[str]) -> list[str]:
    """A name for files for each: letters, digits and hyphens, all different."""
    different: list[str] = []
    for name in names:
        plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40].strip("-") or "set"
        different.append(plain if plain not in different else f"{plain}-{len(different) + 1}")
    return different
