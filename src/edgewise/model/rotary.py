"""Rotary position embedding: the table of rotations, Llama 3's scaling of it, and its use on queries and keys."""

from __future__ import annotations

import math
from typing import Self

import numpy as np
import torch
from pydantic import Field, model_validator
from torch import Tensor

from edgewise.core.spec import Spec

# Angles that are turned into rotations together.
_PIECE = 2**16


class Llama3Rope(Spec):
    """How Llama 3.1 slows the rotations of a model that was trained on `original_max_positions` tokens.

    Waves longer than original_max_positions / low_frequency_factor are slowed by `factor`, those shorter than
    original_max_positions / high_frequency_factor stay, and between the two the frequency is interpolated
    ("llama3" in transformers' `rope_parameters`; Grattafiori et al. 2024, arXiv 2407.21783).
    """

    factor: float = Field(ge=1)
    low_frequency_factor: float = Field(gt=0)
    high_frequency_factor: float = Field(gt=0)
    original_max_positions: int = Field(ge=1)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.high_frequency_factor <= self.low_frequency_factor:
            raise ValueError(
                f"high_frequency_factor {self.high_frequency_factor:g} must be more than"
                f" low_frequency_factor {self.low_frequency_factor:g}"
            )
        return self

    def slowed(self, frequency: float) -> float:
        """The frequency, in radians a position, after scaling."""
        turns = self.original_max_positions * frequency / (2 * math.pi)
        if turns > self.high_frequency_factor:
            return frequency
        if turns < self.low_frequency_factor:
            return frequency / self.factor
        kept = (turns - self.low_frequency_factor) / (self.high_frequency_factor - self.low_frequency_factor)
        return (1 - kept) * frequency / self.factor + kept * frequency


def rotation_table(max_positions: int, depth: int, theta: float, scaling: Llama3Rope | None = None) -> Tensor:
    """cos + i sin of position x theta^(-2i/D), complex [max_positions, depth / 2].

    Angles are rounded to float32, as transformers does. Their cosines are taken in double precision one by one, because
    those of torch depend on the instructions that it finds.
    """
    frequencies = [theta ** (-2 * pair / depth) for pair in range(depth // 2)]
    if scaling is not None:
        frequencies = [scaling.slowed(frequency) for frequency in frequencies]
    frequency = torch.tensor(frequencies)
    angles = torch.outer(torch.arange(max_positions).float(), frequency).flatten().numpy()
    table = np.empty(len(angles), np.complex64)
    # In pieces: as Python numbers, all angles together would take many times the memory of the table.
    for start in range(0, len(angles), _PIECE):
        piece = slice(start, start + _PIECE)
        table.real[piece] = list(map(math.cos, angles[piece].tolist()))
        table.imag[piece] = list(map(math.sin, angles[piece].tolist()))
    return torch.from_numpy(table).view(max_positions, -1)


def rotate(x: Tensor, rotation: Tensor) -> Tensor:
    """Rotary position embedding: neighbouring features are the two parts of a complex number.

    Hugging Face pairs feature i with i + D/2 instead; the two differ by a fixed order of the rows
    of the query and key projections, which `edgewise.model.hf` applies. One complex product
    takes less than half the time of the five real operations it replaces on a CPU. `rotation` is complex
    [..., 1, head_depth / 2], or its real view [..., 1, head_depth / 2, 2] for torch.compile, which fuses real
    operations alone.
    """
    pairs = x.float().unflatten(-1, (-1, 2))
    if rotation.is_complex():
        return torch.view_as_real(torch.view_as_complex(pairs) * rotation).flatten(-2).to(x.dtype)
    (a, b), (cos, sin) = pairs.unbind(-1), rotation.unbind(-1)
    return torch.stack((a * cos - b * sin, a * sin + b * cos), dim=-1).flatten(-2).to(x.dtype)
