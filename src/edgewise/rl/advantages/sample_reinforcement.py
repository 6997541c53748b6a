"""NSR, PSR, W-REINFORCE: +1 for right samples, -1 for wrong ones, one side of it left out or weighed less."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field
from torch import Tensor

from edgewise.core.errors import InputError
from edgewise.rl.advantages._checks import check_binary
from edgewise.rl.advantages.base import ADVANTAGES, AdvantageInputs, AdvantageSpec
from edgewise.rl.description import Description


def psr(rewards: Tensor) -> Tensor:
    """Positive-sample reinforcement: 1 for a right sample, 0 for a wrong one; rewards are 0 or 1.

    Zhu et al. 2025 (arXiv 2506.01347). The numbers are those of REINFORCE without a baseline.
    """
    check_binary(rewards, "PSR")
    return rewards.clone()


def nsr(rewards: Tensor) -> Tensor:
    """Negative-sample reinforcement: -1 for a wrong sample, 0 for a right one; rewards are 0 or 1.

    Zhu et al. 2025 (arXiv 2506.01347). On samples of the policy itself the expected update is that of `psr`, as
    the score of a sample has mean 0. What differs is which samples carry it, and so the noise: the update of `nsr`
    vanishes where nothing is wrong, that of `psr` where nothing is right.
    """
    check_binary(rewards, "NSR")
    return rewards - 1


def w_reinforce(rewards: Tensor, positive: float = 0.1) -> Tensor:
    """Weighted REINFORCE: `positive` for a right sample, -1 for a wrong one; rewards are 0 or 1.

    Zhu et al. 2025 (arXiv 2506.01347), their lambda = `positive` = 0.1: `positive` x PSR + NSR. At 1 it is REINFORCE
    with rewards of 1 and -1. InputError where `positive` is negative.
    """
    if not positive >= 0:
        raise InputError(f"positive: must be at least 0, is {positive}")
    return positive * psr(rewards) + nsr(rewards)


@ADVANTAGES.register
class Psr(AdvantageSpec):
    """`psr` of the rewards."""

    needs_group: ClassVar[bool] = False
    needs_binary_rewards: ClassVar[bool] = True
    kind: Literal["psr"] = "psr"

    def estimate(self, inputs: AdvantageInputs) -> Tensor:
        return psr(inputs.net_reward_PG)


@ADVANTAGES.register
class Nsr(AdvantageSpec):
    """`nsr` of the rewards."""

    needs_group: ClassVar[bool] = False
    needs_binary_rewards: ClassVar[bool] = True
    kind: Literal["nsr"] = "nsr"

    def estimate(self, inputs: AdvantageInputs) -> Tensor:
        return nsr(inputs.net_reward_PG)


@ADVANTAGES.register
class WReinforce(AdvantageSpec):
    """`w_reinforce` of the rewards."""

    needs_group: ClassVar[bool] = False
    needs_binary_rewards: ClassVar[bool] = True
    kind: Literal["w_reinforce"] = "w_reinforce"
    positive: float = Field(0.1, ge=0)

    def estimate(self, inputs: AdvantageInputs) -> Tensor:
        return w_reinforce(inputs.net_reward_PG, self.positive)


_SOURCE = "Zhu et al. 2025, arXiv 2506.01347"
_BINARY = "Rewards of 0 or 1; one sample per problem is enough."

DESCRIPTIONS = (
    Description(
        title="PSR, positive-sample reinforcement",
        function=psr,
        recipe="advantage=psr",
        source=_SOURCE,
        formula=r"A_i = [r_i = 1]",
        assumes=_BINARY,
        update="w(p) = 1 (exact). A problem without a success gives no signal.",
        use="As the mirror of NSR. It has the numbers of REINFORCE without a baseline.",
        weight=lambda p, n: 1.0,
    ),
    Description(
        title="NSR, negative-sample reinforcement",
        function=nsr,
        recipe="advantage=nsr",
        source=_SOURCE,
        formula=r"A_i = -[r_i = 0]",
        assumes=_BINARY,
        update=(
            "w(p) = 1 (exact): on samples of the policy itself the expected update is that of PSR, problem by problem."
            " The samples that carry it differ. A solved problem gives no signal; one that is never solved gives a"
            " signal with mean 0. With several wrong answers it is noisier: with one right answer of four its variance"
            " is 18 times that of PSR at p = 0.03 and 32 times at p = 0.8 (exact)."
        ),
        use=(
            "To find out whether penalties alone keep pass@k at large k, beside PSR. As the mean update is the same,"
            " what differs comes from the noise, the optimizer, clips and stale samples, or how the loss is averaged."
        ),
        weight=lambda p, n: 1.0,
    ),
    Description(
        title="W-REINFORCE",
        function=w_reinforce,
        recipe="advantage=w_reinforce",
        source=_SOURCE + r"; λ = 0.1",
        formula=r"A_i = \lambda\, [r_i = 1] - [r_i = 0]",
        assumes=_BINARY,
        update=(
            r"$`w(p) = 1 + \lambda`$ (exact), whatever p: on samples of the policy itself $`\lambda`$ does not choose"
            " which problems are learned from. At 0.1 its noise is nearly that of NSR."
        ),
        use="The authors' choice, between NSR and REINFORCE with rewards of 1 and -1 (λ = 1).",
        weight=lambda p, n: 1.1,
    ),
)
