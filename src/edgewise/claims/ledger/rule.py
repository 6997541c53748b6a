"""The rule of the ledger: measured quantities -> holds, does not hold, or cannot tell at this scale, with a reason.

A range is *shown* where the interval of its quantity lies in it, *contradicted* where the interval lies outside, else
*open*. The predictions of a claim are tested together by Holm, so that any of them is shown or contradicted falsely in
at most 5% of claims; each control must be shown at 95% by itself, as all of them have to.

A claim cannot tell where a control is not shown, or arms that were declared to have equal compute had not. Else it does
not hold where a prediction is contradicted, holds where every prediction is shown, and cannot tell where one is open.
The same is decided by answers alone, to be shown beside.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from edgewise.claims.ledger.claim import ALPHA, Claim, ExpectedRange
from edgewise.claims.ledger.quantities import ClaimOutcomes, MeasuredValues, QuantityUnit
from edgewise.claims.ledger.reason import reason_of
from edgewise.claims.ledger.results import ClaimAnswer, ClaimVerdict, MeasuredQuantity, RangeOutcome, RangeResult

# Digits behind the point that are recorded of a number.
_DIGITS = 6


def claim_verdict(claim: Claim, outcomes: ClaimOutcomes, concerns: Sequence[str] = ()) -> ClaimVerdict:
    """Measure every quantity of a claim and decide it; `concerns` forbid an answer.

    InputError where the outcomes lack what a quantity reads.
    """
    values = {quantity.name: quantity.measure(outcomes) for quantity in claim.quantities}
    twins = {quantity.name: twin for quantity in claim.quantities if (twin := quantity.by_answers()) is not None}
    answers = {name: twin.measure(outcomes) for name, twin in twins.items()}
    controls = [_tested(control, values[control.quantity], ALPHA) for control in claim.controls]
    predictions = ranges_tested(claim.predictions, values)
    by_answers = ranges_tested(claim.predictions, values | answers)
    answer = _answer(controls, predictions, concerns)
    units = {quantity.name: quantity.unit for quantity in claim.quantities}
    return ClaimVerdict(
        answer=answer,
        reason=reason_of(answer, concerns, claim.controls, controls, predictions, units, len(outcomes.seeds)),
        concerns=tuple(concerns),
        predictions=tuple(predictions),
        controls=tuple(controls),
        quantities=tuple(_measured(name, units[name], some) for name, some in values.items()),
        answer_by_answers=_answer(controls, by_answers, concerns),
        by_answers=tuple(by_answers),
        quantities_by_answers=tuple(_measured(name, units[name], some) for name, some in answers.items()),
    )


def ranges_tested(expected: Sequence[ExpectedRange], values: Mapping[str, MeasuredValues]) -> list[RangeResult]:
    """Test ranges together by Holm at ALPHA: the interval of each is at the confidence of its own step."""
    p = [_p(one, values[one.quantity]) for one in expected]
    tested: dict[int, RangeResult] = {}
    level, decided = ALPHA, True
    for step, place in enumerate(
        sorted(range(len(p)), key=lambda place: math.inf if math.isnan(p[place]) else p[place])
    ):
        if decided:
            level = ALPHA / (len(p) - step)
        tested[place] = _tested(expected[place], values[expected[place].quantity], level, allowed=decided)
        decided = decided and p[place] <= level
    return [tested[place] for place in range(len(p))]


def _p(expected: ExpectedRange, values: MeasuredValues) -> float:
    """Two-sided p-value of the mean lying on the side of the ends where it is seen to lie."""
    ends, crossed = _ends(expected, values.mean().value)
    return max(values.mean(minus=end).p for end in (crossed or ends))


def _ends(expected: ExpectedRange, value: float) -> tuple[list[float], list[float]]:
    """The ends of a range, and the one that a value lies beyond."""
    above, below = expected.above, expected.below
    crossed = [end for end in (above,) if end is not None and value <= end]
    crossed += [end for end in (below,) if end is not None and value >= end]
    return [end for end in (above, below) if end is not None], crossed


def _tested(expected: ExpectedRange, values: MeasuredValues, level: float, *, allowed: bool = True) -> RangeResult:
    mean = values.mean()
    ends, crossed = _ends(expected, mean.value)
    p = _p(expected, values)
    # Within two ends is an absence, which must not rest on what few problems cannot show.
    estimate = values.interval(1 - level, absence=len(ends) == 2 and not crossed)
    inside = all(estimate.low > end for end in (expected.above,) if end is not None) and all(
        estimate.high < end for end in (expected.below,) if end is not None
    )
    outcome: RangeOutcome = "open"
    if allowed and p <= level:
        outcome = "contradicted" if crossed else "shown" if inside else "open"
    return RangeResult(
        quantity=expected.quantity,
        above=expected.above,
        below=expected.below,
        value=_number(estimate.value),
        low=_number(estimate.low),
        high=_number(estimate.high),
        confidence=round(1 - level, _DIGITS),
        p=_number(p),
        outcome=outcome,
    )


def _answer(
    controls: Sequence[RangeResult], predictions: Sequence[RangeResult], concerns: Sequence[str]
) -> ClaimAnswer:
    outcomes = [one.outcome for one in predictions]
    if concerns or any(control.outcome != "shown" for control in controls):
        return "cannot tell"
    if "contradicted" in outcomes:
        return "does not hold"
    return "holds" if set(outcomes) == {"shown"} else "cannot tell"


def _measured(name: str, unit: QuantityUnit, values: MeasuredValues) -> MeasuredQuantity:
    mean = values.mean()
    estimate = mean.interval(1 - ALPHA)
    by_seed = [_number(float(value)) for value in mean.value_R]
    known = [value for value in mean.value_R if math.isfinite(value)]
    several = len(known) == mean.seeds > 1
    return MeasuredQuantity(
        name=name,
        unit=unit,
        value=_number(estimate.value),
        low=_number(estimate.low),
        high=_number(estimate.high),
        confidence=1 - ALPHA,
        seeds=tuple(by_seed),
        scatter=_number(float(mean.value_R.std(ddof=1))) if several else None,
        problems=values.problems,
    )


def _number(value: float) -> float | None:
    return round(value, _DIGITS) + 0.0 if math.isfinite(value) else None
