"""Format numbers for people: percentages, points, counts, intervals, durations, each with its number of digits."""

from __future__ import annotations

import math
from collections.abc import Callable

from edgewise.boundary import Estimate

NOT_AVAILABLE = "n/a"
_MINUS = "\u2212"
_PREFIXES = ("", "k", "M", "G", "T", "P", "E", "Z")


def percent(share: float) -> str:
    """0.734 -> "73.4%"."""
    return NOT_AVAILABLE if math.isnan(share) else _signed(f"{100 * share:.1f}") + "%"


def interval(low: float | None, high: float | None, shown: Callable[[float], str]) -> str:
    """An interval whose ends stand on their own, "70.1% to 76.2%"; None is an end that is not known."""
    return NOT_AVAILABLE if low is None or high is None else f"{shown(low)} to {shown(high)}"


def percent_interval(estimate: Estimate) -> str:
    """The interval of a share, in percent: "[70.1, 76.2]"."""
    return _interval(100 * estimate.low, 100 * estimate.high, "")


def points(difference: float) -> str:
    """A difference of two shares in points, with its sign: "+3.2"."""
    return NOT_AVAILABLE if math.isnan(difference) else _signed(f"{100 * difference:+.1f}")


def points_size(difference: float) -> str:
    """The size of a difference in points, without a sign: "3.2"."""
    return points(abs(difference)).lstrip("+")


def points_interval(estimate: Estimate) -> str:
    """The interval of a difference in points: "[+1.0, +5.4]"."""
    return _interval(100 * estimate.low, 100 * estimate.high, "+")


def tally(number: float) -> str:
    """An expected number of problems: "12.3"."""
    return NOT_AVAILABLE if math.isnan(number) else _signed(f"{number:.1f}")


def tally_interval(estimate: Estimate) -> str:
    """The interval of an expected number of problems: "[8.1, 16.9]"."""
    return _interval(estimate.low, estimate.high, "")


def excess(number: float) -> str:
    """Problems beyond what chance makes of them: none, "0.0", where there are fewer."""
    return tally(number if math.isnan(number) else max(number, 0.0))


def excess_interval_text(estimate: Estimate) -> str:
    """The interval of such a number: "[0.0, 16.9]"."""
    return _interval(max(estimate.low, 0.0), max(estimate.high, 0.0), "")


def signed_tally(number: float) -> str:
    """A change of an expected number of problems: "+12.3"."""
    return NOT_AVAILABLE if math.isnan(number) else _signed(f"{number:+.1f}")


def signed_tally_interval(estimate: Estimate) -> str:
    """The interval of such a change: "[+8.1, +16.9]"."""
    return _interval(estimate.low, estimate.high, "+")


def count(number: float) -> str:
    """A whole number: "1,230"."""
    return NOT_AVAILABLE if math.isnan(number) else _signed(f"{number:,.0f}")


def number(value: float | None) -> str:
    """Three significant digits: "0.0123", "12.3", "1,230"; no bound is "\u221e"."""
    if value is None or math.isnan(value):
        return NOT_AVAILABLE
    if math.isinf(value):
        return "\u221e" if value > 0 else f"{_MINUS}\u221e"
    if value == 0 or not 1e-4 <= abs(value) < 1e6:
        return _signed(f"{value:.2e}") if value else "0"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    text = f"{round(value, 2 - math.floor(math.log10(abs(value)))):,.{digits}f}"
    return _signed(text.rstrip("0").rstrip(".") if "." in text else text)


def number_interval(estimate: Estimate) -> str:
    """The interval of a number of any size: "[0.0102, 0.0151]"."""
    if math.isnan(estimate.low) or math.isnan(estimate.high):
        return ""
    return f"[{number(estimate.low)}, {number(estimate.high)}]"


def ratio(value: float) -> str:
    """A number between -1 and 1 to three decimals: "0.734"."""
    return NOT_AVAILABLE if math.isnan(value) else _signed(f"{value:.3f}")


def ratio_interval(estimate: Estimate) -> str:
    """The interval of such a number: "[0.701, 0.762]"."""
    if math.isnan(estimate.low) or math.isnan(estimate.high):
        return ""
    return f"[{ratio(estimate.low)}, {ratio(estimate.high)}]"


def p_value(p: float) -> str:
    """0.0134 -> "0.013"; what is smaller than a thousandth is only said to be."""
    return NOT_AVAILABLE if math.isnan(p) else "< 0.001" if p < 0.001 else f"{p:.3f}"


def confidence(share: float) -> str:
    """0.991666 -> "99.17%"."""
    return f"{100 * share:.4g}%"


def amount(number: float | None, unit: str = "") -> str:
    """A large quantity with a metric prefix: 5.42e10, "FLOP" -> "54.2 GFLOP"."""
    if number is None or not math.isfinite(number):
        return "not recorded"
    power = 0
    while abs(number) >= 999.5 and power < len(_PREFIXES) - 1:
        number, power = number / 1000, power + 1
    return f"{number:.3g} {_PREFIXES[power]}{unit}".strip()


def duration(seconds: float | None) -> str:
    """4065 -> "1 h 8 min"; 68.4 -> "1 min 8 s"; 2.5 -> "2.5 s"."""
    if seconds is None or not math.isfinite(seconds):
        return "not recorded"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def _interval(low: float, high: float, sign: str) -> str:
    if math.isnan(low) or math.isnan(high):
        return ""
    return f"[{_signed(f'{low:{sign}.1f}')}, {_signed(f'{high:{sign}.1f}')}]"


def _signed(text: str) -> str:
    # Rounded to nothing, a number has no sign.
    if not text.strip("+-0."):
        text = text.lstrip("+-")
    return text.replace("-", _MINUS)
