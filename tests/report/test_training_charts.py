from __future__ import annotations

import altair as alt

from edgewise.report.training_charts import MOST_POINTS, TRAINING, thinning, training_chart, training_figures
from edgewise.study.measure import Findings
from tests.report import lab


def test_charts_are_valid_vega_lite_and_hold_every_point(findings: Findings) -> None:
    chart = training_chart(findings.stages, findings.audit.models, "reward")
    alt.LayerChart.from_dict(chart, validate=True)
    (rows,) = chart["datasets"].values()
    logged = next(stage.metrics for stage in findings.stages if "reward" in stage.metrics[0])
    assert [(row["step"], row["value"]) for row in rows] == [(line["step"], line["reward"]) for line in logged]
    assert {row["model"] for row in rows} == {lab.EDGE}


def test_one_chart_for_each_logged_metric(findings: Findings) -> None:
    models = findings.audit.models
    figures = training_figures(findings.stages, models)
    assert [figure.id.removeprefix("training-") for figure in figures] == list(TRAINING)
    assert training_figures(lab.findings(metrics=False).stages, models) == []


def test_nothing_points_out_of_the_chart(findings: Findings) -> None:
    for figure in training_figures(findings.stages, findings.audit.models):
        assert "://" not in str(figure.chart)


def test_long_runs_are_thinned() -> None:
    assert [thinning(n) for n in (0, 1, MOST_POINTS, MOST_POINTS + 1)] == [1, 1, 1, 2]
