"""Binomial coefficients through logarithms, in double."""

from __future__ import annotations

import torch
from torch import Tensor


def log_binomial(n: Tensor, k: Tensor | int) -> Tensor:
    """log C(n, k) of whole numbers held as float64; -inf where C(n, k) is 0 (k < 0 or k > n)."""
    k = torch.as_tensor(k, dtype=torch.float64, device=n.device)
    possible = (k >= 0) & (k <= n)
    whole, part = torch.where(possible, n, 0.0), torch.where(possible, k, 0.0)
    log = torch.lgamma(whole + 1) - torch.lgamma(part + 1) - torch.lgamma(whole - part + 1)
    return log.masked_fill(~possible, -torch.inf)
