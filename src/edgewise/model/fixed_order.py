"""Sums, exponentials, logarithms and linear layers with the same bits on every CPU, differentiable.

Torch's own depend on the vector instructions that it finds: on the order of a sum, and on which polynomial stands for a
logarithm. The functions here are those of the compiled kernels for float32 on a CPU, in an order that their source
fixes. Elsewhere (on a GPU, in other precisions, without kernels) torch computes the same up to rounding, which is what
the kernels are tested against.

Torch's `+ - * /`, `clamp`, `where`, `maximum`, indexing and comparisons are exact whatever the instructions,
and need no twin here. What sums behind one's back does: a broadcast operand that needs a gradient, and an index with
repeated rows (`take_rows`).
"""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from edgewise.model.native import library
from edgewise.model.native.library import check_status


def linear_layer(x_NI: Tensor, weight_OI: Tensor, bias_O: Tensor | None = None, *, precision: str = "fp32") -> Tensor:
    """x W^T + b, [N, outputs]; the derivative of W sums over the rows in their order.

    In `precision` "bf16" kernels that multiply bfloat16 keep 16 bits of each number, instead of FP32's 24, and 8 of
    each for the derivatives. Torch, and other kernels, compute it in FP32 in any case.
    """
    if not served_by_kernels(x_NI, weight_OI):
        return F.linear(x_NI, weight_OI, bias_O)
    in_bf16 = precision == "bf16" and library.loaded_kernels().multiplies_bf16
    y_NO: Tensor = _Linear.apply(x_NI, weight_OI, in_bf16)  # type: ignore[no-untyped-call]
    return y_NO if bias_O is None else _apply(_AddToRows, y_NO, bias_O)


def total(x: Tensor) -> Tensor:
    """The sum over the last dimension, [...]; of float32 it is taken in double precision and rounded once."""
    return _apply(_Total, x) if served_by_kernels(x) or served_by_kernels(x, dtype=torch.float64) else x.sum(-1)


def average(x: Tensor) -> Tensor:
    """The mean over the last dimension, [...]."""
    return total(x) / x.shape[-1]


def exponential(x: Tensor) -> Tensor:
    """e^x of each number."""
    return _apply(_Exponential, x) if served_by_kernels(x) else x.exp()


def exponential_minus_one(x: Tensor) -> Tensor:
    """e^x - 1 of each number, exact next to 0."""
    return _apply(_ExponentialMinusOne, x) if served_by_kernels(x) else torch.expm1(x)


def square_root(x: Tensor) -> Tensor:
    """The square root of each number, a constant without gradient.

    Numpy's is rounded correctly. Torch's is that of MKL where it was built with it, whose last bit depends on the CPU.
    """
    of_numpy = x.device.type == "cpu" and x.dtype in (torch.float32, torch.float64)
    return torch.as_tensor(np.sqrt(x.numpy())) if of_numpy else x.sqrt()


def log_softmax(logits_NV: Tensor) -> Tensor:
    """log p_v of the softmax of each row, [N, V]."""
    return _apply(_LogSoftmax, logits_NV) if served_by_kernels(logits_NV) else torch.log_softmax(logits_NV, dim=-1)


def token_logp(logits_NV: Tensor, token_N: Tensor) -> Tensor:
    """log p_token of the softmax of each row, [N]: one entry of `log_softmax`, without the others."""
    if served_by_kernels(logits_NV):
        return _apply(_TokenLogp, logits_NV, token_N)
    return torch.log_softmax(logits_NV, dim=-1).gather(1, token_N.unsqueeze(1)).squeeze(1)


def take_rows(x_MW: Tensor, index_N: Tensor) -> Tensor:
    """x[index], [N, ...]; a row that is taken several times sums its derivatives in their order."""
    return _apply(_TakeRows, x_MW, index_N) if served_by_kernels(x_MW) else x_MW[index_N]


def power(base: float, exponent: int) -> float:
    """base^exponent for a whole exponent >= 0 by repeated squaring, whatever the C library's `pow`."""
    result = 1.0
    while exponent:
        if exponent & 1:
            result *= base
        base *= base
        exponent >>= 1
    return result


def served_by_kernels(*tensors: Tensor, dtype: torch.dtype = torch.float32) -> bool:
    """Whether the compiled kernels compute these: numbers of that type on a CPU, where there are kernels."""
    of_kernels = all(tensor.device.type == "cpu" and tensor.dtype == dtype for tensor in tensors)
    return of_kernels and library.find_kernels() is not None


def _apply(function: type[torch.autograd.Function], *arguments: Tensor) -> Tensor:
    result: Tensor = function.apply(*arguments)
    return result


def _functions() -> ctypes.CDLL:
    return library.loaded_kernels().functions


def _of_each(name: str, x: Tensor) -> Tensor:
    x = x.contiguous()
    y = torch.empty_like(x)
    getattr(_functions(), f"edgewise_{name}")(x.numel(), x.data_ptr(), y.data_ptr())
    return y


class _Linear(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x_NI: Tensor, weight_OI: Tensor, in_bf16: bool) -> Tensor:
        x_NI, weight_OI = x_NI.contiguous(), weight_OI.contiguous()
        ctx.save_for_backward(x_NI, weight_OI)
        ctx.in_bf16 = in_bf16
        y_NO = torch.empty(len(x_NI), len(weight_OI))
        sizes = (len(x_NI), len(weight_OI), x_NI.shape[1], in_bf16)
        check_status(_functions().edgewise_linear(*sizes, x_NI.data_ptr(), weight_OI.data_ptr(), y_NO.data_ptr()))
        return y_NO

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_NO: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        x_NI, weight_OI = ctx.saved_tensors
        d_NO = d_NO.contiguous()
        d_x = torch.empty_like(x_NI) if ctx.needs_input_grad[0] else None
        # Without rows nothing is written.
        d_weight = torch.zeros_like(weight_OI) if ctx.needs_input_grad[1] else None
        check_status(
            _functions().edgewise_linear_backward(
                *(len(x_NI), len(weight_OI), x_NI.shape[1], ctx.in_bf16),
                *(x_NI.data_ptr(), weight_OI.data_ptr(), d_NO.data_ptr()),
                *(None if d is None else d.data_ptr() for d in (d_x, d_weight)),
            )
        )
        return d_x, d_weight, None


class _AddToRows(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, y_NO: Tensor, bias_O: Tensor) -> Tensor:
        return y_NO + bias_O

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_NO: Tensor) -> tuple[Tensor, Tensor]:
        return d_NO, total(d_NO.T)


class _Total(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        x = x.contiguous()
        ctx.shape = x.shape
        y = x.new_empty(x.shape[:-1])
        functions = _functions()
        sums = functions.edgewise_sums if x.dtype == torch.float32 else functions.edgewise_double_sums
        sums(y.numel(), x.shape[-1], x.data_ptr(), y.data_ptr())
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d: Tensor) -> Tensor:
        return d.unsqueeze(-1).expand(ctx.shape)


class _Exponential(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        y = _of_each("exponentials", x)
        ctx.save_for_backward(y)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d: Tensor) -> Tensor:
        y: Tensor = ctx.saved_tensors[0]
        return d * y


class _ExponentialMinusOne(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        y = _of_each("exponentials_minus_one", x)
        ctx.save_for_backward(y)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d: Tensor) -> Tensor:
        y: Tensor = ctx.saved_tensors[0]
        return d * (y + 1)


class _LogSoftmax(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, logits_NV: Tensor) -> Tensor:
        top_N, log_sum_N = _log_sums(logits_NV).unbind(1)
        logp_NV = logits_NV - top_N.unsqueeze(1) - log_sum_N.unsqueeze(1)
        ctx.save_for_backward(logp_NV)
        return logp_NV

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_NV: Tensor) -> Tensor:
        (logp_NV,) = ctx.saved_tensors
        d_NV = d_NV.contiguous()
        d_logits = torch.empty_like(logp_NV)
        _functions().edgewise_log_softmax_backward(
            *logp_NV.shape, logp_NV.data_ptr(), d_NV.data_ptr(), d_logits.data_ptr()
        )
        return d_logits


class _TokenLogp(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, logits_NV: Tensor, token_N: Tensor) -> Tensor:
        logits_NV = logits_NV.contiguous()
        log_sums_N2 = _log_sums(logits_NV)
        ctx.save_for_backward(logits_NV, token_N, log_sums_N2)
        top_N, log_sum_N = log_sums_N2.unbind(1)
        return logits_NV.gather(1, token_N.unsqueeze(1)).squeeze(1) - top_N - log_sum_N

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_N: Tensor) -> tuple[Tensor, None]:
        logits_NV, token_N, log_sums_N2 = ctx.saved_tensors
        d_logits, d_sums_N = torch.empty_like(logits_NV), -d_N
        _functions().edgewise_log_sums_backward(
            *logits_NV.shape, *(tensor.data_ptr() for tensor in (logits_NV, log_sums_N2, d_sums_N, d_logits))
        )
        d_logits[torch.arange(len(token_N)), token_N] += d_N
        return d_logits, None


class _TakeRows(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x_MW: Tensor, index_N: Tensor) -> Tensor:
        ctx.save_for_backward(index_N.contiguous())
        ctx.shape = x_MW.shape
        return x_MW[index_N]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_NW: Tensor) -> tuple[Tensor, None]:
        (index_N,) = ctx.saved_tensors
        d_NW, d_x = d_NW.contiguous(), d_NW.new_zeros(ctx.shape)
        width = d_x[0].numel() if len(d_x) else 0
        _functions().edgewise_add_rows(len(index_N), width, index_N.data_ptr(), d_NW.data_ptr(), d_x.data_ptr())
        return d_x, None


def _log_sums(logits_NV: Tensor) -> Tensor:
    """The largest of each row and log(sum of e^(x - largest)), [N, 2]."""
    logits_NV = logits_NV.contiguous()
    log_sums_N2 = torch.empty(len(logits_NV), 2)
    _functions().edgewise_log_sums(*logits_NV.shape, logits_NV.data_ptr(), log_sums_N2.data_ptr())
    return log_sums_N2
