"""A training metric as a quantity of a claim: that of one arm minus that of another, at each training seed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal, Self

import numpy as np

from edgewise.claims.ledger.quantities import ClaimOutcomes, QuantityUnit, SeedQuantity
from edgewise.core.errors import InputError
from edgewise.outcomes.counts import FloatArray


class MetricDifference(SeedQuantity):
    """A training metric of an arm minus that of another arm, such as the entropy at the end.

    A model's value is the mean of the metric over the steps that have it, or the metric at the last of them. The
    difference is not a number where nothing was trained, or a run does not have the metric; InputError where no run
    has it.
    """

    unit: ClassVar[QuantityUnit] = "number"

    kind: Literal["metric difference"] = "metric difference"
    arm: str
    than: str
    run_metric: str
    over: Literal["mean", "last"]

    def values_R(self, outcomes: ClaimOutcomes) -> FloatArray:
        if outcomes.training is None:
            return np.full(len(outcomes.seeds), np.nan)
        study = self.studies[0] if self.studies else outcomes.first_study
        of_arm, of_other = (
            np.array([self._value(steps) for steps in outcomes.training(study, arm)]) for arm in (self.arm, self.than)
        )
        if np.isnan([of_arm, of_other]).all():
            raise InputError(f"no run has the metric {self.run_metric!r}")
        return np.asarray(of_arm - of_other)

    def by_answers(self) -> Self | None:
        return None

    def _value(self, steps: Sequence[Mapping[str, float]]) -> float:
        values = [step[self.run_metric] for step in steps if self.run_metric in step]
        if not values:
            return math.nan
        return values[-1] if self.over == "last" else math.fsum(values) / len(values)
