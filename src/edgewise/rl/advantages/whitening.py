"""Whitening: subtract the mean and divide by the standard deviation of the whole batch."""

from __future__ import annotations

import torch
from torch import Tensor

from edgewise.core.errors import InputError
from edgewise.model.fixed_order import square_root, total
from edgewise.rl.advantages._checks import check_lengths, real_tokens

VARIANCE_FLOOR = 1e-8


def whiten(advantage_PGT: Tensor, lengths: Tensor) -> Tensor:
    """(a - mean) / std over all real tokens of the batch, with the sample variance; padding gets 0.

    Exactly 0 everywhere where all real tokens are equal; the variance is at least 1e-8.
    """
    real_PGT = real_tokens(advantage_PGT, lengths, "advantages")
    return whitened(advantage_PGT.masked_fill(~real_PGT, 0.0), real_PGT).masked_fill(~real_PGT, 0.0)


def token_counts(rewards: Tensor, lengths: Tensor | None) -> Tensor:
    """How often each sample counts, [P, G]: once, or once per token where lengths are given."""
    if lengths is None:
        return torch.ones_like(rewards)
    check_lengths(lengths, rewards)
    return lengths


def whitened(value: Tensor, count: Tensor) -> Tensor:
    """(value - mean) / std, each value counted `count` times; all zeros where the counted values are equal."""
    if int((count > 0).sum()) < 2:
        raise InputError(f"samples: whitening needs at least 2 in the batch, got {int((count > 0).sum())}")
    counted = value[count > 0]
    if bool((counted == counted[0]).all()):
        return torch.zeros_like(value)
    # Sums in double: counts are in the millions, where float32 is no longer exact.
    exact, weight = value.double(), count.double()
    counts = _whole(weight)
    centred = exact - _whole(exact * weight) / counts
    variance = _whole(centred.square() * weight) / (counts - 1)
    return (centred / square_root(variance.clamp(min=VARIANCE_FLOOR))).to(value.dtype)


def _whole(table: Tensor) -> Tensor:
    return total(table.flatten())
