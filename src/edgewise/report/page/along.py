"""Numbers along k: a page shows them at one k, and its script replaces them when the reader chooses another."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup

from edgewise.boundary.audit.result import Scope
from edgewise.boundary.inference.means import Estimate
from edgewise.boundary.inference.supported_k import largest_claimable_k
from edgewise.outcomes.counts import FloatArray, IntArray
from edgewise.report import formats
from edgewise.report.document import embedded_json

# Format -> how the number and its interval are written.
FORMATS: Mapping[str, tuple[Callable[[float], str], Callable[[Estimate], str]]] = {
    "percent": (formats.percent, formats.percent_interval),
    "points": (formats.points, formats.points_interval),
    "number": (formats.number, formats.number_interval),
    "expected": (formats.tally, formats.tally_interval),
    "change": (formats.signed_tally, formats.signed_tally_interval),
    "count": (formats.count, lambda _: ""),
    "ratio": (formats.ratio, formats.ratio_interval),
    "p": (formats.p_value, lambda _: ""),
}


@dataclass(frozen=True)
class ShownNumber:
    """A number as text; `series` is where the script finds it at other k, None where there is one value only."""

    value: float
    text: str
    interval: str
    beside: str = ""
    series: int | None = None


class AlongK:
    """Every number along k of a page, in the order in which they are asked for."""

    def __init__(self) -> None:
        self._series: list[dict[str, Any]] = []

    def __call__(
        self, scope: Scope, format: str, k_K: IntArray | FloatArray, value_K: FloatArray, *ends_K: FloatArray | None
    ) -> ShownNumber:
        """The number at the k of the scope's claims, noted down for every other k.

        `format` is one of `FORMATS`; `ends_K` are the low and the high end of the interval, where there is one.
        """
        text, interval = FORMATS[format]
        columns = [end_K for end_K in ends_K if end_K is not None]
        shown = {}
        for k in map(int, k_K.tolist()):
            estimate = _estimate(k_K, k, value_K, *(columns or (value_K, value_K)))
            shown[k] = [text(estimate.value), interval(estimate) if columns else ""]
        self._series.append({"k": scope.k, "limit": largest_claimable_k(scope.n), "at": shown})
        value = _estimate(k_K, scope.k, value_K, value_K, value_K).value
        text_at_k, interval_at_k = shown.get(scope.k, (formats.NOT_AVAILABLE, ""))
        return ShownNumber(value, text_at_k, interval_at_k, series=len(self._series) - 1)

    def embedded(self) -> Markup:
        """All that was noted, for the script."""
        return embedded_json(self._series)


def _estimate(k_K: IntArray | FloatArray, k: int, *columns_K: FloatArray) -> Estimate:
    """The columns' value, low and high at k; NaN where the grid does not hold k."""
    (places,) = np.nonzero(k_K == k)
    return Estimate(*(float(column_K[places[0]]) if places.size else math.nan for column_K in columns_K))
