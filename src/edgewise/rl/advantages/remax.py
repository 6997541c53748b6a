"""ReMax: REINFORCE with the reward of the greedy completion as the baseline."""

from __future__ import annotations

from typing import ClassVar, Literal

from torch import Tensor

from edgewise.rl.advantages._checks import check_matches, check_rewards
from edgewise.rl.advantages.base import ADVANTAGES, AdvantageInputs, AdvantageSpec, required
from edgewise.rl.description import Description


def remax(rewards: Tensor, greedy: Tensor) -> Tensor:
    """r minus the reward of the problem's greedy completion, `greedy` [P].

    Li et al. 2023 (arXiv 2310.10505), eq. 5. Unbiased, since the baseline does not depend on the samples; one sample
    per problem is enough.
    """
    check_rewards(rewards)
    check_matches("greedy", greedy, (rewards.shape[0],), "problems")
    return rewards - greedy.to(rewards.dtype).unsqueeze(1)


@ADVANTAGES.register
class Remax(AdvantageSpec):
    """`remax` of the net rewards; every step also draws a greedy completion per problem."""

    needs_group: ClassVar[bool] = False
    needs_greedy: ClassVar[bool] = True
    kind: Literal["remax"] = "remax"

    def estimate(self, inputs: AdvantageInputs) -> Tensor:
        return remax(inputs.net_reward_PG, required("greedy_P", inputs.greedy_P))


DESCRIPTIONS = (
    Description(
        title="ReMax",
        function=remax,
        recipe="advantage=remax",
        source="Li et al. 2023, arXiv 2310.10505, eq. 5",
        formula=r"A_i = r_i - r(\text{greedy completion})",
        assumes="One additional greedy completion per problem; one sample is enough.",
        update="Unbiased: w(p) = 1 for either greedy outcome (exact).",
        use="With few samples per problem. With 0/1 rewards its baseline is 0 or 1, which is poor for p near 1/2.",
        weight=lambda p, n: 1.0,
    ),
)
