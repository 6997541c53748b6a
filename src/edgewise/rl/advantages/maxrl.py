"""MaxRL: rewards centred and divided by the group's mean reward, towards maximum likelihood of success."""

from __future__ import annotations

from typing import ClassVar, Literal

from torch import Tensor

from edgewise.core.errors import InputError
from edgewise.model.fixed_order import average
from edgewise.rl.advantages._checks import check_group
from edgewise.rl.advantages.base import ADVANTAGES, AdvantageInputs, AdvantageSpec
from edgewise.rl.advantages.dr_grpo import dr_grpo
from edgewise.rl.description import Description


def maxrl(rewards: Tensor) -> Tensor:
    """(r - mean) / mean within each group; 0 in a group whose rewards are all 0.

    Tajwar et al. 2026 (arXiv 2602.02710): towards the gradient of log p by the average score of the successes. With
    0/1 rewards it is unbiased for the gradient of

        sum over j = 1 .. n - 1 of -(1 - p)^j / j

    which is the Maclaurin series of log p cut after n - 1 terms. The paper counts n terms, and that holds for r / mean
    without the centring. The centring has mean zero only while groups without a success keep their share of it, and
    dropping those groups costs the last term. Rewards must not be negative (InputError).
    """
    check_group(rewards)
    if (rewards < 0).any():
        raise InputError("rewards: must be at least 0 for maxrl, which divides by their mean")
    mean_P1 = average(rewards).unsqueeze(1)
    return dr_grpo(rewards) / mean_P1.masked_fill(mean_P1 == 0, 1.0)


@ADVANTAGES.register
class MaxRl(AdvantageSpec):
    """`maxrl` of the net rewards."""

    needs_binary_rewards: ClassVar[bool] = True
    kind: Literal["maxrl"] = "maxrl"

    def estimate(self, inputs: AdvantageInputs) -> Tensor:
        return maxrl(inputs.net_reward_PG)


DESCRIPTIONS = (
    Description(
        title="MaxRL",
        function=maxrl,
        recipe="advantage=maxrl",
        source="Tajwar et al. 2026, arXiv 2602.02710",
        formula=r"A_i = \frac{r_i - \bar r}{\bar r} \text{ where } \bar r > 0, \text{ else } 0",
        assumes="Rewards of at least 0; groups of at least 2.",
        update=(
            "Unbiased for the first n - 1 terms of the series of log p: $`w(p) = (1 - (1-p)^{n-1}) / p`$ (exact)."
            " The paper says n terms, which is right without the centring."
        ),
        use="To train the log-likelihood of success instead of its rate: w(p) is as near to 1/p as n samples allow.",
        weight=lambda p, n: (1 - (1 - p) ** (n - 1)) / p,
        zero_if_equal=True,
    ),
)
