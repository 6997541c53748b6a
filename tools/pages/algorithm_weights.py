"""What an advantage does to easy and to hard problems: its weight against the pass rate, and the figures of it.

Rewards are 0 or 1 and a problem has n samples, c of them right, p the probability of being right. With the advantage
of a right sample A+(c) and of a wrong one A-(c), in a mean over samples, the expected update of the problem is w(p)
times the gradient of p: the score of a right sample is on average grad p / p, that of a wrong one -grad p / (1 - p), so

    w(p) = 1/n sum over c of Binomial(c; n, p) (c A+(c) / p - (n - c) A-(c) / (1 - p))
         = sum over c of Binomial(c; n - 1, p) (A+(c + 1) - A-(c))

what it is worth to be right rather than wrong, averaged over what the other n - 1 samples do.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import altair as alt
import torch
import vl_convert
from altair.utils.schemapi import debug_mode
from torch import Tensor

from edgewise.report.charts import PALETTE, specification
from edgewise.rl import advantages
from edgewise.rl.advantages.pkpo import PkpoBaseline

SAMPLES = 16

_GREY, _BLUE, _ORANGE, _GREEN, _PINK = PALETTE[:5]
_INK, _LINE = "#1c2328", "#e3e6e2"
_SOLID, _DASHED, _DOTTED = [1, 0], [6, 3], [1, 3]
_AXIS = {"labelColor": _INK, "titleColor": _INK, "domainColor": _INK, "tickColor": _INK, "gridColor": _LINE}
CONFIG = {
    "background": "white",
    "font": "Helvetica, Arial, Liberation Sans, sans-serif",
    "padding": 8,
    "view": {"stroke": None},
    "axis": {**_AXIS, "labelFontSize": 11, "titleFontSize": 12, "titleFontWeight": 400, "tickSize": 3},
    "legend": {
        "orient": "top",
        "title": None,
        "labelFontSize": 12,
        "labelColor": _INK,
        "labelLimit": 240,
        "columns": 4,
    },
    "title": {"color": _INK, "fontSize": 12, "fontWeight": 600, "anchor": "start", "frame": "group", "offset": 8},
    "aria": False,
}


@dataclass(frozen=True, slots=True)
class Curve:
    """An advantage with its numbers, as a function of rewards [problems, samples]."""

    name: str
    of: Callable[[Tensor], Tensor]


def _pkpo(k: int, baseline: PkpoBaseline) -> Callable[[Tensor], Tensor]:
    """For a mean over samples, so n times the published S_i."""
    return lambda rewards_PG: rewards_PG.shape[1] * advantages.pkpo(rewards_PG, k, baseline)


def _greedy(reward: float) -> Callable[[Tensor], Tensor]:
    return lambda rewards_PG: advantages.remax(rewards_PG, torch.full((len(rewards_PG),), reward).double())


def _by_pass_rate(rewards_PG: Tensor) -> Tensor:
    return advantages.pass_at_k_training(rewards_PG, advantages.k_by_pass_rate(rewards_PG, 8))


# In the order of the small charts, row by row.
CURVES = (
    Curve("GRPO", advantages.grpo),
    Curve("Dr. GRPO", advantages.dr_grpo),
    Curve("RLOO", advantages.rloo),
    Curve("MaxRL", advantages.maxrl),
    Curve("REINFORCE++", advantages.reinforce_plus_plus),
    Curve("REINFORCE++ baseline", advantages.reinforce_plus_plus_baseline),
    Curve("ScaleRL, batch std", advantages.batch_std),
    Curve("No baseline, RFT, PSR", advantages.psr),
    Curve("NSR", advantages.nsr),
    Curve("W-REINFORCE, λ = 0.1", advantages.w_reinforce),
    Curve("PKPO none, k = 4", _pkpo(4, "none")),
    Curve("PKPO sloo, k = 4", _pkpo(4, "sloo")),
    Curve("PKPO sloo-1, k = 4", _pkpo(4, "sloo_minus_one")),
    Curve("PKPO sloo-1, k = 8", _pkpo(8, "sloo_minus_one")),
    Curve("Pass@k, k = 4", lambda rewards_PG: advantages.pass_at_k_training(rewards_PG, 4)),
    Curve("Pass@k, k = 8", lambda rewards_PG: advantages.pass_at_k_training(rewards_PG, 8)),
    Curve("Pass@k exceeding, k = 4", lambda rewards_PG: advantages.pass_at_k_exceeding(rewards_PG, 4)),
    Curve("Pass@k combination, k = 4", lambda rewards_PG: advantages.pass_at_k_combination(rewards_PG, 4)),
    Curve("Pass@k by pass rate, k ≤ 8", _by_pass_rate),
    Curve("ReMax, greedy wrong", _greedy(0.0)),
    Curve("ReMax, greedy right", _greedy(1.0)),
    Curve("RLOO, positive only", lambda rewards_PG: advantages.positive_only(advantages.rloo(rewards_PG))),
)
NAMED = {curve.name: curve for curve in CURVES}

# Of the two figures that compare: curve, its name there, colour and dash.
COMPARED = (
    ("GRPO", "GRPO", _ORANGE, _SOLID),
    ("RLOO", "RLOO, Dr. GRPO (15/16 of it)", _GREY, _SOLID),
    ("MaxRL", "MaxRL", _GREEN, _SOLID),
    ("PKPO sloo-1, k = 4", "PKPO sloo-1, k = 4", _BLUE, _SOLID),
    ("PKPO sloo-1, k = 8", "PKPO sloo-1, k = 8", _BLUE, _DASHED),
    ("Pass@k, k = 4", "Pass@k analytic, k = 4", _PINK, _SOLID),
    ("Pass@k, k = 8", "Pass@k analytic, k = 8", _PINK, _DASHED),
)


@cache
def credit(curve: Curve, samples: int = SAMPLES) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """A+(c) and A-(c) for c = 0 .. n; NaN where there is no such sample.

    The n + 1 groups are one batch, so what is normalised over a batch sees all pass rates equally often.
    """
    right_CG = torch.arange(samples) < torch.arange(samples + 1).unsqueeze(1)
    advantage_CG = curve.of(right_CG.double())
    right_C, wrong_C = advantage_CG[:, 0].tolist(), advantage_CG[:, -1].tolist()
    return (math.nan, *right_C[1:]), (*wrong_C[:-1], math.nan)


def weight(curve: Curve, p: float, samples: int = SAMPLES) -> float:
    """w(p), exact."""
    right_C, wrong_C = credit(curve, samples)
    others = samples - 1
    return math.fsum(
        math.comb(others, c) * p**c * (1 - p) ** (others - c) * (right_C[c + 1] - wrong_C[c]) for c in range(samples)
    )


def signal(curve: Curve, samples: int = SAMPLES) -> list[float]:
    """(c |A+| + (n - c) |A-|) / n for c = 0 .. n, over its largest value."""
    total_C = [
        sum(abs(number * a) for number, a in ((c, right), (samples - c, wrong)) if number) / samples
        for c, (right, wrong) in enumerate(zip(*credit(curve, samples), strict=True))
    ]
    return [total / max(total_C) for total in total_C]


def figures() -> dict[str, str]:
    """File name -> SVG."""
    with debug_mode(False):
        return {"credit.svg": _svg(_credit()), "signal.svg": _svg(_signal()), "weight.svg": _svg(_weight())}


def _credit() -> alt.ConcatChart:
    columns = 4
    charts = [_small(curve, last=i >= len(CURVES) - columns) for i, curve in enumerate(CURVES)]
    chart: alt.ConcatChart = alt.concat(*charts, columns=columns, bounds="flush", spacing={"row": 40, "column": 38})
    return chart


def _small(curve: Curve, *, last: bool) -> alt.Chart:
    """A+ and A- of one advantage against c / n."""
    kinds = ("a right sample", "a wrong sample")
    rows = [
        {"rate": c / SAMPLES, "advantage": round(value, 6), "of": kind}
        for kind, values in zip(kinds, credit(curve), strict=True)
        for c, value in enumerate(values)
        if not math.isnan(value)
    ]
    x_axis = alt.Axis(values=[0, 0.5, 1], format="~g", grid=False, labels=last, ticks=last)
    chart: alt.Chart = (
        alt.Chart(alt.InlineData(values=rows))
        .mark_line(strokeWidth=1.5, point={"size": 16, "filled": True})
        .encode(
            alt.X("rate:Q").scale(domain=[0, 1]).axis(x_axis).title("c / n" if last else None),
            alt.Y("advantage:Q").scale(nice=4).axis(tickCount=4, format="~g").title(None),
            alt.Color("of:N").scale(domain=kinds, range=[_BLUE, _ORANGE]).title(None),
            alt.Shape("of:N").scale(domain=kinds, range=["circle", "square"]).title(None),
        )
        .properties(width=148, height=84, title=curve.name)
    )
    return chart


def _signal() -> alt.LayerChart:
    rows = [
        {"curve": shown, "x": c / SAMPLES, "y": round(value, 6)}
        for name, shown, _, _ in COMPARED
        for c, value in enumerate(signal(NAMED[name]))
    ]
    x = (
        alt.X("x:Q")
        .scale(domain=[0, 1])
        .axis(tickCount=9, format="~g", grid=False)
        .title("pass rate of the group, c / n")
    )
    y = alt.Y("y:Q").scale(domain=[0, 1]).axis(tickCount=5).title("total |advantage| per sample, peak = 1")
    return _compared(rows, x, y)


def _weight() -> alt.LayerChart:
    """w(p), and what it tends to with many samples."""
    rates = [10 ** (-3 + i / 60) for i in range(179)] + [0.98, 0.99, 0.995, 1.0]
    rows = [
        {"curve": shown, "x": round(p, 8), "y": round(value, 8)}
        for name, shown, _, _ in COMPARED
        for p in rates
        for value in [weight(NAMED[name], p)]
        if value >= 0.02
    ]
    limits: dict[str, Callable[[float], float]] = {
        "1/p": lambda p: 1 / p,
        "1/√(p(1-p))": lambda p: 1 / math.sqrt(p * (1 - p)),
    }
    beyond: list[dict[str, Any]] = [
        {"limit": name, "x": round(p, 8), "y": round(limit(p), 8)}
        for name, limit in limits.items()
        for p in rates
        if p < 1 and limit(p) <= 30
    ]
    x = alt.X("x:Q").scale(type="log", domain=[1e-3, 1]).axis(format="~g", values=[0.001, 0.01, 0.1, 1])
    y = alt.Y("y:Q").scale(type="log", domain=[0.02, 30], nice=False).axis(values=[0.02, 0.1, 0.5, 1, 2, 5, 10, 30])
    x, y = x.title("true pass rate p of the problem"), y.title("weight w(p) on the gradient of p")
    dotted = alt.Chart(alt.InlineData(values=beyond)).mark_line(strokeWidth=1.25, strokeDash=_DOTTED, color=_INK)
    words = [next(row for row in beyond if row["limit"] == name and row["y"] < 22) for name in limits]
    text = alt.Chart(alt.InlineData(values=words)).mark_text(align="left", dx=6, dy=-5, fontSize=12, color=_INK)
    return _compared(rows, x, y, dotted.encode(x, y, detail="limit:N"), text.encode(x, y, text="limit:N"))


def _compared(rows: Sequence[dict[str, Any]], x: alt.X, y: alt.Y, *others: alt.Chart) -> alt.LayerChart:
    names = [shown for _, shown, _, _ in COMPARED]
    legend = alt.Legend(symbolStrokeWidth=2.5, symbolSize=500)
    lines = (
        alt.Chart(alt.InlineData(values=list(rows)))
        .mark_line(strokeWidth=2)
        .encode(
            x,
            y,
            alt.Color("curve:N").scale(domain=names, range=[color for _, _, color, _ in COMPARED]).legend(legend),
            alt.StrokeDash("curve:N").scale(domain=names, range=[dash for _, _, _, dash in COMPARED]).legend(legend),
        )
    )
    chart: alt.LayerChart = alt.LayerChart(layer=[*others, lines]).properties(width=690, height=320)
    return chart


def _svg(chart: Any) -> str:
    drawn: str = vl_convert.vegalite_to_svg({**specification(chart), "config": CONFIG})
    # A hundredth of a pixel is nothing to see, and machines differ in what comes after. No label has four decimals.
    return re.sub(r"-?\d+\.\d{4,}", lambda number: f"{float(number[0]):.2f}", drawn)
