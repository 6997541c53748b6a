from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch
from torch import nn

from edgewise.training.optimizer import Optimizer, OptimizerSpec
from tests.tiny import decoder, weights


def test_cosine_schedule_values() -> None:
    spec = OptimizerSpec(learning_rate=2.0, warmup=0.1, final=0.1)
    rates = [spec.learning_rate_at(step, 100) for step in range(100)]
    # Warm-up never starts at 0, which would waste an update, and never reaches the peak early.
    assert rates[:10] == pytest.approx([2.0 * (step + 1) / 11 for step in range(10)])
    assert rates[10] == 2.0 == max(rates)
    assert rates[55] == pytest.approx(0.5 * (2.0 + 0.2))
    assert rates[99] == pytest.approx(0.2 + 0.9 * (1 + math.cos(math.pi * 89 / 90)))
    assert spec.learning_rate_at(100, 100) == pytest.approx(0.2)
    assert all(left < right for left, right in pairwise(rates[:11]))
    assert all(left > right for left, right in pairwise(rates[10:]))


def test_constant_schedule_values() -> None:
    spec = OptimizerSpec(learning_rate=0.5, schedule="constant", warmup=0.25)
    assert [spec.learning_rate_at(step, 8) for step in range(8)] == pytest.approx([0.5 / 3, 1.0 / 3, *[0.5] * 6])


def test_no_warmup_starts_at_the_peak() -> None:
    assert OptimizerSpec(learning_rate=0.5, warmup=0.0).learning_rate_at(0, 10) == 0.5


def test_a_schedule_of_one_step() -> None:
    assert 0 < OptimizerSpec(learning_rate=0.5).learning_rate_at(0, 1) <= 0.5


def one_weight(spec: OptimizerSpec, shape: tuple[int, ...], gradient: float) -> tuple[nn.Parameter, Optimizer]:
    weight = nn.Parameter(torch.full(shape, 2.0))
    weight.grad = torch.full(shape, gradient)
    return weight, Optimizer(nn.ParameterDict({"w": weight}), spec)


def test_first_step_is_adamw_by_hand() -> None:
    spec = OptimizerSpec(weight_decay=0.1, clip=1e9)
    weight, optimizer = one_weight(spec, (1, 1), gradient=3.0)
    norm = optimizer.step(0.01)
    # Decoupled decay, then a first step of exactly the learning rate against the gradient's sign.
    assert weight.item() == pytest.approx(2.0 * (1 - 0.01 * 0.1) - 0.01, abs=1e-6)
    assert norm == pytest.approx(3.0)
    assert weight.grad is None


def test_vectors_do_not_decay() -> None:
    weight, optimizer = one_weight(OptimizerSpec(weight_decay=0.5), (4,), gradient=0.0)
    optimizer.step(0.1)
    assert weight.tolist() == [2.0] * 4


def test_gradient_is_clipped_and_the_norm_before_it_returned() -> None:
    spec = OptimizerSpec(clip=0.5, weight_decay=0.0)
    _, optimizer = one_weight(spec, (4,), gradient=10.0)
    assert optimizer.step(0.1) == pytest.approx(20.0)
    # The first moment is (1 - beta_1) times the clipped gradient, of norm 0.5.
    assert float(optimizer.tensors()["w/exp_avg"].norm()) == pytest.approx(0.1 * 0.5, rel=1e-4)


def fake_step(model: nn.Module, optimizer: Optimizer, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    for parameter in model.parameters():
        parameter.grad = torch.randn(parameter.shape, generator=generator)
    optimizer.step(1e-2)


def test_state_round_trip_goes_on_with_the_same_bits() -> None:
    spec = OptimizerSpec()
    model = decoder()
    optimizer = Optimizer(model, spec)
    assert optimizer.tensors() == {}
    for seed in range(3):
        fake_step(model, optimizer, seed)
    again = decoder(seed=9)
    again.load_state_dict(model.state_dict())
    other = Optimizer(again, spec)
    other.load(optimizer.tensors())
    assert set(other.tensors()) == {f"{n}/{m}" for n in weights(model) for m in ("step", "exp_avg", "exp_avg_sq")}
    for seed in range(3, 6):
        fake_step(model, optimizer, seed)
        fake_step(again, other, seed)
    for name, tensor in weights(model).items():
        assert torch.equal(tensor, weights(again)[name])
    for name, tensor in optimizer.tensors().items():
        assert torch.equal(tensor, other.tensors()[name])


def test_load_copies_so_that_two_runs_do_not_share_moments() -> None:
    model = decoder()
    optimizer = Optimizer(model, OptimizerSpec())
    fake_step(model, optimizer, 0)
    saved = {name: tensor.clone() for name, tensor in optimizer.tensors().items()}
    other = Optimizer(decoder(), OptimizerSpec())
    other.load(saved)
    for parameter in other.parameters.values():
        parameter.grad = torch.ones_like(parameter)
    other.step(1e-2)
    assert all(torch.equal(saved[name], tensor) for name, tensor in optimizer.tensors().items())


def test_restored_moments_lie_where_the_parameters_lie() -> None:
    """A checkpoint is read on the CPU; the fused update needs the moments on the model's device."""
    model = decoder()
    optimizer = Optimizer(model, OptimizerSpec())
    fake_step(model, optimizer, 0)
    state = optimizer.tensors()
    elsewhere = Optimizer(decoder(), OptimizerSpec())
    elsewhere.parameters = {name: nn.Parameter(p.detach().to("meta")) for name, p in elsewhere.parameters.items()}
    elsewhere.load(state)
    assert elsewhere.tensors().keys() == state.keys()
    assert {tensor.device.type for tensor in elsewhere.tensors().values()} == {"meta"}
