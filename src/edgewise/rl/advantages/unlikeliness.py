"""Unlikeliness reward: GRPO in which a likely success earns less than an unlikely one."""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from edgewise.core.errors import InputError
from edgewise.rl.advantages._checks import check_group, check_matches
from edgewise.rl.advantages.base import ADVANTAGES, AdvantageInputs, AdvantageSpec
from edgewise.rl.advantages.grpo import grpo
from edgewise.rl.description import Description


def unlikeliness(
    rewards: Tensor,
    logp_PG: Tensor,
    beta: float = 0.25,
    std: Literal["sample", "population"] = "sample",
) -> Tensor:
    """GRPO of r (1 - beta rank / n): a likely success earns less than an unlikely one.

    `rank` orders the group by `logp_PG`, the mean log-probability per token under the policy that
    drew the samples: 0 for the least likely, n - 1 for the likeliest. Samples of equal
    log-probability, most often the same text, share their mean rank; the authors' code orders them
    as they come. He et al. 2025 (arXiv 2506.02355). InputError where beta is outside [0, 1].
    """
    check_group(rewards)
    check_matches("logp", logp_PG, tuple(rewards.shape), "problems, samples")
    if not 0 <= beta <= 1:
        raise InputError(f"beta: must be between 0 and 1, is {beta}")
    sorted_PG = logp_PG.contiguous().sort(dim=1).values
    below_PG = torch.searchsorted(sorted_PG, logp_PG.contiguous())
    up_to_PG = torch.searchsorted(sorted_PG, logp_PG.contiguous(), right=True)
    rank_PG = (below_PG + up_to_PG - 1).to(rewards.dtype) / 2
    return grpo(rewards * (1 - beta * rank_PG / rewards.shape[1]), std)


@ADVANTAGES.register
class Unlikeliness(AdvantageSpec):
    """`unlikeliness` of the net rewards."""

    kind: Literal["unlikeliness"] = "unlikeliness"
    beta: float = Field(0.25, ge=0, le=1)

    def estimate(self, inputs: AdvantageInputs) -> Tensor:
        return unlikeliness(inputs.net_reward_PG, inputs.logp_PG, self.beta)


DESCRIPTIONS = (
    Description(
        title="Unlikeliness reward",
        function=unlikeliness,
        recipe="advantage=unlikeliness",
        source="He et al. 2025, arXiv 2506.02355; β = 0.25",
        formula=(
            r"A = \mathrm{GRPO}\left(r_i \left(1 - \beta\, \mathrm{rank}_i / n\right)\right), \quad \mathrm{rank}_i ="
            r" 0 \text{ for the least likely}"
        ),
        assumes=(
            "Ranks use the mean log-probability per token under the policy that sampled. Equal ones share a rank (in"
            " the authors' code they are ranked in order)."
        ),
        update=(
            "Biased on purpose towards rare successes. A group of only right samples still gives signal: the"
            " likeliest are pushed down."
        ),
        use="Where several right answers exist, against GRPO's tendency to raise what is likely already.",
    ),
)
