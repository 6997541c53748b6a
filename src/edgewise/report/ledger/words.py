"""How the ledger writes quantities, ranges and states: the same on the page, in Markdown and on the terminal."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from edgewise.boundary.inference.means import Estimate
from edgewise.core.words import counted
from edgewise.report import formats

if TYPE_CHECKING:
    from edgewise.claims.ledger.claim import ExpectedRange
    from edgewise.claims.ledger.quantities import QuantityUnit
    from edgewise.claims.ledger.record import ClaimRecord, LedgerEntry
    from edgewise.claims.ledger.results import MeasuredQuantity, RangeResult


def value_text(value: float | None, unit: QuantityUnit) -> str:
    """A value of a quantity: "+3.2" points, "81.0%", "12.5"."""
    number = math.nan if value is None else value
    if unit == "points":
        return formats.points(number)
    return formats.percent(number) if unit == "share" else formats.number(value)


def interval_text(measured: MeasuredQuantity | RangeResult, unit: QuantityUnit) -> str:
    """The interval of a quantity: "[+1.0, +5.4]"; empty where there is none."""
    if measured.low is None or measured.high is None or measured.value is None:
        return ""
    estimate = Estimate(measured.value, measured.low, measured.high)
    if unit == "points":
        return formats.points_interval(estimate)
    return formats.percent_interval(estimate) if unit == "share" else formats.number_interval(estimate)


def each_seed_text(measured: MeasuredQuantity) -> str:
    """Each training seed's own value, in their order."""
    return ", ".join("none" if value is None else value_text(value, measured.unit) for value in measured.seeds)


def range_text(expected: ExpectedRange | RangeResult, unit: QuantityUnit) -> str:
    """An expected range: "above +5.0", "between −5.0 and +5.0"."""
    above, below = (None if end is None else value_text(end, unit) for end in (expected.above, expected.below))
    if above is not None and below is not None:
        return f"between {above} and {below}"
    return f"above {above}" if above is not None else f"below {below}"


def unit_of(record: ClaimRecord, quantity: str) -> QuantityUnit:
    """The unit of a quantity of a record."""
    return next(measured.unit for measured in record.verdict.quantities if measured.name == quantity)


def deciding_result(record: ClaimRecord) -> RangeResult:
    """The prediction or control that decided a claim, of those in points where there are any.

    Where the claim holds it is the prediction nearest to being open, where it does not the surest contradiction, and
    where it cannot tell the first control that is not shown, else the prediction farthest from being shown.
    """
    verdict = record.verdict
    wanted = {"holds": "shown", "does not hold": "contradicted", "cannot tell": "open"}[verdict.answer]
    found = [one for one in verdict.predictions if one.outcome == wanted] or list(verdict.predictions)
    found.sort(key=lambda one: 1.0 if one.p is None else one.p, reverse=verdict.answer != "does not hold")
    if verdict.answer == "cannot tell":
        found = [one for one in verdict.controls if one.outcome != "shown"] + found
    return next((one for one in found if unit_of(record, one.quantity) == "points"), found[0])


def state_text(entry: LedgerEntry) -> str:
    """The answer of a record that counts, else why it does not."""
    return f"not counted ({entry.not_counted})" if entry.not_counted else entry.record.verdict.answer


def answer_text(entry: LedgerEntry) -> str:
    """What begins the paragraph of a record: its answer, or that one was given which does not count."""
    answer = entry.record.verdict.answer
    return f"Not counted; the answer was: {answer}" if entry.not_counted else answer.capitalize()


def sources_text(record: ClaimRecord) -> str:
    """By what a record was made: scale, seeds, time, machine, versions, date."""
    seeds = f"{counted(len(record.seeds), 'training seed')} ({record.seeds[0]} to {record.seeds[-1]})"
    versions = ", ".join(f"{name} {version}" for name, version in record.versions.items())
    equal = f"Equality elsewhere is not promised: {', '.join(record.other_bits)}." if record.other_bits else ""
    return (
        f"Scale {record.scale}, {seeds}, {record.planned_seeds} planned; {formats.duration(3600 * record.hours)} of all"
        f" stages one after the other; {record.machine}; {record.date}; {versions}. {equal}"
    ).strip()


def command_text(record: ClaimRecord) -> str:
    """What a reader types to verify a record."""
    return f"edgewise claims verify {record.claim} --scale {record.scale}"
