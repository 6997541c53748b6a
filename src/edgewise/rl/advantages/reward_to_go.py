"""Reward to go: what each token still earns, [problems, samples, tokens]; 0 beyond a sample's length."""

from __future__ import annotations

from torch import Tensor

from edgewise.core.errors import InputError
from edgewise.rl.advantages._checks import check_lengths, check_rewards, real_tokens


def reward_to_go(rewards: Tensor, penalty_PGT: Tensor, lengths: Tensor) -> Tensor:
    """What a sample still earns from each token on: its reward minus the penalties that are not yet paid."""
    check_rewards(rewards)
    check_lengths(lengths, rewards)
    real_PGT = real_tokens(penalty_PGT, lengths, "penalties")
    earned_PGT = token_rewards(rewards, penalty_PGT, lengths, real_PGT)
    return earned_PGT.flip(-1).cumsum(-1).flip(-1)


def token_rewards(rewards: Tensor, penalty_PGT: Tensor | None, lengths: Tensor, real_PGT: Tensor) -> Tensor:
    """What each token earns: minus its penalty, and the sample's reward on the last token."""
    earned_PGT = rewards.new_zeros(real_PGT.shape)
    if penalty_PGT is not None:
        if penalty_PGT.shape != real_PGT.shape:
            raise InputError(f"penalties: must be {tuple(real_PGT.shape)}, are {tuple(penalty_PGT.shape)}")
        real_tokens(penalty_PGT, lengths, "penalties")
        earned_PGT -= penalty_PGT.masked_fill(~real_PGT, 0.0).to(rewards.dtype)
    last_PG1 = (lengths - 1).long().unsqueeze(-1)
    return earned_PGT.scatter_add(-1, last_PG1, rewards.unsqueeze(-1))
