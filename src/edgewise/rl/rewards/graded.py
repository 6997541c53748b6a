"""Graded reward: a right answer, a wrong one and none that could be read each earn their own number."""

from __future__ import annotations

from typing import ClassVar, Literal

from torch import Tensor

from edgewise.rl.description import RewardDescription
from edgewise.rl.rewards.base import REWARDS, RewardFunction, by_verdict
from edgewise.rl.rewards.correctness import outcome
from edgewise.rollouts.rollouts import Rollouts
from edgewise.tasks.base import Verdict, World


def graded(verdict: Verdict, right: float, wrong: float, unreadable: float) -> float:
    """`right` for a right answer, `wrong` for another answer, `unreadable` where no answer could be read.

    The shape of rewards for answer and format: Logic-RL (Xie et al. 2025, arXiv 2502.14768, section 2.2) adds 1 or -1
    for the format to 2, -1.5 or -2 for the answer. A truncated completion is unreadable.
    """
    if outcome(verdict):
        return right
    return unreadable if verdict.predicted is None else wrong


@REWARDS.register
class Graded(RewardFunction):
    """`graded` of each verdict; its outcome is whether the answer is right."""

    binary: ClassVar[bool] = False
    kind: Literal["graded"] = "graded"
    right: float = 1.0
    wrong: float = 0.0
    unreadable: float = -1.0

    def score(self, world: World, rollouts: Rollouts, seed: int) -> tuple[Tensor, Tensor]:
        reward_PG = by_verdict(rollouts, lambda verdict: graded(verdict, self.right, self.wrong, self.unreadable))
        return by_verdict(rollouts, outcome).bool(), reward_PG


DESCRIPTIONS = (
    RewardDescription(
        recipe="reward.function=graded",
        functions=(graded,),
        pays="`right`, `wrong` or `unreadable`: 1, 0 and -1 unless set",
        use="answer and format at once, as in Logic-RL, arXiv 2502.14768",
    ),
)
