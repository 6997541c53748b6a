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
