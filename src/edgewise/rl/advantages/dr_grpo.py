"""Dr. GRPO: rewards centred within each problem's group, without a division."""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from edgewise.model.fixed_order import average
from edgewise.rl.advantages._checks import check_group, zero_where_equal
from edgewise.rl.advantages.base import ADVANTAGES, AdvantageInputs, AdvantageSpec
from edgewise.rl.description import Description


def dr_grpo(rewards: Tensor) -> Tensor:
    """r - mean within each group: GRPO without the division by the standard deviation.

    Liu et al. 2025 (arXiv 2503.20783), sec. 3.2. Its expected gradient is (n - 1) / n times that of the mean reward,
    because a sample's reward is part of its own baseline.
    """
    check_group(rewards)
    return zero_where_equal(rewards - average(rewards).unsqueeze(1), rewards)


@ADVANTAGES.register
class DrGrpo(AdvantageSpec):
    """`dr_grpo` of the net rewards."""

    kind: Literal["dr_grpo"] = "dr_grpo"

    def estimate(self, inputs: AdvantageInputs) -> Tensor:
        return dr_grpo(inputs.net_reward_PG)


DESCRIPTIONS = (
    Description(
        title="Dr. GRPO",
        function=dr_grpo,
        recipe="advantage=dr_grpo",
        source="Liu et al. 2025, arXiv 2503.20783, sec. 3.2",
        formula=r"A_i = r_i - \bar r",
        assumes=(
            "Groups of at least 2. Add `loss.normalization=seq-mean-token-sum-norm` for the complete published"
            " algorithm."
        ),
        update="(n - 1)/n times the gradient of the mean reward (exact), because a sample is part of its own baseline.",
        use="The simplest choice. It favours no problem.",
        weight=lambda p, n: (n - 1) / n,
        zero_if_equal=True,
    ),
)
