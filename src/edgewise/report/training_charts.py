"""Charts of training: each logged metric of a study's stages against the step."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import altair as alt

from edgewise.report.charts import (
    LINE,
    THIN_LINE,
    ChartData,
    ChartRows,
    Figure,
    Styles,
    VegaLite,
    framed,
    in_words,
    line_width,
    model_color,
    numbers_by,
)

if TYPE_CHECKING:
    from edgewise.study.record import StageRecord

# What is shown of training, in order: metric -> title and unit.
TRAINING: Mapping[str, tuple[str, str]] = {
    "loss": ("Next-token loss", "nats per token"),
    "reward": ("Reward", "mean over the rollouts of a step"),
    "process_correct": ("Process correct", "share of the rollouts of a step"),
    "entropy": ("Entropy", "nats per token, over one sample in 32 of every fourth step"),
    "kl_to_start": ("KL to the start model", "nats per token, over one sample in 32 of every fourth step"),
    "all_wrong": ("Groups all wrong", "share of groups without a rewarded outcome"),
    "all_right": ("Groups all right", "share of groups whose outcomes are all rewarded"),
    "reward_process_correlation": ("Reward and process", "correlation within groups of a step"),
    "length": ("Length", "tokens, mean over the rollouts of a step"),
    "clip_fraction": ("Clipped", "share of tokens where the clip acts"),
    "sampler_gap": ("Sampler and trainer", "mean difference of log-probabilities, nats per token, every fourth step"),
}

# Beyond this a line holds more points than pixels.
MOST_POINTS = 1_000


def training_figures(stages: Sequence[StageRecord], styles: Styles) -> list[Figure]:
    """One chart for each metric that any stage logged; `styles` are those of the models."""
    logged = {name for stage in stages for line in stage.metrics for name in line}
    return [
        Figure(f"training-{metric}", title, unit, training_chart(stages, styles, metric))
        for metric, (title, unit) in TRAINING.items()
        if metric in logged
    ]


def training_chart(stages: Sequence[StageRecord], styles: Styles, metric: str) -> VegaLite:
    """One logged metric against the step, a line for every stage that logged it.

    Where a stage was run with several training seeds their lines are faint, with their mean over them at the steps that
    all of those shown have logged.
    """
    first_of_arm = {style.arm: model for model, style in reversed(list(styles.items()))}
    rows: ChartRows = []
    seeds: Counter[tuple[int, str]] = Counter()
    for i, stage in enumerate(stages):
        lines = [line for line in stage.metrics if math.isfinite(line.get(metric, math.nan)) and "step" in line]
        every = thinning(len(lines))
        model = model_of_stage(stage.name, list(styles))
        arm, kind = styles[model].arm, stage.name.rpartition(": ")[2]
        seeds[arm, kind] += bool(lines)
        of_stage = {"stage": f"{i}", "name": stage.name, "model": model, "arm": first_of_arm[arm], "kind": kind}
        kept = [line for j, line in enumerate(lines) if j % every == 0 or j == len(lines) - 1]
        rows += [{**of_stage, "step": line["step"], "value": line[metric]} for line in kept]
    data = ChartData()
    x = alt.X("step:Q").axis(grid=False, tickCount=5).title("step")
    y = alt.Y("value:Q").scale(zero=metric != "entropy").axis(tickCount=4).title(None)
    drawn = data.shown(rows).encode(
        x,
        y,
        detail="stage:N",
        color=model_color(styles),
        tooltip=[
            alt.Tooltip("name:N", title="stage"),
            alt.Tooltip("step:Q", title="step"),
            alt.Tooltip("value:Q", title=metric, format=".4g"),
        ],
    )
    if max(seeds.values(), default=0) < 2:
        layers = [drawn.mark_line(strokeWidth=min(1.25, line_width(styles)))]
    else:
        mean = (
            data.shown(rows)
            .transform_aggregate(value="mean(value)", logged="count()", groupby=["arm", "kind", "step"])
            .transform_joinaggregate(shown_seeds="max(logged)", groupby=["arm", "kind"])
            .transform_filter("datum.logged == datum.shown_seeds")
            .encode(x, y, detail=["arm:N", "kind:N"], color=model_color(styles, field="arm"))
        )
        layers = [drawn.mark_line(strokeWidth=THIN_LINE, opacity=0.35), mean.mark_line(strokeWidth=LINE)]
    layers.append(drawn.mark_point(size=40, opacity=0))
    by_stage = {row["stage"]: [other for other in rows if other["stage"] == row["stage"]] for row in rows}
    ends = [row for own in by_stage.values() for row in (own[0], own[-1])]
    said = numbers_by("name", ends, lambda row: f"{row['value']:.3g} at step {row['step']:g}")
    return framed(data, layers, 150, models=list(styles), k=1, words=in_words(f"{metric} against the step", said))


def with_means(styles: Styles) -> bool:
    """Whether any arm has several training seeds, whose mean is drawn."""
    return len({style.arm for style in styles.values()}) < len(styles)


def thinning(points: int) -> int:
    """Step from one drawn point to the next, so that at most MOST_POINTS of `points` are drawn."""
    return max(1, math.ceil(points / MOST_POINTS))


def model_of_stage(name: str, models: Sequence[str]) -> str:
    """The model that a stage is named after ("edge: rl" -> "edge"), else the first."""
    model = name.rpartition(": ")[0]
    return model if model in models else models[0]
