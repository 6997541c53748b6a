"""Losses and aggregation weights. Pure functions of tensors over the tokens of a batch.

A loss takes the log-probability of each sampled token under the policy being trained (`logp_N`,
with gradient) and under the policy that drew it (`old_logp_N`), and the token's advantage, and
returns the loss of each token. `token_weights` says how tokens are averaged: weights are computed
once for the whole batch and sum to 1, so a gradient does not depend on how the batch is cut.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

Aggregation = Literal["token", "sample", "constant"]


def reinforce(logp_N: Tensor, advantage_N: Tensor) -> Tensor:
    """-A log pi: its gradient is the plain score-function estimate (Williams 1992)."""
    return -advantage_N * logp_N


def ppo_clip(logp_N: Tensor, old_logp_N: Tensor, advantage_N: Tensor, low: float, high: float) -> Tensor:
    """-min(r A, clip(r, 1 - low, 1 + high) A) with r = pi / pi_old.

    Schulman et al. 2017 (arXiv 1707.06347), eq. 7; low != high is the decoupled clip of DAPO
    (arXiv 2503.14476, eq. 10).
    """
    ratio_N = (logp_N - old_logp_N).exp()
    return -torch.minimum(ratio_N * advantage_N, ratio_N.clamp(1 - low, 1 + high) * advantage_N)


def clipped(logp_N: Tensor, old_logp_N: Tensor, advantage_N: Tensor, low: float, high: float) -> Tensor:
    """Where the clip of `ppo_clip` is active, that is, where a token's gradient is cut to 0."""
    ratio_N = (logp_N - old_logp_N).exp()
    return ((ratio_N > 1 + high) & (advantage_N > 0)) | ((ratio_N < 1 - low) & (advantage_N < 0))


def exact_kl(logits_NV: Tensor, reference_NV: Tensor) -> Tensor:
    """KL(policy || reference) of each token's next-token distribution, over the full vocabulary.

    Reverse KL, sum_v p_v (log p_v - log q_v), with its true gradient; no estimator is involved.
    """
    logp_NV = torch.log_softmax(logits_NV, dim=-1)
    return (logp_NV.exp() * (logp_NV - torch.log_softmax(reference_NV, dim=-1))).sum(-1)


def token_weights(length_S: Tensor, aggregation: Aggregation, max_tokens: int) -> Tensor:
    """The weight of every token of each sample, [samples]; summed over tokens.

    "token": every token of the batch counts the same (DAPO). "sample": every sample counts the
    same, whatever its length (GRPO as published). "constant": a token counts 1 / (samples x
    max_tokens), so that no length is favoured (Dr. GRPO); these sum to less than 1.
    """
    length_S = length_S.double()
    match aggregation:
        case "token":
            weight_S = torch.full_like(length_S, 1.0) / length_S.sum()
        case "sample":
            weight_S = 1.0 / (length_S * len(length_S))
        case "constant":
            weight_S = torch.full_like(length_S, 1.0 / (len(length_S) * max_tokens))
    return weight_S.float()
