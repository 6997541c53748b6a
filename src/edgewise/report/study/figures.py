"""Findings -> charts. Pure functions."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import altair as alt

from edgewise.boundary import Curve, Metric
from edgewise.boundary.inference.supported_k import SAMPLES_PER_K
from edgewise.report.charts import Figure, model_color, model_shape, samples_axis, sized, specification
from edgewise.report.study.tables import claim_k, level_name, model_of
from edgewise.study.measure import METRICS, Findings

# What is shown of training, in order: metric -> title and unit.
TRAINING: Mapping[str, tuple[str, str]] = {
    "loss": ("Next-token loss", "nats per token"),
    "reward": ("Reward", "mean over the rollouts of a step"),
    "process_correct": ("Process correct", "share of the rollouts of a step"),
    "entropy": ("Entropy", "nats per token, over one sample of each group"),
    "kl_to_start": ("KL to the start model", "nats per token, over one sample of each group"),
    "zero_variance": ("Groups without a signal", "share of groups whose outcomes are all equal"),
}

# Beyond this a line holds more points than pixels.
MOST_POINTS = 1_000

_DASHED = [5, 3]
_SHOW_ANSWER = "show_answer"


def region_figures(findings: Findings) -> list[Figure]:
    """pass@k against k, one chart per region."""
    return [
        Figure(f"region-{i}", region, _where_note(findings, region), specification(pass_at_k(findings, region)))
        for i, region in enumerate(findings.regions)
    ]


def level_figures(findings: Findings) -> list[Figure]:
    """pass@k against k, one small chart per level."""
    return [
        Figure(
            f"level-{level}", name, _where_note(findings, name), specification(pass_at_k(findings, name, small=True))
        )
        for level in findings.levels
        for name in [level_name(level)]
    ]


def training_figures(findings: Findings) -> list[Figure]:
    """One chart per metric that any stage logged."""
    logged = {name for stage in findings.stages for line in stage.metrics for name in line}
    return [
        Figure(f"training-{metric}", title, unit, specification(training_curve(findings, metric)))
        for metric, (title, unit) in TRAINING.items()
        if metric in logged
    ]


def pass_at_k(findings: Findings, where: str, *, small: bool = False) -> alt.LayerChart:
    """Every model's pass@k on one set of problems: process solid with its band, answer dashed.

    k up to n/4 is drawn full, larger k faded and hollow. The parameter `show_answer` hides the
    answer's curves.
    """
    chosen = [c for c in findings.curves if c.where == where]
    rows = {
        metric: [row for c in chosen if c.metric == metric for row in _rows(c.model, metric, c.curve)]
        for metric in METRICS
    }
    largest = max((int(c.curve.k_K[-1]) for c in chosen), default=1)
    x = samples_axis(largest, every=2 if small else 1, title=None if small else "k, samples per problem")
    y_axis = alt.Axis(format=".0%", tickCount=2 if small else 5)
    y = alt.Y("value:Q").scale(domain=[0, 1]).axis(y_axis).title(None if small else "pass@k")
    color = model_color(findings.models)
    shape = model_shape(findings.models)
    tooltip = [
        alt.Tooltip("model:N", title="model"),
        alt.Tooltip("judged:N", title="judged by"),
        alt.Tooltip("k:Q", title="k"),
        alt.Tooltip("value:Q", title="pass@k", format=".1%"),
        alt.Tooltip("interval:N", title="interval"),
        alt.Tooltip("n:Q", title="samples, n"),
        alt.Tooltip("problems:Q", title="problems"),
        alt.Tooltip("use:N", title="use"),
    ]

    def marks(metric: Metric, noisy: bool) -> list[alt.Chart]:
        data = alt.Chart(alt.InlineData(values=[r for r in rows[metric] if r["noisy"] is noisy]))
        points = alt.Chart(alt.InlineData(values=[r for r in rows[metric] if r["noisy"] is noisy and not r["joint"]]))
        strength = 0.45 if noisy else 1.0
        if metric == "process":
            band = data.mark_area(opacity=0.4 * 0.18 if noisy else 0.18).encode(
                x, y=alt.Y("low:Q"), y2="high:Q", color=color
            )
            line = data.mark_line(strokeWidth=1.75, opacity=strength).encode(x, y, color=color)
            dots = points.mark_point(size=18 if small else 46, filled=not noisy, opacity=max(strength, 0.6))
            return [band, line, dots.encode(x, y, color=color, shape=shape, tooltip=tooltip)]
        shown = alt.ExprRef(f"{_SHOW_ANSWER} ? {0.8 * strength} : 0")
        size = alt.ExprRef(f"{_SHOW_ANSWER} ? {8 if small else 16} : 0")
        line = data.mark_line(strokeWidth=1.25, strokeDash=_DASHED, opacity=shown).encode(x, y, color=color)
        dots = points.mark_point(size=size, filled=not noisy, opacity=shown)
        return [line, dots.encode(x, y, color=color, shape=shape, tooltip=tooltip)]

    limit = alt.Chart(
        alt.InlineData(values=[{"k": _claim_limit(chosen_n)} for chosen_n in {c.curve.n for c in chosen}])
    )
    rule = limit.mark_rule(strokeDash=[1, 3]).encode(x)
    layers = [rule, *(mark for metric in reversed(METRICS) for noisy in (True, False) for mark in marks(metric, noisy))]
    return sized(layers, 96 if small else 250).add_params(alt.param(name=_SHOW_ANSWER, value=True))


def training_curve(findings: Findings, metric: str) -> alt.LayerChart:
    """One logged metric against the step, a line for every stage that logged it."""
    rows = []
    for i, stage in enumerate(findings.stages):
        lines = [line for line in stage.metrics if math.isfinite(line.get(metric, math.nan)) and "step" in line]
        every = thinning(len(lines))
        model = model_of(stage, findings.models) or findings.models[0]
        kept = [line for j, line in enumerate(lines) if j % every == 0 or j == len(lines) - 1]
        rows += [
            {"stage": f"{i}", "name": stage.name, "model": model, "step": line["step"], "value": line[metric]}
            for line in kept
        ]
    chart = alt.Chart(alt.InlineData(values=rows)).encode(
        alt.X("step:Q").axis(grid=False, tickCount=5).title("step"),
        alt.Y("value:Q").scale(zero=metric != "entropy").axis(tickCount=4).title(None),
        detail="stage:N",
        color=model_color(findings.models),
        tooltip=[
            alt.Tooltip("name:N", title="stage"),
            alt.Tooltip("step:Q", title="step"),
            alt.Tooltip("value:Q", title=metric, format=".4g"),
        ],
    )
    return sized([chart.mark_line(strokeWidth=1.25), chart.mark_point(size=40, opacity=0)], 150)


def thinning(points: int) -> int:
    """Every how many-th of so many points is drawn."""
    return max(1, math.ceil(points / MOST_POINTS))


def _rows(model: str, metric: Metric, curve: Curve) -> list[dict[str, Any]]:
    """One row per k; the last k a claim can be made at stands in both parts, which joins them."""
    claims = [int(k) for k in curve.k_K if int(k) * SAMPLES_PER_K <= curve.n]
    columns = zip(curve.k_K, curve.value_K, curve.low_K, curve.high_K, strict=True)
    rows = []
    for k, value, low, high in ((int(k), float(v), float(a), float(b)) for k, v, a, b in columns):
        if math.isnan(value):
            continue
        row = {
            "model": model,
            "judged": metric,
            "k": k,
            "value": value,
            "low": low,
            "high": high,
            "interval": f"{100 * low:.1f}% to {100 * high:.1f}% (at {100 * curve.bootstrap.confidence:.4g}%)",
            "n": curve.n,
            "problems": curve.problems,
            "use": "claims" if k in claims else "too noisy for a claim: k > n/4",
            "noisy": k not in claims,
            "joint": False,
        }
        rows.append(row)
        if claims and k == claims[-1]:
            rows.append({**row, "noisy": True, "joint": True})
    return rows


def _claim_limit(n: int) -> float:
    return max(1.0, n / SAMPLES_PER_K)


def _where_note(findings: Findings, where: str) -> str:
    curves = [c.curve for c in findings.curves if c.where == where]
    if not curves:
        return ""
    first = curves[0]
    return f"{first.problems} problems, n = {min(c.n for c in curves)}, claims at k = {claim_k(findings, where)}"
