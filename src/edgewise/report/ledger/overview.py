"""Chart of the ledger: claims down, their answers, and the measured effect that decided each, with its interval."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import altair as alt
import vl_convert

from edgewise.report.charts import MUTED, ChartData
from edgewise.report.excerpts import bounded
from edgewise.report.ledger.words import deciding_result, state_text, unit_of
from edgewise.report.paper import TEXT, printed

if TYPE_CHECKING:
    from edgewise.claims.ledger.record import LedgerEntry

# CSS pixels of the names, of the effects and of a row; characters of a quantity's name, which stands above its effect.
_NAMES, _EFFECTS, _ROW, _CHARACTERS = 250, 470, 40, 88
_COLORS = {"holds": "#00795a", "does not hold": "#b84a00", "cannot tell": "#5f676d"}
_NOT_COUNTED = "not counted"


def ledger_svg(entries: Sequence[LedgerEntry]) -> str:
    """The chart as SVG; an empty text where there are no entries. A claim whose effect is not in points has no mark."""
    if not entries:
        return ""
    rows = [_row(place, entry) for place, entry in enumerate(entries)]
    numbers = [number for row in rows for name in ("value", "low", "high") if (number := row[name]) is not None]
    least, most = min([*numbers, 0.0]) - 2, max([*numbers, 0.0]) + 2
    for row in rows:
        row["first"] = least if row["above"] is None else row["above"]
        row["last"] = most if row["below"] is None else row["below"]
    data = ChartData()
    of_rows, effects = data.all(rows), data.all([row for row in rows if row["value"] is not None])
    y = alt.Y("place:O").axis(None)
    color = alt.Color("answer:N").scale(domain=list(_COLORS), range=list(_COLORS.values())).legend(None)
    x = alt.X("value:Q").scale(domain=[least, most], nice=False).axis(tickCount=10)
    x = x.title("points, what decided the claim; the stripe is what was predicted")
    height = _ROW * len(rows)
    names = alt.layer(
        of_rows.mark_text(align="left", fontSize=TEXT + 1.5, fontWeight=600).encode(
            x=alt.value(0), y=y, text="claim:N"
        ),
        of_rows.mark_text(align="right", fontSize=TEXT + 1.5).encode(
            x=alt.value(_NAMES - 12), y=y, text="state:N", color=color
        ),
    ).properties(width=_NAMES, height=height)
    # White under the names of quantities, so that no line of the grid crosses them.
    halos = effects.mark_text(align="left", fontSize=TEXT - 0.5, yOffset=-12, stroke="white", strokeWidth=4)
    quantities = effects.mark_text(align="left", fontSize=TEXT - 0.5, yOffset=-12)
    drawn = alt.layer(
        effects.mark_bar(opacity=0.18, color=MUTED, height=9).encode(alt.X("first:Q"), alt.X2("last:Q"), y),
        data.all([{"value": 0.0}]).mark_rule(strokeWidth=1).encode(x),
        effects.mark_rule(strokeWidth=2.5).encode(alt.X("low:Q"), alt.X2("high:Q"), y, color),
        effects.mark_point(size=60, filled=True, opacity=1).encode(x, y, color),
        *(text.encode(x=alt.value(3), y=y, text="quantity:N") for text in (halos, quantities)),
    ).properties(width=_EFFECTS, height=height)
    chart: dict[str, Any] = alt.hconcat(names, drawn, spacing=4).to_dict(validate=False)
    chart = printed(chart | {"datasets": data.named})
    del chart["width"]
    svg: str = vl_convert.vegalite_to_svg(chart)
    return svg


def _row(place: int, entry: LedgerEntry) -> dict[str, Any]:
    record = entry.record
    result = deciding_result(record)
    in_points = unit_of(record, result.quantity) == "points"
    numbers = {
        name: 100 * number if in_points and (number := getattr(result, name)) is not None else None
        for name in ("value", "low", "high", "above", "below")
    }
    return numbers | {
        "place": place,
        "claim": bounded(record.claim, 40),
        "state": _NOT_COUNTED if entry.not_counted else state_text(entry),
        "answer": "cannot tell" if entry.not_counted else record.verdict.answer,
        "quantity": bounded(result.quantity, _CHARACTERS),
    }
