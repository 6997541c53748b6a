"""Functions of a fixed order: torch's values and derivatives in double precision, whatever the shape."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from edgewise.model import fixed_order
from tests.model.native.present import needs_kernels

pytestmark = needs_kernels

# Lengths around those of a vector, a block of rows, and what a panel holds.
LENGTHS = (1, 2, 15, 16, 17, 31, 33, 100)


def random(*shape: int, seed: int = 1, scale: float = 1.0) -> Tensor:
    return scale * torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def agree(ours: Callable[..., Tensor], theirs: Callable[..., Tensor], *inputs: Tensor, atol: float = 2e-6) -> None:
    """Value and derivatives, along a direction, as torch has them in double precision."""
    single = [x.clone().requires_grad_() for x in inputs]
    double = [x.double().requires_grad_() for x in inputs]
    value, expected = ours(*single), theirs(*double)
    assert value.dtype == torch.float32
    torch.testing.assert_close(value.double(), expected, atol=atol, rtol=2e-6)
    direction = random(*value.shape, seed=9)
    found = torch.autograd.grad(value, single, direction)
    wanted = torch.autograd.grad(expected, double, direction.double())
    for gradient, right in zip(found, wanted, strict=True):
        torch.testing.assert_close(gradient.double(), right, atol=2e-5, rtol=2e-5)


def changes_as_said(function: Callable[[Tensor], Tensor], x: Tensor) -> None:
    """The derivative is what the value changes by, which asks no other derivative."""
    direction, weight = random(*x.shape, seed=3), random(*function(x).shape, seed=4)
    x = x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad((function(x) * weight).sum(), x)
    with torch.no_grad():
        step = 1e-2
        up, down = ((function(x + sign * step * direction) * weight).double().sum() for sign in (1, -1))
    assert float((gradient * direction).sum()) == pytest.approx(float(up - down) / (2 * step), rel=1e-2, abs=1e-2)


@pytest.mark.parametrize("columns", LENGTHS)
@pytest.mark.parametrize("rows", [1, 5, 129])
def test_softmaxes_are_torchs(rows: int, columns: int) -> None:
    logits, token = random(rows, columns, scale=3.0), torch.randint(columns, (rows,))
    agree(fixed_order.log_softmax, lambda x: x.log_softmax(-1), logits)
    agree(
        lambda x: fixed_order.token_logp(x, token),
        lambda x: x.log_softmax(-1).gather(1, token.unsqueeze(1)).squeeze(1),
        logits,
    )
    changes_as_said(fixed_order.log_softmax, logits)
    changes_as_said(lambda x: fixed_order.token_logp(x, token), logits)


@pytest.mark.parametrize("inputs", LENGTHS)
@pytest.mark.parametrize(("rows", "outputs"), [(1, 1), (5, 33), (129, 16), (300, 77), (128, 64)])
def test_a_linear_layer_is_torchs(rows: int, outputs: int, inputs: int) -> None:
    x, weight, bias = random(rows, inputs), random(outputs, inputs, seed=2), random(outputs, seed=3)
    scale = math.sqrt(inputs)
    agree(fixed_order.linear_layer, F.linear, x, weight / scale, bias)
    agree(fixed_order.linear_layer, F.linear, x, weight / scale)
    changes_as_said(lambda y: fixed_order.linear_layer(y, weight / scale), x)
    changes_as_said(lambda w: fixed_order.linear_layer(x / math.sqrt(rows), w), weight / scale)


def test_a_linear_layer_of_no_row() -> None:
    weight = random(3, 4).requires_grad_()
    y = fixed_order.linear_layer(torch.zeros(0, 4), weight)
    assert y.shape == (0, 3)
    (gradient,) = torch.autograd.grad(y.sum(), weight)
    assert not gradient.any()
    assert float(fixed_order.total(torch.zeros(0))) == 0


@pytest.mark.parametrize("columns", LENGTHS)
def test_sums_are_torchs(columns: int) -> None:
    x = random(3, 2, columns)
    agree(fixed_order.total, lambda y: y.sum(-1), x)
    agree(fixed_order.average, lambda y: y.mean(-1), x)
    agree(fixed_order.total, lambda y: y.sum(-1), x.transpose(0, 1))
    torch.testing.assert_close(fixed_order.total(x.double()), x.double().sum(-1))
    assert fixed_order.total(x[0, 0]).shape == ()


def test_exponentials_are_torchs() -> None:
    x = torch.cat([torch.linspace(-20, 20, 1001), torch.linspace(-1e-3, 1e-3, 101), torch.zeros(1)])
    agree(fixed_order.exponential, torch.exp, x / 4)
    agree(fixed_order.exponential_minus_one, torch.expm1, x / 4)
    for ours, theirs in (
        (fixed_order.exponential, torch.exp),
        (fixed_order.exponential_minus_one, torch.expm1),
    ):
        torch.testing.assert_close(ours(x).double(), theirs(x.double()), rtol=3e-7, atol=0)
        far = torch.tensor([-math.inf, -200.0, -100.0, -88.0, 88.5, 89.0, math.inf])
        torch.testing.assert_close(ours(far), theirs(far), rtol=3e-7, atol=1.5e-45)
        assert ours(torch.tensor([math.nan, 1.0])).isnan().tolist() == [True, False]


def test_rows_that_are_taken_twice_sum_their_derivatives() -> None:
    index = torch.tensor([3, 0, 3, 3, 1])
    agree(lambda x: fixed_order.take_rows(x, index), lambda x: x[index], random(5, 7))
    agree(lambda x: fixed_order.take_rows(x, index), lambda x: x[index], random(5))


def test_roots_are_rounded_as_those_of_python() -> None:
    x = random(1000).square()
    assert fixed_order.square_root(x.double()).tolist() == [math.sqrt(number) for number in x.tolist()]
    assert fixed_order.square_root(x[0]).dtype == torch.float32


def test_a_power_by_squaring() -> None:
    for base in (0.9, 0.98, 0.0):
        for exponent in (0, 1, 2, 7, 1000):
            assert fixed_order.power(base, exponent) == pytest.approx(base**exponent, rel=1e-13)
