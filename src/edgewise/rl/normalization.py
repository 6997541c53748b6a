"""Loss normalization: how the losses of tokens are averaged over a batch (verl's `loss_agg_mode`)."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

Normalization = Literal["token-mean", "seq-mean-token-mean", "prompt-mean-token-mean", "seq-mean-token-sum-norm"]


def token_weights(length_PG: Tensor, normalization: Normalization, max_tokens: int) -> Tensor:
    """The weight of every token of each sample in the loss, [problems, samples], float32.

    "token-mean": 1 / all tokens; every token of the batch counts the same (DAPO, arXiv 2503.14476, eq. 8).
    "seq-mean-token-mean": 1 / (samples x the sample's tokens); every sample counts the same, whatever its length
    (GRPO as published, arXiv 2402.03300, eq. 3).
    "prompt-mean-token-mean": 1 / (problems x the group's tokens); every problem counts the same, and within it every
    token (the prompt mean of ScaleRL, arXiv 2510.13786).
    "seq-mean-token-sum-norm": 1 / (samples x max_tokens); no length is favoured (Dr. GRPO, Liu et al. 2025,
    arXiv 2503.20783). Summed over tokens these weights come to less than 1, the others to 1.

    `samples` counts those of all problems. Lengths are at least 1. Weights are computed once for a whole batch, so a
    gradient does not depend on how the batch is cut into micro-batches.
    """
    length_PG = length_PG.double()
    match normalization:
        case "token-mean":
            weight_PG = torch.ones_like(length_PG) / length_PG.sum()
        case "seq-mean-token-mean":
            weight_PG = 1 / (length_PG.numel() * length_PG)
        case "prompt-mean-token-mean":
            weight_PG = torch.ones_like(length_PG) / (len(length_PG) * length_PG.sum(1, keepdim=True))
        case "seq-mean-token-sum-norm":
            weight_PG = torch.full_like(length_PG, 1 / (length_PG.numel() * max_tokens))
    return weight_PG.float()
