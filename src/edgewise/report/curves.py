"""Charts along k: pass@k, the difference between tuned and base, and pass@k from model to model."""

from __future__ import annotations

from collections.abc import Callable

import altair as alt
import numpy as np
import numpy.typing as npt

from edgewise.boundary.audit.result import Audit, Scope
from edgewise.boundary.inference.supported_k import SAMPLES_PER_K, largest_claimable_k, use_of_k
from edgewise.boundary.measures.guessing import Guessing
from edgewise.report import formats
from edgewise.report.charts import (
    ASIDE,
    MUTED,
    SHARES,
    ChartData,
    ChartRows,
    VegaLite,
    audit_styles,
    band_opacity,
    framed,
    in_words,
    known_rows,
    line_width,
    model_color,
    model_shape,
    numbers_by,
    samples_axis,
    tooltips,
)

USES = {"claim": f"claims (k up to n/{SAMPLES_PER_K})", "dotted": f"no claim: k above n/{SAMPLES_PER_K}"}
# Heights in pixels.
LARGE, MEDIUM, SMALL = 260, 190, 96


def pass_at_k_chart(audit: Audit, scope: Scope, floor: Guessing | None = None, *, height: int = MEDIUM) -> VegaLite:
    """pass@k against k: each model's curve with its simultaneous band, and a line at n/2, where claims end.

    Full up to n/2, dotted without a band beyond. Where answer and process were both verified, the metric that the
    verdicts do not go by is dashed, and hidden unless `answers` is set. What guessing reaches is a dotted line of its
    own.
    """
    small = height <= SMALL
    data = ChartData()
    main: ChartRows = []
    other: ChartRows = []
    for model, curves in scope.curves.items():
        for metric, curve in curves.items():
            columns = (curve.k_K, curve.value_K, curve.band_low_K, curve.band_high_K)
            rows = _curve_rows(
                *columns, curve.n, formats.percent, f"band at {formats.confidence(curve.bootstrap.confidence)}"
            )
            (main if metric == audit.metric else other).extend(
                {**row, "model": model, "metric": metric, "problems": curve.problems} for row in rows
            )
    x = _samples(main, small)
    y_axis = alt.Axis(format=".0%", tickCount=2 if small else 4)
    y = alt.Y("value:Q").scale(domain=[0, 1]).axis(y_axis).title(None if small else "pass@k")
    layers = [*_limit_layers(data, scope, x, small), *_looked_at(data, main, x)]
    if other:
        visible = alt.ExprRef("answers ? 0.75 : 0")
        dashed = data.shown(other).mark_line(strokeWidth=1.25, strokeDash=[5, 3], opacity=visible)
        layers.append(dashed.encode(x, y, color=model_color(audit_styles(audit)), detail="metric:N"))
    if floor is not None:
        layers += _floor_layers(data, floor, x, y)
    layers += _curve_layers(data, audit, main, x, y, "pass@k", small)
    words = in_words("pass@k against k", _at_claims(main, scope))
    return framed(data, layers, height, models=audit.models, k=scope.k, words=words)


def difference_chart(audit: Audit, scope: Scope) -> VegaLite:
    """pass@k of tuned minus base against k, in points, with the band that holds at every k at once.

    The stripe is the margin: differences regarded as none.
    """
    data = ChartData()
    rows = []
    for model, difference in scope.differences.items():
        columns = (difference.k_K, difference.value_K, difference.band_low_K, difference.band_high_K)
        about = f"band at {formats.confidence(difference.bootstrap.confidence)}"
        rows += [
            {**row, "model": model, "problems": difference.problems}
            for row in _curve_rows(*columns, difference.n, formats.points, about)
        ]
    x = _samples(rows, False)
    y = (
        alt.Y("value:Q")
        .axis(alt.Axis(labelExpr="format(100 * datum.value, '+.3~g')", tickCount=5))
        .title("\u0394 pass@k, points")
    )
    stripe = data.all([{"low": -audit.margin, "high": audit.margin}]).mark_rect(opacity=0.14, color=MUTED)
    zero = data.all([{"value": 0.0}]).mark_rule(strokeWidth=1)
    layers = [
        stripe.encode(alt.Y("low:Q"), alt.Y2("high:Q")),
        zero.encode(alt.Y("value:Q")),
        *_limit_layers(data, scope, x, True),
        *_looked_at(data, rows, x),
        *_curve_layers(data, audit, rows, x, y, "\u0394 pass@k", False),
    ]
    words = in_words("pass@k of tuned minus base, in points, against k", _at_claims(rows, scope))
    return framed(data, layers, 220, models=audit.models, k=scope.k, words=words)


def trajectory_chart(audit: Audit, scope: Scope) -> VegaLite:
    """pass@1 and pass@k of every model, in the order given: checkpoints of one training, say."""
    data = ChartData()
    rows = [
        {
            **row,
            "model": model,
            "place": place,
            "of": "pass@1" if row["k"] == 1 else "pass@k",
            "problems": curve.problems,
        }
        for place, (model, curves) in enumerate(scope.curves.items())
        for curve in [curves[audit.metric]]
        for about in [formats.confidence(curve.bootstrap.confidence)]
        for row in _curve_rows(curve.k_K, curve.value_K, curve.low_K, curve.high_K, curve.n, formats.percent, about)
        if not row["joint"]
    ]
    named = alt.Axis(labelLimit=90, labelAngle=0 if len(audit.models) < 5 else -40, grid=False)
    x = alt.X("model:N").sort(field="place", op="min").axis(named).title(None)
    y = alt.Y("value:Q").scale(domain=[0, 1]).axis(SHARES).title("pass@k")
    drawn = data.shown(rows).transform_filter("datum.k === 1 || datum.k === chosen")
    tips = tooltips(
        model="model", k="k", text="pass@k", interval="interval", n="samples, n", problems="problems", use="use"
    )
    dash = alt.StrokeDash("of:N").scale(domain=["pass@1", "pass@k"], range=[[4, 3], [1, 0]]).title(None)
    # The axis names the models.
    styles = audit_styles(audit)
    color, shape = model_color(styles).legend(None), model_shape(styles).legend(None)
    layers = [
        drawn.mark_line(strokeWidth=1.5, color=MUTED).encode(x, y, dash),
        drawn.mark_rule(strokeWidth=1.5).encode(x, alt.Y("low:Q"), alt.Y2("high:Q"), color),
        drawn.mark_point(size=50, filled=True, opacity=1).encode(x, y, color, shape, tooltip=tips),
    ]
    words = in_words("pass@1 and pass@k from model to model", _at_claims(rows, scope))
    chart = framed(data, layers, 220, models=audit.models, k=scope.k, words=words)
    return chart | {"title": {"text": {"expr": "'k = ' + chosen"}}}


def _at_claims(rows: ChartRows, scope: Scope) -> list[tuple[str, str]]:
    """Each model's numbers at 1 and at the k of the claims, in words."""
    told = [row for row in rows if row["k"] in (1, scope.k) and not row["joint"]]
    return numbers_by("model", told, lambda row: f"{row['text']} {row['interval']} at k = {row['k']}")


def _curve_rows(
    k_K: npt.NDArray[np.int64],
    value_K: npt.NDArray[np.float64],
    low_K: npt.NDArray[np.float64],
    high_K: npt.NDArray[np.float64],
    n: int,
    shown: Callable[[float], str],
    about: str,
) -> ChartRows:
    """A row for each k with a value; the last of each use stands in the next one too, which joins them."""
    rows: ChartRows = []
    for k, value, low, high in known_rows(k_K, value_K, low_K, high_K):
        use = use_of_k(int(k), n)
        row = {
            "k": int(k),
            "value": value,
            "low": low,
            "high": high,
            "text": shown(value),
            "interval": f"{formats.interval(low, high, shown)} ({about})",
            "n": n,
            "use": USES[use],
            "part": use,
            "joint": False,
        }
        if rows and rows[-1]["part"] != row["part"]:
            rows.append({**rows[-1], "part": row["part"], "joint": True})
        rows.append(row)
    return rows


def _curve_layers(
    data: ChartData, audit: Audit, rows: ChartRows, x: alt.X, y: alt.Y, title: str, small: bool
) -> list[alt.Chart]:
    drawn_models = list(dict.fromkeys(row["model"] for row in rows))
    styles = audit_styles(audit)
    color, shape = model_color(styles, drawn_models), model_shape(styles, drawn_models)
    tips = tooltips(
        model="model", k="k", text=title, interval="interval", n="samples, n", problems="problems", use="use"
    )
    layers = []
    for part, band, line, dash in (("dotted", 0.0, 0.6, [1, 3]), ("claim", band_opacity(styles), 1, [1, 0])):
        drawn = data.shown([row for row in rows if row["part"] == part])
        if band:
            layers.append(drawn.mark_area(opacity=band).encode(x, alt.Y("low:Q"), alt.Y2("high:Q"), color))
        layers.append(
            drawn.mark_line(strokeWidth=line_width(styles), opacity=line, strokeDash=dash).encode(x, y, color)
        )
        points = data.shown([row for row in rows if row["part"] == part and not row["joint"]])
        points = points.mark_point(size=18 if small else 46, filled=part == "claim", opacity=max(line, 0.6))
        layers.append(points.encode(x, y, color, shape, tooltip=tips))
    return layers


def _limit_layers(data: ChartData, scope: Scope, x: alt.X, small: bool) -> list[alt.Chart]:
    """A line at the largest k of a claim, with its name where there is room."""
    rows: ChartRows = [{"k": k} for k in [largest_claimable_k(scope.n)] if k]
    line = data.all(rows).mark_rule(strokeWidth=1, opacity=0.55).encode(x)
    if small:
        return [line]
    name = data.all(rows).mark_text(baseline="bottom", fontSize=9.5, style=ASIDE, text=f"n/{SAMPLES_PER_K}")
    return [line, name.encode(x, y=alt.value(-3))]


def _floor_layers(data: ChartData, floor: Guessing, x: alt.X, y: alt.Y) -> list[alt.Chart]:
    points = [
        {"k": int(k), "value": value, "text": formats.percent(value), "source": floor.source, "problems": floor.known}
        for k, value in known_rows(floor.k_K, floor.floor_K)
    ]
    tips = tooltips(k="k", text="guess floor", source="made of", problems="problems")
    line = data.all(points).mark_line(strokeWidth=1.5, strokeDash=[2, 2], color=MUTED)
    name = data.all(points[-1:]).mark_text(
        align="right",
        dy=-6 if points and points[-1]["value"] < 0.9 else 12,
        fontSize=9.5,
        style=ASIDE,
        text="guess floor",
    )
    dots = data.all(points).mark_point(size=40, opacity=0)
    return [line.encode(x, y), name.encode(x, y), dots.encode(x, y, tooltip=tips)]


def _looked_at(data: ChartData, rows: ChartRows, x: alt.X) -> list[alt.Chart]:
    """A vertical line at the chosen k."""
    grid = [{"k": k} for k in sorted({row["k"] for row in rows})]
    return [data.all(grid).mark_rule(strokeDash=[1, 3]).encode(x).transform_filter("datum.k === chosen")]


def _samples(rows: ChartRows, small: bool) -> alt.X:
    largest = max((row["k"] for row in rows), default=1)
    return samples_axis(largest, every=2 if small else 1, title=None if small else "k, samples per problem")
