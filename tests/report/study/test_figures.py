from __future__ import annotations

from typing import Any

from edgewise.report.charts import specification
from edgewise.report.study import figures
from edgewise.report.study.tables import curve_of
from edgewise.study.measure import Findings
from tests.report.study import synthetic


def rows_of(chart: dict[str, Any]) -> list[dict[str, Any]]:
    return [row for rows in chart["datasets"].values() for row in rows]


def test_charts_are_valid_vega_lite_and_hold_every_point(found: Findings) -> None:
    chart = figures.pass_at_k(found, "inside").to_dict(validate=True)
    rows = [row for row in rows_of(chart) if "value" in row]
    for model in found.models:
        curve = curve_of(found, model, "process", "inside")
        drawn = {
            (r["k"], r["value"], r["low"], r["high"], r["n"])
            for r in rows
            if r["model"] == model and r["judged"] == "process"
        }
        columns = (curve.k_K.tolist(), curve.value_K.tolist(), curve.low_K.tolist(), curve.high_K.tolist())
        assert drawn == {(*row, curve.n) for row in zip(*columns, strict=True)}
    figures.training_curve(found, "reward").to_dict(validate=True)


def test_points_beyond_a_quarter_of_the_samples_are_told_apart(found: Findings) -> None:
    rows = [row for row in rows_of(specification(figures.pass_at_k(found, "op 3"))) if "value" in row]
    quarter = synthetic.SAMPLES / 4
    assert {row["k"] for row in rows if not row["noisy"]} == {1, 2, 4, 8}
    assert {row["k"] for row in rows if row["noisy"] and not row["joint"]} == {16, 32}
    assert {row["k"] for row in rows if row["joint"]} == {quarter}


def test_one_chart_for_each_region_level_and_logged_metric(found: Findings) -> None:
    assert [f.title for f in figures.region_figures(found)] == list(found.regions)
    assert [f.title for f in figures.level_figures(found)] == ["op 1", "op 2", "op 3", "op 4"]
    assert [f.id.removeprefix("training-") for f in figures.training_figures(found)] == list(figures.TRAINING)
    assert figures.training_figures(synthetic.findings(metrics=False)) == []


def test_nothing_points_out_of_the_chart(found: Findings) -> None:
    for figure in [*figures.region_figures(found), *figures.training_figures(found)]:
        assert "://" not in str(figure.chart)


def test_long_runs_are_thinned() -> None:
    assert [figures.thinning(n) for n in (0, 1, figures.MOST_POINTS, figures.MOST_POINTS + 1)] == [1, 1, 1, 2]
