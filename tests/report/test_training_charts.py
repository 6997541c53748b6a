from __future__ import annotations

from dataclasses import replace

import altair as alt

from edgewise.report.charts import LINE, THIN_LINE, audit_styles, model_styles
from edgewise.report.training_charts import (
    MOST_POINTS,
    TRAINING,
    thinning,
    training_chart,
    training_figures,
    with_means,
)
from edgewise.study.measure import Findings
from tests.report import lab


def test_charts_are_valid_vega_lite_and_hold_every_point(findings: Findings) -> None:
    chart = training_chart(findings.stages, audit_styles(findings.audit), "reward")
    alt.LayerChart.from_dict(chart, validate=True)
    (rows,) = chart["datasets"].values()
    logged = next(stage.metrics for stage in findings.stages if "reward" in stage.metrics[0])
    assert [(row["step"], row["value"]) for row in rows] == [(line["step"], line["reward"]) for line in logged]
    assert {row["model"] for row in rows} == {lab.EDGE}


def test_one_chart_for_each_logged_metric(findings: Findings) -> None:
    styles = audit_styles(findings.audit)
    figures = training_figures(findings.stages, styles)
    assert [figure.id.removeprefix("training-") for figure in figures] == list(TRAINING)
    assert training_figures(lab.findings(metrics=False).stages, styles) == []


def test_nothing_points_out_of_the_chart(findings: Findings) -> None:
    for figure in training_figures(findings.stages, audit_styles(findings.audit)):
        assert "://" not in str(figure.chart)


def test_long_runs_are_thinned() -> None:
    assert [thinning(n) for n in (0, 1, MOST_POINTS, MOST_POINTS + 1)] == [1, 1, 1, 2]


def test_training_seeds_of_an_arm_are_thin_lines_of_its_colour(findings: Findings) -> None:
    """A colour for each model is a rainbow that says nothing."""
    reinforced = next(stage for stage in findings.stages if "reward" in stage.metrics[0])
    arms = {"base": ["base"], "grpo": ["grpo/0", "grpo/1", "grpo/2"], "sft": ["sft/0", "sft/1", "sft/2"]}
    styles = model_styles(models[0] if len(models) == 1 else models for models in arms.values())
    stages = [replace(reinforced, name=f"{model}: rl") for model in (*arms["grpo"], *arms["sft"])]
    chart = training_chart(stages, styles, "reward")
    alt.LayerChart.from_dict(chart, validate=True)
    scale = chart["layer"][0]["encoding"]["color"]["scale"]
    color = dict(zip(scale["domain"], scale["range"], strict=True))
    assert [len({color[model] for model in models}) for models in arms.values()] == [1, 1, 1]
    assert len(set(color.values())) == 3
    assert chart["layer"][0]["mark"]["strokeWidth"] == THIN_LINE
    (rows,) = chart["datasets"].values()
    assert len({row["stage"] for row in rows}) == 6, "a line for each seed"


def test_the_mean_of_training_seeds_stands_on_their_faint_lines(findings: Findings) -> None:
    """At the steps that all of the seeds shown have logged: a mean over other runs at each step would jump."""
    reinforced = next(stage for stage in findings.stages if "reward" in stage.metrics[0])
    seeds = ["grpo/0", "grpo/1", "grpo/2"]
    stages = [replace(reinforced, name=f"{model}: rl") for model in seeds]
    styles = model_styles(["base", seeds])
    chart = training_chart(stages, styles, "reward")
    alt.LayerChart.from_dict(chart, validate=True)
    lines, mean, points = chart["layer"]
    assert lines["mark"]["opacity"] < 0.5 and mean["mark"] == {"type": "line", "strokeWidth": LINE}
    assert points["mark"]["type"] == "point"
    shown, averaged, counted, kept = mean["transform"]
    assert "shown" in shown["filter"] and averaged["groupby"] == ["arm", "kind", "step"]
    assert [one["op"] for one in averaged["aggregate"]] == ["mean", "count"]
    assert counted["joinaggregate"][0]["op"] == "max" and kept["filter"] == "datum.logged == datum.shown_seeds"
    (rows,) = chart["datasets"].values()
    assert {row["arm"] for row in rows} == {"grpo/0"} and {row["kind"] for row in rows} == {"rl"}
    alone = training_chart(stages[:1], styles, "reward")
    assert len(alone["layer"]) == 2 and "opacity" not in alone["layer"][0]["mark"], "one seed has no mean"
    assert with_means(styles) and not with_means(model_styles(["base", "grpo"]))
