"""Gradient norm and AdamW by the compiled kernels: one call for all tensors of a model."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from edgewise.model.native.library import loaded_kernels
from edgewise.model.native.structures import CWeights, pointer


@dataclass(frozen=True, slots=True)
class Moments:
    """A tensor of weights, its gradient, and AdamW's moments of it, all float32 on the CPU.

    At this step `kept` is what weight decay leaves of a weight, `rate` the learning rate over the bias correction of
    the mean, and `root` the root of that of the square.
    """

    weight: Tensor
    gradient: Tensor
    mean: Tensor
    square: Tensor
    kept: float
    rate: float
    root: float


def sum_of_squares(moments: Sequence[Moments]) -> float:
    """The sum of the squares of all gradients, in double precision."""
    squares: float = loaded_kernels().functions.edgewise_sum_of_squares(len(moments), _in_c(moments))
    return squares


def adamw_(moments: Sequence[Moments], scale: float, betas: tuple[float, float], epsilon: float) -> None:
    """One AdamW step in place, on gradients times `scale`."""
    loaded_kernels().functions.edgewise_adamw(len(moments), _in_c(moments), scale, *betas, epsilon)


def _in_c(moments: Sequence[Moments]) -> ctypes.Array[CWeights]:
    return (CWeights * len(moments))(
        *(
            CWeights(
                *map(pointer, (one.weight, one.gradient, one.mean, one.square)),
                *(one.weight.numel(), one.kept, one.rate, one.root),
            )
            for one in moments
        )
    )
