"""Shares of subsets: quotients of binomial coefficients, exact and rounded once."""

from __future__ import annotations

from collections.abc import Sequence
from math import comb

import torch
from torch import Tensor


def subset_shares(chosen_from: Sequence[int], choose: Sequence[int], whole: int, k: Sequence[int]) -> Tensor:
    """C(chosen_from, choose) / C(whole, k) of each, float64 on the CPU; 0 where there is nothing to choose."""
    return torch.tensor(
        [comb(n, m) / comb(whole, size) if n >= 0 else 0.0 for n, m, size in zip(chosen_from, choose, k, strict=True)],
        dtype=torch.float64,
    )
