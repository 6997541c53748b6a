"""Credit per token: [problems, samples, tokens], 0 beyond a sample's length."""

from __future__ import annotations

import torch
from torch import Tensor

from edgewise.core.errors import InputError
from edgewise.rl.advantages._checks import check_lengths, check_rewards, real_tokens


def gae(
    rewards: Tensor,
    values_PGT: Tensor,
    lengths: Tensor,
    gamma: float = 1.0,
    lam: float = 1.0,
    penalty_PGT: Tensor | None = None,
) -> Tensor:
    """Generalised advantage estimates from a critic's value before each token.

    A_t = sum over l of (gamma lam)^l d_{t+l} with d_t = r_t + gamma V_{t+1} - V_t. The sample's
    reward falls on its last token, `penalty_PGT` is paid at every token, and what follows the last
    token is worth 0. Schulman et al. 2015 (arXiv 1506.02438), eq. 16. gamma = lam = 1 is the setting
    of Open-Reasoner-Zero: the reward to go less the value. Not whitened. The critic's target is
    this plus `values_PGT`.
    """
    for name, number in (("gamma", gamma), ("lam", lam)):
        if not 0 <= number <= 1:
            raise InputError(f"{name}: must be between 0 and 1, is {number}")
    check_rewards(rewards)
    check_lengths(lengths, rewards)
    real_PGT = real_tokens(values_PGT, lengths, "values")
    values_PGT = values_PGT.to(rewards.dtype).masked_fill(~real_PGT, 0.0)
    token_rewards_PGT = _token_rewards(rewards, penalty_PGT, lengths, real_PGT)
    advantage_PGT = torch.zeros_like(values_PGT)
    following_PG = torch.zeros_like(rewards)
    next_value_PG = torch.zeros_like(rewards)
    for t in reversed(range(values_PGT.shape[2])):
        difference_PG = token_rewards_PGT[..., t] + gamma * next_value_PG - values_PGT[..., t]
        following_PG = difference_PG + gamma * lam * following_PG
        advantage_PGT[..., t] = following_PG
        next_value_PG = values_PGT[..., t]
    return advantage_PGT


def reward_to_go(rewards: Tensor, penalty_PGT: Tensor, lengths: Tensor) -> Tensor:
    """What a sample still earns from each token on: its reward less the penalties not yet paid."""
    check_rewards(rewards)
    check_lengths(lengths, rewards)
    real_PGT = real_tokens(penalty_PGT, lengths, "penalties")
    earned_PGT = _token_rewards(rewards, penalty_PGT, lengths, real_PGT)
    return earned_PGT.flip(-1).cumsum(-1).flip(-1)


def _token_rewards(rewards: Tensor, penalty_PGT: Tensor | None, lengths: Tensor, real_PGT: Tensor) -> Tensor:
    """What each token earns: minus its penalty, and the reward on the last one."""
    token_rewards_PGT = rewards.new_zeros(real_PGT.shape)
    if penalty_PGT is not None:
        if penalty_PGT.shape != real_PGT.shape:
            raise InputError(f"penalties: must be {tuple(real_PGT.shape)}, are {tuple(penalty_PGT.shape)}")
        real_tokens(penalty_PGT, lengths, "penalties")
        token_rewards_PGT -= penalty_PGT.masked_fill(~real_PGT, 0.0).to(rewards.dtype)
    last_PG1 = (lengths - 1).long().unsqueeze(-1)
    return token_rewards_PGT.scatter_add(-1, last_PG1, rewards.unsqueeze(-1))
