"""Dr. GRPO: rewards centred within each problem's group, without a division."""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from edgewise.rl.advantages._checks import check_group, zero_where_equal
from edgewise.rl.advantages.base import ADVANTAGES, AdvantageInputs, AdvantageSpec


def dr_grpo(rewards: Tensor) -> Tensor:
    """r - mean within each group: GRPO without the division by the standard deviation.

    Liu et al. 2025 (arXiv 2503.20783), sec. 3.2. Its expected gradient is (n - 1) / n times that of the mean reward,
    because a sample's reward is part of its own baseline.
    """
    check_group(rewards)
    return zero_where_equal(rewards - rewards.mean(dim=1, keepdim=True), rewards)


@ADVANTAGES.register
class DrGrpo(AdvantageSpec):
    """`dr_grpo` of the net rewards."""

    kind: Literal["dr_grpo"] = "dr_grpo"

    def estimate(self, inputs: AdvantageInputs) -> Tensor:
        return dr_grpo(inputs.net_reward_PG)
