"""AdamW and the gradient's norm by the kernels: torch's, over many steps."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from edgewise.training.optimizer import Optimizer, OptimizerSpec
from tests.model.native.present import needs_kernels

pytestmark = needs_kernels

SHAPES = ((1,), (3, 5), (16,), (40, 33), (7, 16))


def test_many_steps_are_torchs_in_double_precision() -> None:
    spec = OptimizerSpec(weight_decay=0.1, clip=2.0, beta_2=0.95)
    generator = torch.Generator().manual_seed(1)
    start = [torch.randn(*shape, generator=generator) for shape in SHAPES]
    ours, theirs = (
        nn.ParameterDict({str(i): nn.Parameter(x.to(dtype, copy=True)) for i, x in enumerate(start)})
        for dtype in (torch.float32, torch.float64)
    )
    native, twin = Optimizer(ours, spec), Optimizer(theirs, spec)
    for step in range(30):
        for i, x in enumerate(start):
            # One has no gradient at times: its own steps are counted.
            gradient = None if i == 2 and step % 3 == 0 else torch.randn(*x.shape, generator=generator)
            ours[str(i)].grad = gradient
            theirs[str(i)].grad = None if gradient is None else gradient.double()
        norms = [optimizer.step(1e-2) for optimizer in (native, twin)]
        assert norms[0] == pytest.approx(norms[1], rel=1e-6)
    assert native.tensors().keys() == twin.tensors().keys()
    for name, value in native.tensors().items():
        torch.testing.assert_close(value.double(), twin.tensors()[name].double(), atol=1e-6, rtol=1e-5)
    for name, parameter in ours.items():
        torch.testing.assert_close(parameter.double(), theirs[name], atol=3e-6, rtol=1e-5)


def test_a_gradient_that_is_no_number_is_seen_in_the_norm_and_the_weights() -> None:
    weight = nn.Parameter(torch.ones(20))
    weight.grad = torch.full((20,), float("nan"))
    assert Optimizer(nn.ParameterDict({"w": weight}), OptimizerSpec()).step(0.1) != 0
    assert weight.isnan().all()


def test_a_gradient_that_does_not_stand_in_order_is_read_in_order() -> None:
    weight = nn.Parameter(torch.zeros(4, 3))
    weight.grad = torch.arange(12.0).view(3, 4).T
    optimizer = Optimizer(nn.ParameterDict({"w": weight}), OptimizerSpec(clip=1e9, weight_decay=0.0))
    optimizer.step(0.1)
    torch.testing.assert_close(optimizer.tensors()["w/exp_avg"], 0.1 * torch.arange(12.0).view(3, 4).T)
