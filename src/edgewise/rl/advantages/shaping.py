"""What changes a reward before its advantage, or an advantage after."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from edgewise.core.errors import InputError
from edgewise.rl.advantages._checks import check_group, check_matches
from edgewise.rl.advantages.groups import grpo


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


def positive_only(advantage: Tensor) -> Tensor:
    """Negative advantages set to 0: only what did better than its baseline is learned from."""
    return advantage.clamp(min=0.0)


def zero_success_gate(advantage_PG: Tensor, earlier_P: Tensor) -> Tensor:
    """0 for problems that have been solved before; `earlier_P` counts their successes so far.

    The remedy of arXiv 2606.15455 against overtraining: update only on problems with no success
    observed yet. Also takes advantages [problems, samples, tokens].
    """
    check_matches("earlier successes", earlier_P, (advantage_PG.shape[0],), "problems")
    solved_P = (earlier_P > 0).reshape(-1, *[1] * (advantage_PG.dim() - 1))
    return advantage_PG.masked_fill(solved_P, 0.0)
