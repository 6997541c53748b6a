"""Numbers normalised over the whole batch instead of a group."""

from __future__ import annotations

import torch
from torch import Tensor

from edgewise.core.errors import InputError
from edgewise.rl.advantages._checks import check_lengths, check_rewards, real_tokens
from edgewise.rl.advantages.groups import dr_grpo

VARIANCE_FLOOR = 1e-8


def reinforce_plus_plus(rewards: Tensor, lengths: Tensor | None = None) -> Tensor:
    """(r - mean) / std over all samples of the batch; exactly 0 where all are equal.

    Hu et al. 2025 (arXiv 2501.03262), as verl has it: with `lengths` each sample counts once per
    token, so mean and sample variance are those of the batch's tokens. The variance is at least
    1e-8. There is no group: one sample per problem will do.
    """
    check_rewards(rewards)
    return _whitened(rewards, _counts(rewards, lengths))


def reinforce_plus_plus_baseline(rewards: Tensor, lengths: Tensor | None = None) -> Tensor:
    """The group's mean off each reward, then whitened over the batch as `reinforce_plus_plus`.

    Hu et al. 2025 (arXiv 2501.03262); used by ProRL v2 and BroRL. With lengths the
    second mean is over tokens and need not be 0, so a group of equal rewards can get a small
    advantage; that is the published form.
    """
    return _whitened(dr_grpo(rewards), _counts(rewards, lengths))


def batch_std(rewards: Tensor) -> Tensor:
    """(r - mean of the group) / standard deviation of these differences over the batch.

    Khatri et al. 2025 (ScaleRL, arXiv 2510.13786), sec. 3; the sample standard deviation (the paper
    does not say which), its square at least 1e-8. Groups of equal rewards get exactly 0 and still
    lower that deviation; ScaleRL drops them first.
    """
    centred_PG = dr_grpo(rewards)
    return centred_PG * centred_PG.var(correction=1).clamp(min=VARIANCE_FLOOR).rsqrt()


def whiten(advantage_PGT: Tensor, lengths: Tensor) -> Tensor:
    """(a - mean) / std over all real tokens of the batch, with the sample variance; padding gets 0.

    Exactly 0 everywhere where all real tokens are equal; the variance is at least 1e-8.
    """
    real_PGT = real_tokens(advantage_PGT, lengths, "advantages")
    return _whitened(advantage_PGT.masked_fill(~real_PGT, 0.0), real_PGT).masked_fill(~real_PGT, 0.0)


def _counts(rewards: Tensor, lengths: Tensor | None) -> Tensor:
    """How often each sample counts, [P, G]."""
    if lengths is None:
        return torch.ones_like(rewards)
    check_lengths(lengths, rewards)
    return lengths


def _whitened(value: Tensor, count: Tensor) -> Tensor:
    """(value - mean) / std, each value counted `count` times; all zeros where the counted are equal."""
    if int((count > 0).sum()) < 2:
        raise InputError(f"samples: whitening needs at least 2 in the batch, got {int((count > 0).sum())}")
    counted = value[count > 0]
    if bool((counted == counted[0]).all()):
        return torch.zeros_like(value)
    # Sums in double: counts are in the millions where float32 ends to be exact.
    exact, weight = value.double(), count.double()
    total = weight.sum()
    centred = exact - (exact * weight).sum() / total
    variance = (centred.square() * weight).sum() / (total - 1)
    return (centred * variance.clamp(min=VARIANCE_FLOOR).rsqrt()).to(value.dtype)
