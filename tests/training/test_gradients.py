from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from edgewise.training.gradients import add_gradients


def layer(seed: int = 0) -> nn.Linear:
    torch.manual_seed(seed)
    return nn.Linear(40, 30)


def parts() -> list[Tensor]:
    generator = torch.Generator().manual_seed(1)
    return [torch.randn(5, 40, generator=generator) for _ in range(11)]


def gradients(monkeypatch: pytest.MonkeyPatch, threads: int) -> tuple[list[Tensor], list[float]]:
    monkeypatch.setenv("OMP_NUM_THREADS", str(threads))
    model = layer()
    found = add_gradients(model, parts(), lambda x: ((loss := model(x).square().sum()), float(loss.detach())))
    grads = [parameter.grad for parameter in model.parameters()]
    assert all(grad is not None for grad in grads)
    return [grad for grad in grads if grad is not None], found


def test_the_sum_is_that_of_one_backward_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    model = layer()
    sum(model(x).square().sum() for x in parts()).backward()
    for parameter, found in zip(model.parameters(), gradients(monkeypatch, 1)[0], strict=True):
        torch.testing.assert_close(found, parameter.grad)


def test_the_bits_do_not_depend_on_the_number_of_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    one, losses = gradients(monkeypatch, 1)
    for threads in (2, 3):
        several, same = gradients(monkeypatch, threads)
        assert same == losses
        assert all(torch.equal(a, b) for a, b in zip(one, several, strict=True))


def test_gradients_add_to_those_that_are_there_and_frozen_ones_stay_none() -> None:
    model = layer()
    model.bias.requires_grad_(False)
    for _ in range(2):
        add_gradients(model, parts()[:1], lambda x: (model(x).sum(), None))
    assert model.bias.grad is None and model.weight.grad is not None
    torch.testing.assert_close(model.weight.grad, 2 * parts()[0].sum(0).expand(30, 40))


def test_a_parameter_that_a_part_does_not_use_is_left_out() -> None:
    model = nn.ModuleList([nn.Linear(3, 1), nn.Linear(3, 1)])
    add_gradients(model, [torch.ones(2, 3)], lambda x: (model[0](x).sum(), None))
    assert model[1].weight.grad is None and model[0].weight.grad is not None


def test_what_a_loss_raises_is_raised() -> None:
    def broken(x: Tensor) -> tuple[Tensor, None]:
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        add_gradients(layer(), parts(), broken)
