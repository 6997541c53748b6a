"""RLOO: REINFORCE with the mean of the group's other samples as the baseline (leave one out)."""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from edgewise.rl.advantages.base import ADVANTAGES, AdvantageInputs, AdvantageSpec
from edgewise.rl.advantages.dr_grpo import dr_grpo
from edgewise.rl.description import Description


def rloo(rewards: Tensor) -> Tensor:
    """r minus the mean of the group's other samples, that is n / (n - 1) times `dr_grpo`.

    Kool et al. 2019; Ahmadian et al. 2024 (arXiv 2402.14740). Unbiased for the gradient of the mean reward.
    """
    centred_PG = dr_grpo(rewards)
    samples = rewards.shape[1]
    return centred_PG * (samples / (samples - 1))


@ADVANTAGES.register
class Rloo(AdvantageSpec):
    """`rloo` of the net rewards."""

    kind: Literal["rloo"] = "rloo"

    def estimate(self, inputs: AdvantageInputs) -> Tensor:
        return rloo(inputs.net_reward_PG)


DESCRIPTIONS = (
    Description(
        title="RLOO",
        function=rloo,
        recipe="advantage=rloo",
        source="Kool et al. 2019; Ahmadian et al. 2024, arXiv 2402.14740",
        formula=r"A_i = r_i - \frac{1}{n-1} \sum_{j \ne i} r_j",
        assumes="Groups of at least 2.",
        update="Unbiased for the mean reward, binary or graded: w(p) = 1 (exact).",
        use="When bias must be excluded as an explanation. It is Dr. GRPO times n/(n - 1).",
        weight=lambda p, n: 1.0,
        zero_if_equal=True,
    ),
)
