"""Charts of problems: how many are solved, and how often."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import altair as alt

from edgewise.boundary.audit.result import Audit, Scope
from edgewise.boundary.measures.changes import Changes
from edgewise.core.words import counted
from edgewise.outcomes.counts import Counts
from edgewise.report import formats
from edgewise.report.charts import (
    MUTED,
    SHARES,
    ChartData,
    VegaLite,
    audit_styles,
    framed,
    in_words,
    model_color,
    numbers_by,
    tooltips,
)
from edgewise.report.excerpts import bounded

# Title, colour and shape. Hues that also differ in lightness; triangles point the way the problem went.
DIRECTIONS: Mapping[str, tuple[str, str, str]] = {
    "up": ("significantly up", "#0c9a7b", "triangle-up"),
    "none": ("no significant change", "#8b949b", "circle"),
    "down": ("significantly down", "#d9573a", "triangle-down"),
}
CELLS: Mapping[str, tuple[str, str]] = {
    "both": ("both", "#8b949b"),
    "tuned_only": ("tuned only", "#1a84cc"),
    "base_only": ("base only", "#d55e00"),
    "neither": ("neither", "#8b949b33"),
}
_BINS = 10
# Pairs of rates are put on a grid of this many steps where there are more of them than this.
_GRID, _MOST_POINTS = 32, 600


def solved_chart(audit: Audit, scope: Scope) -> VegaLite:
    """How many problems both, one or neither solve within k samples: a bar for each tuned model."""
    data = ChartData()
    titles, colors = zip(*CELLS.values(), strict=True)
    rows = [
        {
            "model": model,
            "place": place,
            "cell": title,
            "order": i,
            "value": estimate.value,
            "expected": f"{formats.tally(estimate.value)} of {verdict.solved.problems}",
            "interval": formats.tally_interval(estimate),
            "m": verdict.solved.m,
        }
        for place, (model, verdict) in enumerate(scope.verdicts.items())
        for i, (cell, (title, _)) in enumerate(CELLS.items())
        for estimate in [getattr(verdict.solved, cell)]
    ]
    # A name stands above its bar, where it has the whole width.
    y = alt.Y("model:N").sort(field="place", op="min").axis(None)
    names = data.shown([row for row in rows if not row["order"]])
    names = names.mark_text(align="left", fontSize=10.5, yOffset=-10, limit=260)
    bars = data.shown(rows).mark_bar(height=14, yOffset=6, stroke=MUTED, strokeWidth=0.75)
    bars = bars.encode(
        alt.X("value:Q").stack("zero").axis(grid=False, tickCount=5).title(f"problems, of {scope.problems}"),
        y,
        alt.Color("cell:N").scale(domain=list(titles), range=list(colors)).sort(list(titles)).title(None),
        alt.Order("order:Q"),
        tooltip=tooltips(model="model", cell="solved by", expected="expected", interval="interval", m="within samples"),
    )
    said = numbers_by("model", rows, lambda row: f"{row['cell']} {row['expected']} {row['interval']}")
    words = in_words(f"Problems solved within {counted(scope.k, 'sample')}, in expectation", said)
    layers = [bars, names.encode(x=alt.value(0), y=y, text="model:N")]
    return framed(data, layers, 44 * len(scope.verdicts), models=audit.models, k=scope.k, words=words)


def histogram_chart(audit: Audit, scope: Scope, counts: Mapping[str, Counts]) -> VegaLite:
    """The share of problems in each tenth of the success rate; rates of exactly 0 and 1 stand alone."""
    data = ChartData()
    bins = ["0", *(f"{i / _BINS:.1f}\u2013{(i + 1) / _BINS:.1f}" for i in range(_BINS)), "1"]
    rows = [
        {
            "model": model,
            "place": place,
            "rate": name,
            "value": tally[i] / of_model.problems,
            "of": f"{tally[i]} of {of_model.problems}",
            "n": of_model.n,
        }
        for place, (model, of_model) in enumerate(counts.items())
        for tally in [Counter(bin_of(int(c), int(n)) for c, n in zip(of_model.c_P, of_model.n_P, strict=True))]
        for i, name in enumerate(bins)
    ]
    rate = alt.Axis(labelAngle=-45, grid=False, labelOverlap=False)
    bars = (
        data.shown(rows)
        .mark_bar()
        .encode(
            alt.X("rate:O").sort(bins).axis(rate).title("share of a problem's samples that are right"),
            alt.Y("value:Q").axis(SHARES).title("share of problems"),
            alt.XOffset("model:N").sort(field="place", op="min"),
            model_color(audit_styles(audit)),
            tooltip=tooltips(model="model", rate="success rate", of="problems", n="samples, n"),
        )
    )
    said = numbers_by("model", [row for row in rows if row["value"]], lambda row: f"{row['of']} at {row['rate']}")
    words = in_words("Problems by the share of their samples that are right", said)
    return framed(data, [bars], 190, models=audit.models, k=scope.k, words=words)


def rates_chart(audit: Audit, scope: Scope, model: str, counts: Mapping[str, Counts], ways: list[str]) -> VegaLite:
    """Each problem's success rate of base and tuned; the area of a point is how many problems lie there."""
    data = ChartData()
    base_name = audit.bases[model]
    base, tuned = counts[base_name], counts[model]
    pairs = list(zip((base.c_P / base.n_P).tolist(), (tuned.c_P / tuned.n_P).tolist(), ways, strict=True))
    tally = Counter(pairs)
    if len(tally) > _MOST_POINTS:
        tally = Counter((round(x * _GRID) / _GRID, round(y * _GRID) / _GRID, way) for x, y, way in pairs)
    rows = [
        {
            "base": x,
            "tuned": y,
            "change": DIRECTIONS[way][0],
            "problems": many,
            "rates": f"{formats.percent(x)} and {formats.percent(y)}",
        }
        for (x, y, way), many in sorted(tally.items(), key=lambda item: -item[1])
    ]
    titles, colors, shapes = zip(*DIRECTIONS.values(), strict=True)
    line = data.all([{"base": 0, "tuned": 0}, {"base": 1, "tuned": 1}]).mark_line(
        strokeWidth=1, color=MUTED, strokeDash=[3, 3]
    )
    # Room for points at 0 and 1; the ticks stay.
    room, ticks = [-0.04, 1.04], alt.Axis(format=".0%", values=[i / 5 for i in range(6)])
    x = alt.X("base:Q").scale(domain=room, nice=False).axis(ticks).title(f"success rate of {_brief(base_name)}")
    y = alt.Y("tuned:Q").scale(domain=room, nice=False).axis(ticks).title(f"success rate of {_brief(model)}")
    points = (
        data.all(rows)
        .mark_point(filled=True, opacity=0.7)
        .encode(
            x,
            y,
            alt.Size("problems:Q").scale(range=[26, 420], domainMin=1).legend(None),
            alt.Color("change:N").scale(domain=list(titles), range=list(colors)).title(None),
            alt.Shape("change:N").scale(domain=list(titles), range=list(shapes)).title(None),
            tooltip=tooltips(rates="base and tuned", change="change", problems="problems"),
        )
    )
    said = [(title, counted(ways.count(way), "problem")) for way, (title, _, _) in DIRECTIONS.items()]
    words = in_words(f"Success rate of {bounded(model, 60)} against that of {bounded(base_name, 60)}", said)
    return framed(data, [line.encode(x, y), points], 260, models=audit.models, k=scope.k, words=words)


def directions(changes: Changes) -> list[str]:
    """Which way each problem changed, "none" where that is not significant."""
    names = {1: "up", -1: "down", 0: "none"}
    changed = zip(changes.direction_P.tolist(), (changes.q_P <= changes.q).tolist(), strict=True)
    return [names[way] if significant else "none" for way, significant in changed]


def bin_of(c: int, n: int) -> int:
    """The bar of the histogram that c right of n samples belong to: 0 and n have bars of their own."""
    return 0 if c == 0 else _BINS + 1 if c == n else 1 + (c * _BINS - 1) // n


def _brief(name: str, limit: int = 30) -> str:
    return name if len(name) <= limit else f"{name[: limit - 1]}\u2026"
