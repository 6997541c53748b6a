"""Standard normal numbers with the same bits on every machine: Box and Muller (1958) out of exact operations.

Logarithm, cosine and sine are polynomials in double precision (Cephes, Moshier), one product and one sum after the
other, which every processor rounds alike. Those of torch depend on the instructions that it finds.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from edgewise.model.fixed_order import square_root

_LOG_P = (
    *(1.01875663804580931796e-4, 4.97494994976747001425e-1, 4.70579119878881725854e0),
    *(1.44989225341610930846e1, 1.79368678507819816313e1, 7.70838733755885391666e0),
)
_LOG_Q = (
    *(1.0, 1.12873587189167450590e1, 4.52279145837532221105e1),
    *(8.29875266912776603211e1, 7.11544750618563894466e1, 2.31251620126765340583e1),
)
_SINE = (
    *(1.58962301576546568060e-10, -2.50507477628578072866e-8, 2.75573136213857245213e-6),
    *(-1.98412698295895385996e-4, 8.33333333332211858878e-3, -1.66666666666666307295e-1),
)
_COSINE = (
    *(-1.13585365213876817300e-11, 2.08757008419747316778e-9, -2.75573141792967388112e-7),
    *(2.48015872888517045348e-5, -1.38888888888730564116e-3, 4.16666666666665929218e-2),
)
_HALF_PI = 1.5707963267948966
_ROOT_HALF = 0.7071067811865476
# Torch's `normal_` pairs number i of a block with number i + 8.
_BLOCK = 16
# As many as the caches hold: all of a large model at once would take three times as long.
_AT_ONCE = 2**16


def normal_numbers(count: int, generator: torch.Generator) -> Tensor:
    """`count` standard normal numbers, float32: those of torch's `normal_` on a CPU but for the last bits."""
    whole = count // _BLOCK * _BLOCK
    numbers = torch.empty(max(count, _BLOCK))
    uniform = torch.rand(count, generator=generator)
    for start in range(0, whole, _AT_ONCE):
        part = slice(start, min(start + _AT_ONCE, whole))
        numbers[part] = _of_blocks(uniform[part])
    if whole < count:
        # A last block is drawn for itself, and overlaps the one before it.
        numbers[-_BLOCK:] = _of_blocks(torch.rand(_BLOCK, generator=generator))
    return numbers[-count:]


def normal_pairs(u: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
    """Two independent standard normal numbers, float64, of each two uniform ones in [0, 1)."""
    radius = square_root(-2 * _log(1 - u))
    cosine, sine = _turn(v)
    return radius * cosine, radius * sine


def _of_blocks(uniform: Tensor) -> Tensor:
    u, v = uniform.double().view(-1, 2, _BLOCK // 2).unbind(1)
    return torch.stack(normal_pairs(u, v), dim=1).flatten().float()


def _log(x: Tensor) -> Tensor:
    """The natural logarithm of numbers > 0."""
    mantissa, exponent = torch.frexp(x)
    small = mantissa < _ROOT_HALF
    f = torch.where(small, mantissa + mantissa, mantissa) - 1
    power = torch.where(small, exponent - 1, exponent).double()
    square = f * f
    y = f * (square * _polynomial(_LOG_P, f) / _polynomial(_LOG_Q, f))
    y = y - power * 2.121944400546905827679e-4 - 0.5 * square
    return f + y + power * 0.693359375


def _turn(share: Tensor) -> tuple[Tensor, Tensor]:
    """Cosine and sine of a share of the whole circle, in [0, 1)."""
    quarter = (4 * share).round()
    angle = (4 * share - quarter) * _HALF_PI
    square = angle * angle
    cosine = 1 - 0.5 * square + square * square * _polynomial(_COSINE, square)
    sine = angle + angle * square * _polynomial(_SINE, square)
    odd, turned = quarter % 2 == 1, quarter % 4
    cosine, sine = torch.where(odd, sine, cosine), torch.where(odd, cosine, sine)
    return torch.where((turned == 1) | (turned == 2), -cosine, cosine), torch.where(turned >= 2, -sine, sine)


def _polynomial(coefficients: Sequence[float], x: Tensor) -> Tensor:
    y = torch.full_like(x, coefficients[0])
    for coefficient in coefficients[1:]:
        y = y * x + coefficient
    return y
