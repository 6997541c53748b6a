"""Chart of a verdict's evidence: the differences at 1 and at k with their intervals, set by set."""

from __future__ import annotations

import altair as alt

from edgewise.boundary.audit.result import Audit
from edgewise.report import formats
from edgewise.report.charts import (
    HOLLOW,
    MUTED,
    ChartData,
    VegaLite,
    audit_styles,
    framed,
    in_words,
    numbers_by,
    tooltips,
)
from edgewise.report.excerpts import bounded


def verdict_chart(audit: Audit, model: str) -> VegaLite:
    """Delta pass@1 (hollow) and Delta pass@k (full) of each set, on one scale taken from the data.

    The stripe is the margin: differences regarded as none.
    """
    # Sets are sorted by a field: a list of names would become code, and a name may hold what code cannot.
    data = ChartData()
    verdict = audit.verdicts[model]
    measured = ["pass@1", "pass@k"]
    rows = [
        {
            "set": name,
            "place": place,
            "of": of,
            "value": 100 * delta.value,
            "low": 100 * delta.low,
            "high": 100 * delta.high,
            "k": k,
            "text": f"{formats.points(delta.value)} {formats.points_interval(delta)}",
            "n": part.n,
            "problems": part.problems,
        }
        for place, (name, part) in enumerate(verdict.parts.items())
        for of, k, delta in (("pass@1", 1, part.delta_1), ("pass@k", part.k, part.delta_k))
    ]
    color = audit_styles(audit)[model].color
    x = (
        alt.X("value:Q")
        .axis(grid=True, tickCount=7, labelExpr="format(datum.value, '+.3~g')")
        .title("points, tuned minus base")
    )
    named = alt.Axis(labelLimit=130, ticks=False, domain=False, grid=False, labelPadding=8)
    y = alt.Y("set:N").sort(field="place", op="min").axis(named).title(None)
    offset = alt.YOffset("of:N").sort(measured).scale(paddingInner=0.3, paddingOuter=0.45)
    stripe = data.all([{"low": -100 * audit.margin, "high": 100 * audit.margin}])
    drawn = data.all(rows)
    tips = tooltips(set="set", of="of", k="k", text="points", n="samples, n", problems="problems")
    names = drawn.mark_text(align="left", dx=7, fontSize=10.5).encode(alt.X("high:Q"), y, offset, alt.Text("label:N"))
    hollow = drawn.mark_point(size=70, filled=True, strokeWidth=2, stroke=color, opacity=1, style=HOLLOW)
    full = drawn.mark_point(size=70, filled=True, strokeWidth=2, stroke=color, opacity=1, color=color)
    layers = [
        stripe.mark_rect(opacity=0.16, color=MUTED).encode(alt.X("low:Q"), alt.X2("high:Q")),
        data.all([{"value": 0.0}]).mark_rule(strokeWidth=1).encode(alt.X("value:Q")),
        drawn.mark_rule(strokeWidth=2.5, color=color, opacity=0.7).encode(alt.X("low:Q"), alt.X2("high:Q"), y, offset),
        *(
            mark.encode(x, y, offset, tooltip=tips).transform_filter(alt.datum.of == of)
            for of, mark in zip(measured, (hollow, full), strict=True)
        ),
        names.transform_calculate(label="datum.of === 'pass@1' ? 'pass@1' : 'pass@' + datum.k"),
    ]
    said = numbers_by("set", rows, lambda row: f"pass@{row['k']} {row['text']}")
    words = in_words(f"{bounded(model, 60)} minus {bounded(audit.bases[model], 60)}, in points, set by set", said)
    return framed(data, layers, 34 + 46 * len(verdict.parts), models=audit.models, k=1, words=words)
