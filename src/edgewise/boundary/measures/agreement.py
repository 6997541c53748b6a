"""Agreement of two verifiers on the same samples: counts, Cohen's kappa, and the problems where they differ."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from edgewise.core.errors import InputError
from edgewise.outcomes.counts import Metric
from edgewise.outcomes.outcomes import Outcomes


@dataclass(frozen=True)
class ProblemAgreement:
    """How many samples of one problem only the first verifier passed, and only the second."""

    problem: str
    only_first: int
    only_second: int
    samples: int


@dataclass(frozen=True)
class Agreement:
    """Numbers of samples that two verifiers passed both, one alone, or neither, of those that both graded.

    `ungraded` are the others. `kappa` is Cohen's (1960): the agreement beyond that of chance, as a share of what chance
    leaves; NaN where each verifier gives one grade throughout. `problems` are those with a difference, the largest
    first.
    """

    both: int
    only_first: int
    only_second: int
    neither: int
    ungraded: int
    kappa: float
    problems: tuple[ProblemAgreement, ...]

    @property
    def graded(self) -> int:
        """How many samples both verifiers graded."""
        return self.both + self.only_first + self.only_second + self.neither


def verifier_agreement(first: Outcomes, second: Outcomes, metric: Metric = "answer") -> Agreement:
    """Compare the verdicts of two verifiers, sample by sample.

    Raises InputError unless both hold the same samples of the same problems, and have verdicts by `metric`.
    """
    if not np.array_equal(first.problem, second.problem):
        raise InputError("problem: the two verifiers graded other problems; both must grade the same rollouts")
    orders = [np.lexsort((arm.sample_S, arm.problem_S)) for arm in (first, second)]
    sampled = [(arm.problem_S[order], arm.sample_S[order]) for arm, order in zip((first, second), orders, strict=True)]
    if not all(np.array_equal(one_S, other_S) for one_S, other_S in zip(*sampled, strict=True)):
        raise InputError("sample: the two verifiers graded other samples; both must grade the same rollouts")
    verdicts = []
    for arm, order in zip((first, second), orders, strict=True):
        verdict_S = arm.answer_S if metric == "answer" else arm.process_S
        if verdict_S is None:
            raise InputError("metric: the process was not verified by both; compare by the answer")
        verdicts.append(verdict_S[order])
    first_S, second_S = verdicts
    graded_S = (first_S >= 0) & (second_S >= 0)
    passed = (first_S == 1) & graded_S, (second_S == 1) & graded_S
    only_first_S, only_second_S = passed[0] & ~passed[1], passed[1] & ~passed[0]
    both, graded = int((passed[0] & passed[1]).sum()), int(graded_S.sum())
    only_first, only_second = int(only_first_S.sum()), int(only_second_S.sum())
    problem_S = sampled[0][0]
    by_problem = [
        np.bincount(problem_S[chosen_S], minlength=len(first.problem)).tolist()
        for chosen_S in (only_first_S, only_second_S, np.ones_like(only_first_S))
    ]
    differing = [
        ProblemAgreement(*row) for row in zip(first.problem.tolist(), *by_problem, strict=True) if row[1] or row[2]
    ]
    return Agreement(
        both=both,
        only_first=only_first,
        only_second=only_second,
        neither=graded - both - only_first - only_second,
        ungraded=int((~graded_S).sum()),
        kappa=_kappa(both, only_first, only_second, graded),
        problems=tuple(sorted(differing, key=lambda one: -(one.only_first + one.only_second))),
    )


def _kappa(both: int, only_first: int, only_second: int, graded: int) -> float:
    if not graded:
        return math.nan
    first, second = (both + only_first) / graded, (both + only_second) / graded
    chance = first * second + (1 - first) * (1 - second)
    agreed = 1 - (only_first + only_second) / graded
    return math.nan if chance == 1 else (agreed - chance) / (1 - chance)
