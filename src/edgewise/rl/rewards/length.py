"""Rewards shaped by length: DAPO's overlong punishment, ScaleRL's, the cosine reward; outcomes stay as they are."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from math import cos, pi
from typing import Annotated, Literal

from pydantic import Field
from torch import Tensor

from edgewise.core.spec import Spec, by_name
from edgewise.rl.description import RewardDescription
from edgewise.rl.rewards.base import reward_table
from edgewise.rollouts.rollouts import Rollouts


class LengthReward(Spec):
    """Base of all length rewards: how the length of a completion changes its reward."""

    @abstractmethod
    def adjust(
        self, reward_PG: Tensor, outcome_PG: Tensor, rollouts: Rollouts, max_new_tokens: int, step: int
    ) -> Tensor:
        """The rewards at update `step` (from 0), where a completion has at most `max_new_tokens` tokens."""


class NoLength(LengthReward):
    """Length does not count."""

    kind: Literal["none"] = "none"

    def adjust(
        self, reward_PG: Tensor, outcome_PG: Tensor, rollouts: Rollouts, max_new_tokens: int, step: int
    ) -> Tensor:
        return reward_PG


def overlong(length: int, max_tokens: int, soft: int) -> float:
    """DAPO's soft overlong punishment (arXiv 2503.14476, eq. 13), added to the reward.

    0 up to max_tokens - soft tokens, then falling linearly to -1 at max_tokens, and -1 beyond; `soft` >= 1. A truncated
    completion has max_tokens tokens, so it gets -1.
    """
    return min(0.0, max(-1.0, (max_tokens - soft - length) / soft))


class Overlong(LengthReward):
    """`weight` times `overlong` is added; `soft` is the share of the limit in which it falls.

    DAPO: 4096 of 20480, and rewards of -1 and 1, so that the weight is a half where they are 0 and 1.
    """

    kind: Literal["overlong"] = "overlong"
    soft: float = Field(0.2, gt=0, le=1)
    weight: float = Field(1.0, gt=0)

    def adjust(
        self, reward_PG: Tensor, outcome_PG: Tensor, rollouts: Rollouts, max_new_tokens: int, step: int
    ) -> Tensor:
        soft = _soft_tokens(self.soft, max_new_tokens)
        cost_PG = _by_length(rollouts, lambda p, g, length: overlong(length, max_new_tokens, soft))
        return reward_PG + self.weight * cost_PG


def overlong_scalerl(right: bool, length: int, max_tokens: int, soft: int) -> float:
    """clip((max_tokens - length) / soft - 1, -1, 0) for right completions and 0 for all others.

    The length penalty that ScaleRL (arXiv 2510.13786) compares with interruption: `overlong`, for right completions
    only.
    """
    return overlong(length, max_tokens, soft) if right else 0.0


class OverlongScaleRl(LengthReward):
    """`overlong_scalerl` is added; `soft` is the share of the limit in which it falls (ScaleRL: 2k of 14k)."""

    kind: Literal["overlong_scalerl"] = "overlong_scalerl"
    soft: float = Field(1 / 7, gt=0, le=1)

    def adjust(
        self, reward_PG: Tensor, outcome_PG: Tensor, rollouts: Rollouts, max_new_tokens: int, step: int
    ) -> Tensor:
        soft = _soft_tokens(self.soft, max_new_tokens)
        right_PG = outcome_PG.tolist()
        return reward_PG + _by_length(
            rollouts,
            lambda p, g, length: overlong_scalerl(right_PG[p][g], length, max_new_tokens, soft),
        )


def cosine(
    right: bool,
    length: int,
    max_tokens: int,
    *,
    right_short: float,
    right_long: float,
    wrong_short: float,
    wrong_long: float,
    exceeding: float,
) -> float:
    """The cosine reward of Yeo et al. 2025 (arXiv 2502.03373): from `short` at no token to `long` at the limit,

        long + (short - long) * (1 + cos(pi * length / max_tokens)) / 2

    by whether the answer is right, and `exceeding` from max_tokens tokens on. Their code counts as exceeding what is
    within a few tokens of the limit, and takes a repetition penalty off wrong answers; ours does neither.
    """
    if length >= max_tokens:
        return exceeding
    short, long = (right_short, right_long) if right else (wrong_short, wrong_long)
    return long + (short - long) * (1 + cos(pi * length / max_tokens)) / 2


def cycle(step: int, on: int, off: int) -> bool:
    """Whether a schedule that is `on` steps on, then `off` steps off, and so on, is on at `step` (from 0).

    ProRL v2 cycles its length penalty so, e.g. 100 steps on and 500 off.
    """
    return step % (on + off) < on


class Cosine(LengthReward):
    """`cosine` in place of the 0 or 1 of the outcome.

    It is added and the outcome subtracted, so that what a shaped reward pays beyond the outcome stays. The numbers are
    those of arXiv 2502.03373. It counts for `on` updates, then not for `off` updates, and so on (ProRL v2: 100 and
    500); `off` 0 is always on.
    """

    kind: Literal["cosine"] = "cosine"
    right_short: float = 2.0
    right_long: float = 1.0
    wrong_short: float = -10.0
    wrong_long: float = 0.0
    exceeding: float = -10.0
    on: int = Field(1, ge=1)
    off: int = Field(0, ge=0)

    def adjust(
        self, reward_PG: Tensor, outcome_PG: Tensor, rollouts: Rollouts, max_new_tokens: int, step: int
    ) -> Tensor:
        if not cycle(step, self.on, self.off):
            return reward_PG
        values = self.model_dump(include={"right_short", "right_long", "wrong_short", "wrong_long", "exceeding"})
        right_PG = outcome_PG.tolist()
        cosine_PG = _by_length(rollouts, lambda p, g, length: cosine(right_PG[p][g], length, max_new_tokens, **values))
        return reward_PG - outcome_PG.float() + cosine_PG


AnyLengthReward = Annotated[
    NoLength | Overlong | OverlongScaleRl | Cosine,
    Field(discriminator="kind"),
    by_name("kind"),
]


DESCRIPTIONS = (
    RewardDescription(recipe="reward.length=none", pays="the reward unchanged"),
    RewardDescription(
        recipe="reward.length=overlong",
        functions=(overlong,),
        pays="adds 0 falling to -1 over the last `soft` of the limit",
        use="DAPO, arXiv 2503.14476, eq. 13",
    ),
    RewardDescription(
        recipe="reward.length=overlong_scalerl",
        functions=(overlong_scalerl,),
        pays="the same for right samples only",
        use="arXiv 2510.13786",
    ),
    RewardDescription(
        recipe="reward.length=cosine",
        functions=(cosine, cycle),
        pays="a cosine in length, by outcome, in place of it",
        use="arXiv 2502.03373; cycled in ProRL v2",
    ),
)


def _by_length(rollouts: Rollouts, reward: Callable[[int, int, int], float]) -> Tensor:
    lengths_PG = rollouts.completions.length_PG.tolist()
    return reward_table([reward(p, g, length) for g, length in enumerate(row)] for p, row in enumerate(lengths_PG))


def _soft_tokens(share: float, max_new_tokens: int) -> int:
    return max(1, round(share * max_new_tokens))
