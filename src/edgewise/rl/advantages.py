"""Advantages: rewards of a group in, credit per sample out. Pure functions of tensors.

Each takes rewards [problems, samples] and returns advantages of the same shape. `rl.recipes`
names them; nothing here knows a trainer.
"""

from __future__ import annotations

import torch
from torch import Tensor

from edgewise.errors import InputError


def grpo(rewards_PG: Tensor, epsilon: float = 1e-6) -> Tensor:
    """(r - mean) / (std + epsilon) within each group, with the sample standard deviation (n - 1).

    Shao et al. 2024 (arXiv 2402.03300), eq. 4. A group of equal rewards gets exactly 0.
    """
    centred = dr_grpo(rewards_PG)
    return centred / (rewards_PG.std(dim=1, keepdim=True, correction=1) + epsilon)


def dr_grpo(rewards_PG: Tensor) -> Tensor:
    """r - mean within each group: GRPO without the division by the standard deviation.

    Liu et al. 2025 (arXiv 2503.20783), sec. 3.2.
    """
    _check(rewards_PG)
    centred = rewards_PG - rewards_PG.mean(dim=1, keepdim=True)
    # The mean of equal floats can round; equal rewards must give no signal at all.
    equal = (rewards_PG == rewards_PG[:, :1]).all(dim=1, keepdim=True)
    return centred.masked_fill(equal, 0.0)


def _check(rewards_PG: Tensor) -> None:
    if rewards_PG.dim() != 2 or rewards_PG.shape[1] < 2:
        raise InputError(
            f"samples: a group needs at least 2 samples, rewards are {tuple(rewards_PG.shape)} [problems, samples]"
        )
    if not torch.isfinite(rewards_PG).all():
        raise InputError("rewards: must be finite; filter unscorable samples before computing advantages")
