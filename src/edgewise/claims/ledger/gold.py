"""Exact probability of gold solutions under a model, as a quantity of a claim: how far below sampling a problem lies.

An evaluation writes it where it has `gold_likelihood=True`. A problem that no sample solves has a probability all the
same, so two models that both solve none of a region can be told apart.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, Self

import numpy as np

from edgewise.claims.ledger.quantities import ClaimOutcomes, QuantityUnit, SeedQuantity
from edgewise.core.errors import InputError
from edgewise.outcomes.counts import FloatArray

# Study and arm -> of each training seed's model, problem -> the log-probability of its gold solution in nats.
GoldOfArm = Callable[[str, str], Sequence[Mapping[str, float]]]
# The same of every right completion of a problem, where its world lists them.
AnswersOfArm = Callable[[str, str], Sequence[Mapping[str, Sequence[float]]]]


@dataclass(frozen=True, eq=False)
class OutcomesWithGold(ClaimOutcomes):
    """Outcomes, and the likelihoods that their evaluations wrote, which are None where nothing was evaluated.

    `gold` is of gold solutions, `answers` of all right completions.
    """

    gold: GoldOfArm | None = None
    answers: AnswersOfArm | None = None


class GoldProbability(SeedQuantity):
    """Median over a region's problems of log10 of the exact probability that the arm writes the gold solution.

    -3 is one sample in a thousand. With `than` it is that arm's median less: 1 is ten times as probable. It is of the
    one gold way, and a lower bound of being right where a problem has several. Not a number where nothing was
    evaluated; InputError where a problem of the region has no likelihood.
    """

    unit: ClassVar[QuantityUnit] = "number"

    kind: Literal["gold probability"] = "gold probability"
    arm: str
    than: str = ""
    region: str

    def values_R(self, outcomes: ClaimOutcomes) -> FloatArray:
        of_arm = self._medians(outcomes, self.arm)
        return of_arm - self._medians(outcomes, self.than) if self.than else of_arm

    def by_answers(self) -> Self | None:
        return None

    def _medians(self, outcomes: ClaimOutcomes, arm: str) -> FloatArray:
        study = self.studies[0] if self.studies else outcomes.first_study
        of_seeds = outcomes.counts(study, arm, self.region, self.metric)
        if not isinstance(outcomes, OutcomesWithGold) or outcomes.gold is None:
            return np.full(len(outcomes.seeds), np.nan)
        medians = []
        for counts, logp in zip(of_seeds, outcomes.gold(study, arm), strict=True):
            problems: list[str] = counts.problem.tolist()
            lacking = next((problem for problem in problems if problem not in logp), None)
            if lacking is not None:
                raise InputError(f"problem {lacking!r} has no gold likelihood")
            medians.append(float(np.median([logp[problem] for problem in problems])) / math.log(10))
        return np.array(medians)
