"""Uniform numbers addressed by (key, sample, position), the same on every device and layout."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

# 64-bit constants of splitmix64 (Steele et al. 2014), written as signed integers.
_GOLDEN = -7046029254386353131
_MIX_1 = -4658895280553007687
_MIX_2 = -7723592293110705685


def row_keys(keys_P: Sequence[int], samples: int, device: torch.device) -> Tensor:
    """One int64 key for each sample of each prompt, [P, samples]."""
    signed = [k - 2**64 if k >= 2**63 else k for k in keys_P]
    prompt = torch.tensor(signed, dtype=torch.int64, device=device).unsqueeze(1)
    return _mix(prompt + _GOLDEN * torch.arange(1, samples + 1, device=device))


def uniform(row_keys: Tensor, position: int) -> Tensor:
    """Float64 numbers in [0, 1), one for each key, for the given position."""
    bits = _mix(row_keys + _wrap(_GOLDEN * (position + 1)))
    return _shift(bits, 11).double() * 2.0**-53


def _mix(x: Tensor) -> Tensor:
    x = (x ^ _shift(x, 30)) * _MIX_1
    x = (x ^ _shift(x, 27)) * _MIX_2
    return x ^ _shift(x, 31)


def _shift(x: Tensor, bits: int) -> Tensor:
    # Torch shifts int64 arithmetically; the mask makes it the logical shift of the definition.
    return (x >> bits) & ((1 << (64 - bits)) - 1)


def _wrap(number: int) -> int:
    return (number + 2**63) % 2**64 - 2**63
