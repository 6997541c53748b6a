"""Quantities of a claim: named functions of its studies' outcomes, such as a change of pass@k, over training seeds.

A quantity is measured of every problem at every training seed; its mean gets the two-way interval over both, as the
verdict on a recipe does (`boundary.inference.two_way`). What has no value for a problem, such as a crossover k, is a
`SeedQuantity`. A claim's own quantity is a subclass in its module.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal, Self

import numpy as np
from pydantic import Field, SerializeAsAny

from edgewise.boundary.inference.means import Estimate, with_unseen
from edgewise.boundary.inference.seed_mean import SeedMean
from edgewise.boundary.inference.supported_k import largest_claimable_k
from edgewise.boundary.inference.two_way import LEAST_SEEDS, TwoWayMean, two_way_mean
from edgewise.boundary.measures.best_decoding import best_decoding
from edgewise.boundary.measures.crossover import crossing_k
from edgewise.boundary.measures.curves import problem_pass_at_k
from edgewise.core.errors import InputError, unknown_name
from edgewise.core.spec import Spec
from edgewise.outcomes.counts import Counts, FloatArray, Metric
from edgewise.outcomes.outcomes import Outcomes

# Study and arm -> the metrics of each training seed's model, a mapping for each step (see `training.metrics_file`).
TrainingOfArm = Callable[[str, str], Sequence[Sequence[Mapping[str, float]]]]
QuantityUnit = Literal["points", "share", "k", "number"]


@dataclass(frozen=True, eq=False)
class ClaimOutcomes:
    """The outcomes of a claim's studies: study -> arm, the base as "base" -> those of each training seed.

    Seeds stand in the order of `seeds`; a problem's set is its region. `training` reads, of a study and an arm, the
    metrics of the stage that made each seed's model, step by step; it is None where nothing was trained.
    """

    seeds: Sequence[int]
    by_study: Mapping[str, Mapping[str, Sequence[Outcomes]]]
    training: TrainingOfArm | None = None
    _counted: dict[tuple[str, str, Metric], list[Counts]] = field(default_factory=dict, repr=False)

    @property
    def first_study(self) -> str:
        return next(iter(self.by_study))

    def counts(self, study: str, arm: str, region: str, metric: Metric) -> list[Counts]:
        """The counts of an arm on a region, of each training seed; InputError names what there is not."""
        if study not in self.by_study:
            raise unknown_name("study", study, self.by_study)
        if arm not in self.by_study[study]:
            raise unknown_name("arm", arm, self.by_study[study])
        place = (study, arm, metric)
        if place not in self._counted:
            self._counted[place] = [outcomes.counts(metric) for outcomes in self.by_study[study][arm]]
        first = self._counted[place][0]
        if first.set is None or region not in first.set:
            raise unknown_name("region", region, [] if first.set is None else np.unique(first.set).tolist())
        return [counts.select(first.set == region) for counts in self._counted[place]]


@dataclass(frozen=True, eq=False)
class MeasuredValues:
    """What was measured of a quantity, within `bounds`: of problems x training seeds, or of each seed alone."""

    values: FloatArray
    bounds: tuple[float, float]

    @property
    def problems(self) -> int | None:
        """How many problems have values; None where each seed has one as a whole."""
        return None if self.values.ndim == 1 else len(self.values)

    def mean(self, minus: float = 0.0) -> TwoWayMean | SeedMean:
        """The mean over training seeds, and over problems where they have values, less `minus`."""
        bounds = self.bounds[0] - minus, self.bounds[1] - minus
        if self.problems is None:
            return SeedMean(self.values - minus, bounds)
        return two_way_mean(self.values - minus, bounds=bounds)

    def interval(self, confidence: float, *, absence: bool = False) -> Estimate:
        """The mean with its interval; as an `absence` needs it, it holds what so many problems may not have shown."""
        mean = self.mean()
        estimate = mean.interval(confidence)
        if absence and isinstance(mean, TwoWayMean) and mean.seeds >= LEAST_SEEDS:
            return with_unseen(estimate, mean.units, confidence)
        return estimate


class ClaimQuantity(Spec, ABC):
    """Base class of quantities. A subclass has its `kind`, its `bounds` and `values_PR`.

    `metric` is what a completion is right by. `studies` names the claim's study that is read, the first where it is
    empty. Several are decodings of the same models: then each arm's pass@k is that of the decoding which is best for
    it, at each seed, chosen on one half of the samples and measured on the other.
    """

    unit: ClassVar[QuantityUnit] = "points"
    bounds: ClassVar[tuple[float, float]] = (-1.0, 1.0)

    kind: str
    name: str
    metric: Metric = "process"
    studies: tuple[str, ...] = ()

    @abstractmethod
    def values_PR(self, outcomes: ClaimOutcomes) -> FloatArray:
        """The quantity of every problem at every training seed."""

    def measure(self, outcomes: ClaimOutcomes) -> MeasuredValues:
        """The values of the quantity; InputError, which begins with its name, where the studies do not have them."""
        try:
            return MeasuredValues(self.values_PR(outcomes), self.bounds)
        except InputError as error:
            raise InputError(f"quantity {self.name!r}: {error}") from None

    def by_answers(self) -> Self | None:
        """The same quantity where a completion is right by its answer alone; None where it is of answers already."""
        return self.model_copy(update={"metric": "answer"}) if self.metric == "process" else None

    def pass_PR(
        self, outcomes: ClaimOutcomes, arm: str, region: str, k: int, metric: Metric | None = None
    ) -> FloatArray:
        """pass@k of an arm on every problem of a region, at every training seed.

        InputError where a claim at k needs more samples than there are.
        """
        studies = self.studies or (outcomes.first_study,)
        of_study = {study: outcomes.counts(study, arm, region, metric or self.metric) for study in studies}
        columns = []
        for place in range(len(outcomes.seeds)):
            by_decoding = {study: counts[place] for study, counts in of_study.items()}
            first = by_decoding[studies[0]]
            samples = first.n // 2 if len(studies) > 1 else first.n
            _check_k(k, samples)
            if len(studies) > 1:
                columns.append(best_decoding(by_decoding, [k], seed=0).values_PK[:, 0])
            else:
                columns.append(problem_pass_at_k(first, [k])[:, 0])
        return np.stack(columns, axis=1)


class PassAtK(ClaimQuantity):
    """pass@k of an arm on a region."""

    unit: ClassVar[QuantityUnit] = "share"
    bounds: ClassVar[tuple[float, float]] = (0.0, 1.0)

    kind: Literal["pass@k"] = "pass@k"
    arm: str
    region: str
    k: int = Field(ge=1)

    def values_PR(self, outcomes: ClaimOutcomes) -> FloatArray:
        return self.pass_PR(outcomes, self.arm, self.region, self.k)


class PassDifference(ClaimQuantity):
    """pass@k of an arm minus that of another, by default the base; that one at `than_k` where it is given.

    pass@1 of an arm less pass@256 of the base is minus the sampling-efficiency gap of Yue et al.
    """

    kind: Literal["difference"] = "difference"
    arm: str
    than: str = "base"
    region: str
    k: int = Field(ge=1)
    than_k: int | None = Field(None, ge=1)

    def values_PR(self, outcomes: ClaimOutcomes) -> FloatArray:
        of_other = self.pass_PR(outcomes, self.than, self.region, self.than_k or self.k)
        return self.pass_PR(outcomes, self.arm, self.region, self.k) - of_other


class ProcessGap(ClaimQuantity):
    """pass@k of an arm by answers minus that by process: right answers on wrong ways. `metric` plays no part."""

    kind: Literal["answers minus process"] = "answers minus process"
    arm: str
    region: str
    k: int = Field(1, ge=1)

    def values_PR(self, outcomes: ClaimOutcomes) -> FloatArray:
        by_answers, by_process = (
            self.pass_PR(outcomes, self.arm, self.region, self.k, metric) for metric in ("answer", "process")
        )
        return by_answers - by_process

    def by_answers(self) -> Self | None:
        return None


class TwoDraws(ClaimQuantity):
    """pass@k of one half of an arm's samples minus that of the other half: two draws of one model, so nothing."""

    kind: Literal["two draws"] = "two draws"
    arm: str = "base"
    region: str
    k: int = Field(ge=1)

    def values_PR(self, outcomes: ClaimOutcomes) -> FloatArray:
        study = self.studies[0] if self.studies else outcomes.first_study
        columns = []
        of_seeds = outcomes.counts(study, self.arm, self.region, self.metric)
        for seed, counts in zip(outcomes.seeds, of_seeds, strict=True):
            _check_k(self.k, counts.n // 2)
            halves = counts.deal(counts.n_P // 2, seed)
            first, second = (problem_pass_at_k(half, [self.k])[:, 0] for half in halves)
            columns.append(second - first)
        return np.stack(columns, axis=1)


class Contrast(ClaimQuantity):
    """One quantity minus another, of the same problems: whether a change is larger than another change."""

    bounds: ClassVar[tuple[float, float]] = (-2.0, 2.0)

    kind: Literal["contrast"] = "contrast"
    of: SerializeAsAny[ClaimQuantity]
    than: SerializeAsAny[ClaimQuantity]

    def values_PR(self, outcomes: ClaimOutcomes) -> FloatArray:
        values = [quantity.values_PR(outcomes) for quantity in (self.of, self.than)]
        if values[0].shape != values[1].shape:
            raise InputError(f"of {len(values[0])} and of {len(values[1])} problems; a contrast needs the same")
        return values[0] - values[1]

    def by_answers(self) -> Self | None:
        of, than = self.of.by_answers(), self.than.by_answers()
        return None if of is None or than is None else self.model_copy(update={"of": of, "than": than})


class SeedQuantity(ClaimQuantity):
    """Base class of quantities that a training seed has as a whole: a subclass has `values_R`, with a number a seed."""

    bounds: ClassVar[tuple[float, float]] = (-math.inf, math.inf)

    @abstractmethod
    def values_R(self, outcomes: ClaimOutcomes) -> FloatArray:
        """The quantity at every training seed; infinite where there is none."""

    def values_PR(self, outcomes: ClaimOutcomes) -> FloatArray:
        return self.values_R(outcomes)


class CrossoverK(SeedQuantity):
    """The k at which the base's curve overtakes the arm's; infinite where it does not up to the number of samples."""

    unit: ClassVar[QuantityUnit] = "k"
    bounds: ClassVar[tuple[float, float]] = (0.0, math.inf)

    kind: Literal["crossover"] = "crossover"
    arm: str
    than: str = "base"
    region: str

    def values_R(self, outcomes: ClaimOutcomes) -> FloatArray:
        study = self.studies[0] if self.studies else outcomes.first_study
        of_seeds = zip(
            *(outcomes.counts(study, arm, self.region, self.metric) for arm in (self.than, self.arm)), strict=True
        )
        return np.array([crossing_k(base, tuned) for base, tuned in of_seeds])


class MetricSpread(SeedQuantity):
    """The largest value of a training metric over arms, divided by the smallest: 1 where arms are alike in it.

    A model's value is the sum of the metric over its steps, or the metric at the last step that has it. The spread is
    not a number where nothing was trained, or the metric has no value in a run; InputError where no run has it.
    """

    unit: ClassVar[QuantityUnit] = "number"
    bounds: ClassVar[tuple[float, float]] = (1.0, math.inf)

    kind: Literal["metric spread"] = "metric spread"
    arms: tuple[str, ...]
    run_metric: str
    over: Literal["sum", "last"]

    def values_R(self, outcomes: ClaimOutcomes) -> FloatArray:
        study = self.studies[0] if self.studies else outcomes.first_study
        if outcomes.training is None:
            return np.full(len(outcomes.seeds), np.nan)
        values = [[self._value(steps) for steps in outcomes.training(study, arm)] for arm in self.arms]
        if np.isnan(values).all():
            raise InputError(f"no run has the metric {self.run_metric!r}")
        return np.asarray(np.max(values, axis=0) / np.min(values, axis=0))

    def by_answers(self) -> Self | None:
        return None

    def _value(self, steps: Sequence[Mapping[str, float]]) -> float:
        values = [step[self.run_metric] for step in steps if self.run_metric in step]
        if not values:
            return math.nan
        return math.fsum(values) if self.over == "sum" else values[-1]


def _check_k(k: int, samples: int) -> None:
    if k > 1 and k > largest_claimable_k(samples):
        raise InputError(f"k {k} needs {2 * k} samples of each problem, and {samples} are measured")
