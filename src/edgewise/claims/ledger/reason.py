"""The sentence that says why a claim holds, does not hold, or cannot be told.

It stands apart from the rule, whose code the digest of every claim covers: what is said better decides nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from edgewise.boundary.inference.two_way import LEAST_SEEDS
from edgewise.claims.ledger.claim import Control
from edgewise.claims.ledger.quantities import QuantityUnit
from edgewise.claims.ledger.results import ClaimAnswer, RangeResult


def reason_of(
    answer: ClaimAnswer,
    concerns: Sequence[str],
    planned: Sequence[Control],
    controls: Sequence[RangeResult],
    predictions: Sequence[RangeResult],
    units: Mapping[str, QuantityUnit],
    seeds: int,
) -> str:
    """Why a claim got its answer, in a sentence of numbers."""
    if seeds < LEAST_SEEDS:
        return f"A statement about a recipe needs {LEAST_SEEDS} training seeds; these are {seeds}."
    if concerns:
        return " ".join(concerns)
    failed = [(control, tested) for control, tested in zip(planned, controls, strict=True) if tested.outcome != "shown"]
    if failed:
        clauses = [_failure(control, tested, units) for control, tested in failed]
    else:
        wanted = {"holds": "shown", "does not hold": "contradicted", "cannot tell": "open"}[answer]
        named = [one for one in predictions if one.outcome == wanted]
        clauses = [f"{wanted}: {_text(one, units)}" for one in named]
    text = "; ".join(clauses)
    return f"Over {seeds} training seeds, {text}."


def _failure(control: Control, tested: RangeResult, units: Mapping[str, QuantityUnit]) -> str:
    """What a control that is not shown says; one that is open may yet be as expected, so its meaning is a condition."""
    if tested.outcome == "open":
        return f"the {control.kind} control is open, {_text(tested, units)}; if it fails, {control.meaning}"
    return f"the {control.kind} control is not shown, {_text(tested, units)}: {control.meaning}"


def _text(tested: RangeResult, units: Mapping[str, QuantityUnit]) -> str:
    unit = units[tested.quantity]
    value, low, high = (_shown(number, unit, signed=True) for number in (tested.value, tested.low, tested.high))
    ends = [
        f"{word} {_shown(end, unit)}"
        for word, end in (("above", tested.above), ("below", tested.below))
        if end is not None
    ]
    interval = f" [{low}, {high}]" if tested.low is not None else ""
    return f"{tested.quantity} {value}{' points' * (unit == 'points')}{interval}, predicted {' and '.join(ends)}"


def _shown(number: float | None, unit: QuantityUnit, *, signed: bool = False) -> str:
    """A number in its unit; of points, which are a change, with its sign where it is a measured one."""
    if number is None:
        return "not known"
    if unit == "points":
        change = round(100 * number, 1) + 0.0
        return f"{change:+.1f}" if signed and change else f"{change:.1f}"
    return f"{100 * number:.1f}%" if unit == "share" else f"{number:.3g}"
