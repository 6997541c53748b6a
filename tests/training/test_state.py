from __future__ import annotations

import pytest
import torch
from torch import nn

from edgewise.core.errors import InputError
from edgewise.training.state import CombinedState, ModuleState


def test_states_together_come_back_part_by_part() -> None:
    one, other = nn.Linear(2, 3), nn.Linear(3, 2)
    saved = {
        n: t.detach().clone()
        for n, t in CombinedState({"a": ModuleState(one), "b": ModuleState(other)}).tensors().items()
    }
    assert set(saved) == {"a/weight", "a/bias", "b/weight", "b/bias"}


def test_loading_replaces_every_part() -> None:
    saved = CombinedState({"a": ModuleState(nn.Linear(2, 3)), "b": ModuleState(nn.Linear(3, 2))})
    loaded = CombinedState({"a": ModuleState(nn.Linear(2, 3)), "b": ModuleState(nn.Linear(3, 2))})
    assert not torch.equal(saved.tensors()["a/weight"], loaded.tensors()["a/weight"])
    loaded.load(saved.tensors())
    assert all(torch.equal(tensor, loaded.tensors()[name]) for name, tensor in saved.tensors().items())


@pytest.mark.parametrize("tensors", [{}, {"weight": torch.zeros(3, 2)}, {"weight": torch.zeros(9, 9), "bias": None}])
def test_weights_of_another_shape_are_refused(tensors: dict[str, torch.Tensor]) -> None:
    given = {name: torch.zeros(3) if tensor is None else tensor for name, tensor in tensors.items()}
    with pytest.raises(InputError, match="another model"):
        ModuleState(nn.Linear(2, 3)).load(given)


def test_a_part_that_nobody_has_is_refused() -> None:
    with pytest.raises(InputError, match="'critic'"):
        CombinedState({"a": ModuleState(nn.Linear(2, 3))}).load({"critic/weight": torch.zeros(1)})
