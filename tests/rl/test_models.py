from __future__ import annotations

import pytest
import torch

from edgewise.core.errors import InputError
from edgewise.rl.models import StalePolicy

from .bandit import decoder


def numbered(model: torch.nn.Module, number: float) -> None:
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(number)


def number(model: torch.nn.Module) -> float:
    return float(next(model.parameters()).detach().flatten()[0])


@pytest.mark.parametrize("lag", [0, 1, 3])
def test_the_writer_is_the_policy_of_lag_steps_ago(lag: int) -> None:
    policy = decoder()
    numbered(policy, 0)
    past = StalePolicy(policy, lag)
    written = []
    for step in range(8):
        written.append(number(past.decoder))
        past.advance()
        numbered(policy, step + 1)  # the update
    assert written == [max(0, step - lag) for step in range(8)]


def test_the_past_comes_back_from_its_state() -> None:
    policy = decoder()
    past = StalePolicy(policy, 2)
    for step in range(5):
        past.advance()
        numbered(policy, step)
    saved = {name: tensor.clone() for name, tensor in past.tensors().items()}
    again = StalePolicy(policy, 2)
    again.load(saved)
    assert number(again.decoder) == number(past.decoder) == 2.0
    again.advance()
    assert number(again.decoder) == 3.0
    with pytest.raises(InputError, match="staleness"):
        StalePolicy(policy, 1).load(saved)


def test_without_a_lag_nothing_is_kept() -> None:
    policy = decoder()
    past = StalePolicy(policy, 0)
    assert past.decoder is policy and past.tensors() == {}
