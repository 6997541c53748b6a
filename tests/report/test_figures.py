from __future__ import annotations

import math
import re
import struct
from collections import Counter
from pathlib import Path
from typing import Any

import altair as alt
import pytest

from edgewise.boundary.audit.result import Audit
from edgewise.report import figures, paper
from edgewise.report import problem_charts as problems
from edgewise.report.charts import PALETTE, Figure
from tests.report.synthetic import BASE, MODELS, PROBLEMS, SAMPLES, SHARP, WIDE

KINDS = {"curves", "difference", "solved", "histogram", "cover", "soundness", "trajectory", "rates-0", "rates-1"}


@pytest.fixture(scope="module")
def drawn(found: Audit) -> dict[str, Figure]:
    return figures.set_figures(found, found.sets[1], "x")


def rows_of(figure: Figure) -> list[dict[str, Any]]:
    return [row for rows in figure.chart["datasets"].values() for row in rows]


def test_every_chart_is_valid_vega_lite_that_points_nowhere(found: Audit, drawn: dict[str, Figure]) -> None:
    levels = figures.level_figures(found, found.sets[0], "x")
    assert set(drawn) == KINDS and len(levels) == 3
    for figure in [*drawn.values(), levels[0]]:
        alt.LayerChart.from_dict(figure.chart, validate=True)
        assert "://" not in str(figure.chart)
        assert {p["name"] for p in figure.chart["params"]} == {"shown", "chosen", "answers"}


def test_the_curves_hold_every_point_and_its_band(found: Audit, drawn: dict[str, Figure]) -> None:
    scope = found.sets[1].whole
    rows = [r for r in rows_of(drawn["curves"]) if r.get("metric") == "process" and not r["joint"]]
    for model in MODELS:
        curve = scope.curves[model]["process"]
        columns = (curve.k_K, curve.value_K, curve.band_low_K, curve.band_high_K)
        expected = {
            tuple(None if math.isnan(cell) else cell for cell in row)
            for row in zip(*(c.tolist() for c in columns), strict=True)
        }
        assert {(r["k"], r["value"], r["low"], r["high"]) for r in rows if r["model"] == model} == expected


def test_uses_are_told_apart_and_joined(drawn: dict[str, Figure]) -> None:
    rows = [r for r in rows_of(drawn["difference"]) if "part" in r and r["model"] == WIDE]
    parts = {(r["k"], r["part"]) for r in rows if not r["joint"]}
    quarter, half = SAMPLES // 4, SAMPLES // 2
    assert parts == {(k, "claim") for k in (1, 2, 4, quarter, 10, half)} | {(SAMPLES, "dotted")}
    assert {(r["k"], r["part"]) for r in rows if r["joint"]} == {(half, "dotted")}


def test_the_histogram_counts_every_problem_and_0_and_1_alone(found: Audit, drawn: dict[str, Figure]) -> None:
    rows = rows_of(drawn["histogram"])
    of_set = found.counts_of(found.sets[1].name, BASE)
    for model in MODELS:
        assert math.isclose(sum(r["value"] for r in rows if r["model"] == model), 1)
    at = {r["rate"]: r["value"] for r in rows if r["model"] == BASE}
    assert len(at) == 12
    assert at["0"] == (of_set.c_P == 0).sum() / of_set.problems > 0
    assert at["1"] == (of_set.c_P == of_set.n_P).sum() / of_set.problems


@pytest.mark.parametrize(
    ("c", "n", "bin"), [(0, 10, 0), (1, 10, 1), (2, 10, 2), (10, 10, 11), (9, 10, 9), (1, 3, 4), (1, 1000, 1)]
)
def test_bins_are_open_below_and_closed_above(c: int, n: int, bin: int) -> None:
    assert problems.bin_of(c, n) == bin


def test_the_points_of_the_rates_add_up_to_all_problems(found: Audit, drawn: dict[str, Figure]) -> None:
    points = [r for r in rows_of(drawn["rates-1"]) if "change" in r]
    assert sum(r["problems"] for r in points) == 3 * PROBLEMS
    changes = found.sets[1].comparisons[WIDE]["changes"]
    tally: Counter[str] = Counter()
    for r in points:
        tally[r["change"]] += r["problems"]
    assert tally["significantly up"] == changes.up > 0
    assert tally["significantly down"] == changes.down


def test_a_model_has_its_colour_where_only_some_are_drawn(drawn: dict[str, Figure]) -> None:
    scales = [
        layer["encoding"]["color"]["scale"]
        for layer in drawn["difference"].chart["layer"]
        if "color" in layer["encoding"]
    ]
    assert scales and all(s == {"domain": [SHARP, WIDE], "range": list(PALETTE[1:3])} for s in scales)


def test_figures_for_a_paper_are_one_column_wide_on_white(folder: Path) -> None:
    names = {path.name for path in (folder / "figures").iterdir()}
    assert len(names) == 2 * (len(KINDS) * 2 + len(MODELS) - 1)
    assert names >= {
        "verdict-0.svg",
        "curves-easy.svg",
        "curves-easy.png",
        "curves-hard-script-7-7.svg",
        "rates-1-easy.png",
    }
    (width,) = struct.unpack(">I", (folder / "figures" / "curves-easy.png").read_bytes()[16:20])
    assert width == round(paper.WIDTH * paper.SCALE)
    svg = (folder / "figures" / "curves-easy.svg").read_text("utf-8")
    assert svg.startswith("<svg") and "<script" not in svg and "<image" not in svg
    assert BASE in svg, "the legend names the models"
    assert re.search(r'<svg [^>]*><rect [^>]*fill="white"', svg)
    assert re.search(r'stroke-dasharray="5,3"[^>]*(?<!stroke-)opacity="0.75"', svg), "the answer alone is printed too"


def test_names_for_files_are_plain_and_different() -> None:
    assert paper.slugs(["AIME 24", "../aime/24", "\u0394", "\u0394", "x" * 90]) == [
        "aime-24",
        "aime-24-2",
        "set",
        "set-4",
        "x" * 40,
    ]
