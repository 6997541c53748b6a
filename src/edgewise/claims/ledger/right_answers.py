"""What becomes of the right answers of problems that have several: how likely, how many, whether the rarest gains.

All is exact, from the probability of every right completion, which an evaluation writes where it has
`gold_likelihood=True` and its world lists them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Literal, Self

import numpy as np
from pydantic import Field

from edgewise.claims.ledger.gold import OutcomesWithGold
from edgewise.claims.ledger.quantities import ClaimOutcomes, ClaimQuantity, QuantityUnit
from edgewise.core.errors import InputError
from edgewise.outcomes.counts import FloatArray


class RightAnswersQuantity(ClaimQuantity):
    """Base class of quantities of right completions: their verdicts are known, so answers alone say the same."""

    arm: str
    region: str

    def by_answers(self) -> Self | None:
        return None

    def of_problems(self, outcomes: ClaimOutcomes, arms: tuple[str, ...], value: Callable[..., float]) -> FloatArray:
        """`value` of the probabilities of a problem's right completions under each of the arms.

        Not a number where nothing was evaluated; InputError where a problem's right answers are not listed.
        """
        study = self.studies[0] if self.studies else outcomes.first_study
        of_seeds = outcomes.counts(study, self.arm, self.region, self.metric)
        if not isinstance(outcomes, OutcomesWithGold) or outcomes.answers is None:
            return np.full((len(of_seeds[0].problem), len(outcomes.seeds)), np.nan)
        listed = [outcomes.answers(study, arm) for arm in arms]
        columns = []
        for place, counts in enumerate(of_seeds):
            column = []
            for problem in counts.problem.tolist():
                logps = [of_seed[place].get(problem) for of_seed in listed]
                if None in logps:
                    raise InputError(f"problem {problem!r} has no list of right answers")
                column.append(value(*(np.exp(np.asarray(logp)) for logp in logps)))
            columns.append(column)
        return np.array(columns, dtype=np.float64).T


class ExactGain(RightAnswersQuantity):
    """Probability of being right under an arm, minus that under another: a difference of pass@1 without samples."""

    kind: Literal["exact gain"] = "exact gain"
    than: str = "base"

    def values_PR(self, outcomes: ClaimOutcomes) -> FloatArray:
        return self.of_problems(
            outcomes, (self.arm, self.than), lambda arm_A, than_A: float(arm_A.sum() - than_A.sum())
        )


class AnswersFound(RightAnswersQuantity):
    """How many different right answers of a problem so many samples find, in expectation."""

    unit: ClassVar[QuantityUnit] = "number"
    bounds: ClassVar[tuple[float, float]] = (0.0, float("inf"))

    kind: Literal["answers found"] = "answers found"
    samples: int = Field(ge=1)

    def values_PR(self, outcomes: ClaimOutcomes) -> FloatArray:
        return self.of_problems(outcomes, (self.arm,), lambda p_A: float((1 - (1 - p_A) ** self.samples).sum()))


class RarestGains(RightAnswersQuantity):
    """Share of problems whose rarest right answer, by the base, the arm gives more often than the base does."""

    unit: ClassVar[QuantityUnit] = "share"
    bounds: ClassVar[tuple[float, float]] = (0.0, 1.0)

    kind: Literal["rarest gains"] = "rarest gains"
    than: str = "base"

    def values_PR(self, outcomes: ClaimOutcomes) -> FloatArray:
        def gains(base_A: FloatArray, arm_A: FloatArray) -> float:
            rarest = int(base_A.argmin())
            return float(arm_A[rarest] > base_A[rarest])

        return self.of_problems(outcomes, (self.than, self.arm), gains)
