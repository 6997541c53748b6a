"""Checks of the inputs of every advantage, with one wording of each refusal."""

from __future__ import annotations

import torch
from torch import Tensor

from edgewise.core.errors import InputError


def check_rewards(rewards: Tensor) -> None:
    """Rewards are a float matrix of finite numbers."""
    if rewards.dim() != 2:
        raise InputError(f"rewards: must be [problems, samples], are {tuple(rewards.shape)}")
    if not rewards.is_floating_point():
        raise InputError(f"rewards: must be floats, are {rewards.dtype}; use .float()")
    if not torch.isfinite(rewards).all():
        raise InputError("rewards: must be finite; filter unscorable samples before computing advantages")


def check_group(rewards: Tensor) -> None:
    """Rewards, of at least two samples per problem."""
    if rewards.dim() != 2 or rewards.shape[1] < 2:
        raise InputError(
            f"samples: a group needs at least 2 samples, rewards are {tuple(rewards.shape)} [problems, samples]"
        )
    check_rewards(rewards)


def check_binary(rewards: Tensor, why: str) -> None:
    """Rewards, each exactly 0 or 1."""
    check_rewards(rewards)
    if not ((rewards == 0) | (rewards == 1)).all():
        raise InputError(f"rewards: must be 0 or 1 for {why}; use the binary outcome, without shaping or penalties")


def check_k(k: int, most: int, why: str = "") -> None:
    """1 <= k <= most."""
    if not 1 <= k <= most:
        raise InputError(f"k: must be between 1 and {most}{why}, is {k}")


def check_matches(name: str, value: Tensor, shape: tuple[int, ...], axes: str) -> None:
    """A finite companion of the rewards, of the shape that they ask for."""
    if tuple(value.shape) != shape:
        raise InputError(f"{name}: must be {shape} [{axes}] as the rewards are, is {tuple(value.shape)}")
    if not torch.isfinite(value).all():
        raise InputError(f"{name}: must be finite")


def check_lengths(lengths: Tensor, rewards: Tensor) -> None:
    """Each sample has at least one token."""
    check_matches("lengths", lengths, tuple(rewards.shape), "problems, samples")
    if (lengths < 1).any():
        raise InputError("lengths: every sample needs at least 1 token, its end included")


def real_tokens(value_PGT: Tensor, lengths: Tensor, name: str) -> Tensor:
    """Bool [P, G, T]: which tokens belong to a sample; InputError where T is too short."""
    if value_PGT.dim() != 3 or value_PGT.shape[:2] != lengths.shape:
        expected = f"{tuple(lengths.shape)} + (tokens,)"
        raise InputError(f"{name}: must be {expected} [problems, samples, tokens], is {tuple(value_PGT.shape)}")
    if lengths.numel() and int(lengths.max()) > value_PGT.shape[2]:
        raise InputError(f"{name}: has {value_PGT.shape[2]} tokens, the longest sample has {int(lengths.max())}")
    real_PGT = torch.arange(value_PGT.shape[2], device=value_PGT.device) < lengths.unsqueeze(-1)
    if not torch.isfinite(value_PGT[real_PGT]).all():
        raise InputError(f"{name}: must be finite")
    return real_PGT


def check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    """InputError where a named form is none of those there are."""
    if value not in choices:
        raise InputError(f"{name}: must be one of {', '.join(choices)}, is {value!r}")


def zero_where_equal(centred_PG: Tensor, rewards: Tensor) -> Tensor:
    """Exactly 0 in groups of equal rewards: the mean of equal floats can round, and must give no signal."""
    equal_P1 = (rewards == rewards[:, :1]).all(dim=1, keepdim=True)
    return centred_PG.masked_fill(equal_P1, 0.0)
