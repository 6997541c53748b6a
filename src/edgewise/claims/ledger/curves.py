"""What the first half of a training run says of its end: errors of a sigmoid and of a naive rule, and fitted ceilings.

The sigmoid is that of ScaleRL (`scaling.sigmoid`), fitted to each run alone, so each training seed has a number.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal, Self

import numpy as np

from edgewise.claims.ledger.quantities import ClaimOutcomes, QuantityUnit, SeedQuantity
from edgewise.outcomes.counts import FloatArray
from edgewise.scaling.fit import LawFit
from edgewise.scaling.points import Points
from edgewise.scaling.sigmoid import fit_sigmoid

# The end of a run is its last quarter, and so is what "nothing changes any more" is read from; see `scaling.held_out`.
END = 0.25
# The sigmoid has three parameters beside the known start, and one point more is the least that it is fitted to.
LEAST_POINTS = 4

FittedTo = Literal["half", "all"]


class CurveQuantity(SeedQuantity):
    """Base class of what is read from runs' curves, as their mean over `arms`; a subclass has `of_curve`.

    A curve has a point a step: the share of right samples of its problems, against the tokens sampled before it. It
    starts at the base's pass@1. A run without enough points, or without a change, has no number.
    """

    bounds: ClassVar[tuple[float, float]] = (-1.0, 1.0)

    arms: tuple[str, ...]
    region: str

    @abstractmethod
    def of_curve(self, points: Points, start: float) -> float:
        """What is read from one run's points, whose base has pass@1 of `start`."""

    def values_R(self, outcomes: ClaimOutcomes) -> FloatArray:
        if outcomes.training is None:
            return np.full(len(outcomes.seeds), np.nan)
        study = self.studies[0] if self.studies else outcomes.first_study
        start_R = self.pass_PR(outcomes, "base", self.region, 1).mean(axis=0)
        values_AR = []
        for arm in self.arms:
            runs = outcomes.training(study, arm)
            values_AR.append([self._of_run(run, float(start)) for run, start in zip(runs, start_R, strict=True)])
        return np.asarray(np.mean(values_AR, axis=0))

    def _of_run(self, run: Sequence[Mapping[str, float]], start: float) -> float:
        right = f"{self.metric}_correct"
        steps = [step for step in run if right in step]
        if not steps:
            return float("nan")
        before = [0.0, *(step["tokens"] for step in steps[:-1])]
        points = Points.of(before, [step[right] for step in steps])
        enough = len(_first_half(points).x_N) >= LEAST_POINTS and np.ptp(_first_half(points).y_N) > 0
        return self.of_curve(points, start) if enough else float("nan")


class EndError(CurveQuantity):
    """What is predicted of the end of a run, minus what it reached there; `size` is the size of that, without a sign.

    `by` is how: "half", the sigmoid fitted to the first half of the compute; "all", the sigmoid fitted to all of it;
    "last", the value at the end of the first half stays.
    """

    kind: Literal["error at the end"] = "error at the end"
    by: Literal["half", "all", "last"] = "half"
    size: bool = False

    def of_curve(self, points: Points, start: float) -> float:
        early = _first_half(points)
        if self.by == "last":
            predicted = float(early.y_N[-_last_quarter(early) :].mean())
        else:
            fit = _fit(early if self.by == "half" else points, start)
            predicted = float(fit.predict(points.x_N[-_last_quarter(points) :]).mean())
        error = predicted - float(points.y_N[-_last_quarter(points) :].mean())
        return abs(error) if self.size else error


class FittedCeiling(CurveQuantity):
    """The ceiling of the sigmoid fitted to the first half of the compute, or to all of it."""

    unit: ClassVar[QuantityUnit] = "share"

    kind: Literal["ceiling"] = "ceiling"
    by: FittedTo = "half"

    def of_curve(self, points: Points, start: float) -> float:
        fit = _fit(_first_half(points) if self.by == "half" else points, start)
        return fit.estimates["ceiling"].value


class WindowOverMidpoint(CurveQuantity):
    """The compute that is fitted, half of the run's, divided by that of half of the gain (from the whole run)."""

    unit: ClassVar[QuantityUnit] = "number"
    bounds: ClassVar[tuple[float, float]] = (0.0, float("inf"))

    kind: Literal["window over midpoint"] = "window over midpoint"

    def of_curve(self, points: Points, start: float) -> float:
        return points.window / 2 / _fit(points, start).estimates["midpoint"].value

    def by_answers(self) -> Self | None:
        return None


def _fit(points: Points, start: float) -> LawFit:
    return fit_sigmoid(points, start=start, intervals=False)


def _first_half(points: Points) -> Points:
    return points.where(points.x_N <= points.window / 2)


def _last_quarter(points: Points) -> int:
    return max(1, round(END * len(points.x_N)))
