"""Uniform and normal numbers addressed by (key, sample, position), the same in every layout."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from edgewise.model.normal_numbers import normal_pairs

# 64-bit constants of splitmix64 (Steele et al. 2014), written as signed integers.
_GOLDEN = -7046029254386353131
_MIX_1 = -4658895280553007687
_MIX_2 = -7723592293110705685


def row_keys(keys_P: Sequence[int], samples: int, device: torch.device) -> Tensor:
    """One int64 key for each sample of each prompt, [P, samples]."""
    signed = [k - 2**64 if k >= 2**63 else k for k in keys_P]
    prompt = torch.tensor(signed, dtype=torch.int64, device=device).unsqueeze(1)
    return _mix(prompt + _GOLDEN * torch.arange(1, samples + 1, device=device))


def key_from(key: int, first: int) -> int:
    """The key whose samples 0, 1, ... are the samples `first`, `first` + 1, ... of `key`."""
    return (key + _GOLDEN * first) % 2**64


def uniform(row_keys: Tensor, position: int | Tensor) -> Tensor:
    """Float64 numbers in [0, 1), one for each key, for the given position; the same bits on every device.

    The position may be an int64 tensor that broadcasts with the keys.
    """
    return _fraction(_draw(row_keys, position))


def normal(row_keys: Tensor, position: int | Tensor, count: int) -> Tensor:
    """Float64 standard normal numbers [..., count], for each key [...] and the given position.

    Number i depends on key, position and i alone: key and position seed a generator of their own,
    of which two uniform numbers give two normal ones (see `edgewise.model.normal_numbers`).
    """
    seeds = _draw(row_keys, position)
    counters = _GOLDEN * torch.arange(1, count + count % 2 + 1, device=row_keys.device)
    u, v = _fraction(_mix(seeds.unsqueeze(-1) + counters)).unflatten(-1, (-1, 2)).unbind(-1)
    return torch.stack(normal_pairs(u, v), dim=-1).flatten(-2)[..., :count]


def _draw(row_keys: Tensor, position: int | Tensor) -> Tensor:
    offset = _GOLDEN * (position + 1)
    # Tensors wrap by themselves.
    return _mix(row_keys + (_wrap(offset) if isinstance(offset, int) else offset))


def _fraction(bits: Tensor) -> Tensor:
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
