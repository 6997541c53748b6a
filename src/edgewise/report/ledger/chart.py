"""Chart of a claim: the expected ranges, and what was measured with its interval and each training seed's value."""

from __future__ import annotations

from typing import TYPE_CHECKING

import altair as alt
import vl_convert

from edgewise.report.charts import MUTED, ChartData, framed
from edgewise.report.excerpts import bounded
from edgewise.report.ledger.words import unit_of
from edgewise.report.paper import TEXT, printed

if TYPE_CHECKING:
    from edgewise.claims.ledger.record import ClaimRecord

# CSS pixels of the figure and of a row, and characters of a name, which stands above its row.
_WIDTH, _ROW, _CHARACTERS = 720, 46, 110
_COLORS = {"shown": "#009e73", "contradicted": "#d55e00", "open": "#7d858c"}


def claim_svg(record: ClaimRecord) -> str:
    """The chart as SVG: a row for each prediction and control in points, those that have a value; "" where none has."""
    verdict = record.verdict
    seeds = {measured.name: measured.seeds for measured in verdict.quantities}
    results = [("prediction", result) for result in verdict.predictions]
    results += [("control", result) for result in verdict.controls]
    drawn = [
        (role, result)
        for role, result in results
        if result.value is not None and unit_of(record, result.quantity) == "points"
    ]
    if not drawn:
        return ""
    numbers = [
        100 * number
        for _, result in drawn
        for number in (result.value, result.low, result.high, result.above, result.below, *seeds[result.quantity])
        if number is not None
    ]
    least, most = min(*numbers, 0.0) - 2, max(*numbers, 0.0) + 2
    rows, dots = [], []
    for place, (role, result) in enumerate(drawn):
        of = bounded(f"{place + 1}. {role}: {result.quantity}", _CHARACTERS)
        ends = (result.above, result.below)
        first, last = (end if given is None else 100 * given for given, end in zip(ends, (least, most), strict=True))
        row = {"of": of, "place": place, "first": first, "last": last, "outcome": result.outcome}
        row |= {"value": 100 * (result.value or 0.0)}
        row |= {name: None if end is None else 100 * end for name, end in (("low", result.low), ("high", result.high))}
        rows.append(row)
        dots += [{"of": of, "place": place, "value": 100 * v} for v in seeds[result.quantity] if v is not None]
    data = ChartData()
    y = alt.Y("of:N").sort(field="place", op="min").axis(None)
    title = "points; the stripe is what was expected, a ring is a training seed"
    x = alt.X("value:Q").scale(domain=[least, most], nice=False).axis(tickCount=10).title(title)
    color = alt.Color("outcome:N").scale(domain=list(_COLORS), range=list(_COLORS.values()))
    color = color.title(None).legend(columns=3, columnPadding=24)
    of_rows, of_seeds = data.all(rows), data.all(dots)
    # White under the names, so that no line of the grid crosses them.
    halos = of_rows.mark_text(align="left", fontSize=TEXT, yOffset=-14, stroke="white", strokeWidth=4)
    names = of_rows.mark_text(align="left", fontSize=TEXT, yOffset=-14)
    layers = [
        of_rows.mark_bar(opacity=0.18, color=MUTED, height=14).encode(alt.X("first:Q"), alt.X2("last:Q"), y),
        data.all([{"value": 0.0}]).mark_rule(strokeWidth=1).encode(x),
        of_rows.mark_rule(strokeWidth=2.5).encode(alt.X("low:Q"), alt.X2("high:Q"), y, color),
        of_seeds.mark_point(size=14, color=MUTED, opacity=0.9, yOffset=7).encode(x, y),
        of_rows.mark_point(size=60, filled=True, opacity=1).encode(x, y, color),
        *(text.encode(x=alt.value(3), y=y, text="of:N") for text in (halos, names)),
    ]
    chart = printed(framed(data, layers, _ROW * len(rows), models=[], k=1)) | {"width": _WIDTH}
    svg: str = vl_convert.vegalite_to_svg(chart)
    return svg
