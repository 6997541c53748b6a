"""Equal compute: a study declares that arms cost the same beyond their base, and what cannot be equal is refused.

Whether they were equal is measured after the run, by `edgewise.study.arm_compute`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar, get_args

import numpy as np

from edgewise.core.errors import InputError
from edgewise.scaling.compute import CHARGED_TOKENS, Account, check_slack, relative_excess
from edgewise.study.budget import charged_tokens, tokens_trained_on
from edgewise.study.plan import without_seeds
from edgewise.study.stages import Stage
from edgewise.study.work import expected_work, possible_flops

T = TypeVar("T")

OwnStages = Mapping[str, Sequence[Sequence[Stage]]]
"""Arm -> for each of its training seeds the stages that train it, beyond those that made its base."""


@dataclass(frozen=True, slots=True)
class EqualCompute:
    """Declare that arms have equal compute beyond what they share with the base; all arms where none is named.

    `account` "flops" is the true one. It is known only after the run: before it, arms are refused whose specs cannot
    come to equal FLOPs, and where they differ by more than `slack` afterwards the study's result says so before any
    number. "charged" is the papers' account, with every rollout at `rollout_tokens` tokens: it is known beforehand, and
    arms that differ by more than `slack` are refused. InputError where a field cannot be so.
    """

    arms: tuple[str, ...] = ()
    account: Account = "flops"
    slack: float = 0.05
    rollout_tokens: int = CHARGED_TOKENS

    def __post_init__(self) -> None:
        if len(self.arms) == 1 or len(set(self.arms)) < len(self.arms):
            raise InputError(f"equal_compute: arms must be two or more different ones, are {', '.join(self.arms)}")
        if self.account not in get_args(Account):
            raise InputError(
                f"equal_compute: account must be one of {', '.join(get_args(Account))}, is {self.account!r}"
            )
        if self.rollout_tokens < 1:
            raise InputError(f"equal_compute: rollout_tokens must be 1 or more, is {self.rollout_tokens}")
        check_slack(self.slack)

    def compared(self, arms: Sequence[str]) -> tuple[str, ...]:
        """The arms that are declared equal, of those of a study; InputError where one is none of them."""
        unknown = next((arm for arm in self.arms if arm not in arms), None)
        if unknown is not None:
            raise InputError(f"equal_compute: arms: {unknown!r} must be an arm of the study: {', '.join(arms)}")
        if len(arms) < 2:
            raise InputError(f"equal_compute: the study has one arm, {arms[0]!r}; equal compute needs two")
        return self.arms or tuple(arms)

    def check(self, own: OwnStages) -> None:
        """InputError names two arms that cannot have equal compute, by their specs, and what each would take."""
        compared = self.compared(list(own))
        untrained = next((arm for arm in compared if not any(own[arm])), None)
        if untrained is not None:
            raise InputError(
                f"equal_compute: arm {untrained!r} has no training beyond its base, so its compute equals no other's"
            )
        if self.account == "charged":
            self._check_charged({arm: own[arm] for arm in compared})
        else:
            self._check_possible({arm: own[arm] for arm in compared})

    def _check_charged(self, own: OwnStages) -> None:
        charge = _each_spec_once(self._charge)
        charged = {arm: _mean([sum(map(charge, stages)) for stages in by_seed]) for arm, by_seed in own.items()}
        known = {arm: tokens for arm, tokens in charged.items() if not math.isnan(tokens)}
        if relative_excess(known.values()) > self.slack:
            least, most = (choose(known, key=known.__getitem__) for choose in (min, max))
            raise InputError(
                f"equal_compute: arm {most!r} is charged {known[most]:.4g} tokens and {least!r} {known[least]:.4g}"
                f" (allowed {self.slack:.1%}); change the steps of one, or the slack"
            )

    def _charge(self, stage: Stage) -> float:
        work = expected_work(stage)
        return charged_tokens(stage, tokens_trained_on(stage, work) if work else math.nan, self.rollout_tokens)

    def _check_possible(self, own: OwnStages) -> None:
        flops = _each_spec_once(possible_flops)
        ranges = {
            arm: np.mean([np.sum([flops(stage) for stage in stages], 0) for stages in by_seed], 0).tolist()
            for arm, by_seed in own.items()
        }
        cheap = min(ranges, key=lambda arm: ranges[arm][1])
        dear = max(ranges, key=lambda arm: ranges[arm][0])
        if ranges[dear][0] > (1 + self.slack) * ranges[cheap][1]:
            raise InputError(
                f"equal_compute: arm {dear!r} cannot have the FLOPs of {cheap!r}: at least {ranges[dear][0]:.3g} by its"
                f" specs, and {cheap!r} at most {ranges[cheap][1]:.3g} (allowed {self.slack:.1%}); change the steps of"
                " one, or the slack"
            )


def _each_spec_once(function: Callable[[Stage], T]) -> Callable[[Stage], T]:
    """The function with its results kept, one for stages that differ in seeds alone."""
    kept: dict[str, T] = {}

    def of_stage(stage: Stage) -> T:
        spec = without_seeds(stage)
        if spec not in kept:
            kept[spec] = function(stage)
        return kept[spec]

    return of_stage


def _mean(numbers: Sequence[float]) -> float:
    return math.fsum(numbers) / len(numbers)
