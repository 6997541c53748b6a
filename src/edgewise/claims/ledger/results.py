"""What the rule of the ledger finds: a range shown, contradicted or open, a quantity measured, a claim decided."""

from __future__ import annotations

from typing import Literal

from edgewise.claims.ledger.quantities import QuantityUnit
from edgewise.core.spec import Spec

ClaimAnswer = Literal["holds", "does not hold", "cannot tell"]
RangeOutcome = Literal["shown", "contradicted", "open"]


class MeasuredQuantity(Spec):
    """The mean of a quantity over training seeds, its interval at `confidence`, and each seed's own value.

    None stands for what there is not: the interval of fewer than three seeds, a crossover of curves that do not cross.
    """

    name: str
    unit: QuantityUnit
    value: float | None
    low: float | None
    high: float | None
    confidence: float
    seeds: tuple[float | None, ...]
    scatter: float | None
    problems: int | None


class RangeResult(Spec):
    """What came of an expected range: the mean with its interval at the confidence it was tested at, p, the outcome."""

    quantity: str
    above: float | None
    below: float | None
    value: float | None
    low: float | None
    high: float | None
    confidence: float
    p: float | None
    outcome: RangeOutcome


class ClaimVerdict(Spec):
    """What a claim came to. `concerns` say why nothing can be told, controls aside.

    `quantities_by_answers`, `by_answers` and `answer_by_answers` are what the answers alone would say; a quantity that
    is of answers already has no twin.
    """

    answer: ClaimAnswer
    reason: str
    concerns: tuple[str, ...]
    predictions: tuple[RangeResult, ...]
    controls: tuple[RangeResult, ...]
    quantities: tuple[MeasuredQuantity, ...]
    answer_by_answers: ClaimAnswer
    by_answers: tuple[RangeResult, ...]
    quantities_by_answers: tuple[MeasuredQuantity, ...]
