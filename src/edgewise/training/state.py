"""State: what a training loop carries from step to step, as named tensors that a checkpoint saves and restores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import torch
from torch import Tensor, nn

from edgewise.core.errors import InputError
from edgewise.training.sharded_tensors import own_rows, sharded_like


class State(Protocol):
    """State of a training loop, which a resumed run restores bit for bit."""

    def tensors(self) -> dict[str, Tensor]:
        """All tensors by name."""

    def load(self, tensors: dict[str, Tensor]) -> None:
        """Restore what `tensors` returned; InputError where it does not fit."""


class ModuleState:
    """State of a module: its parameters, whole or sharded, which take back either."""

    def __init__(self, module: nn.Module) -> None:
        self._module = module

    def tensors(self) -> dict[str, Tensor]:
        return dict(self._module.named_parameters())

    def load(self, tensors: dict[str, Tensor]) -> None:
        parameters = self.tensors()
        if {name: t.shape for name, t in tensors.items()} != {name: t.shape for name, t in parameters.items()}:
            raise InputError("checkpoint of another model")
        with torch.no_grad():
            for name, parameter in parameters.items():
                own_rows(parameter).copy_(own_rows(sharded_like(tensors[name], parameter)))


class CombinedState:
    """State of several parts; the names are `part/name`."""

    def __init__(self, parts: Mapping[str, State]) -> None:
        self._parts = parts

    def tensors(self) -> dict[str, Tensor]:
        return {f"{part}/{name}": t for part, state in self._parts.items() for name, t in state.tensors().items()}

    def load(self, tensors: dict[str, Tensor]) -> None:
        of_part: dict[str, dict[str, Tensor]] = {part: {} for part in self._parts}
        for name, tensor in tensors.items():
            part, _, rest = name.partition("/")
            if part not in of_part:
                raise InputError(f"checkpoint of another kind of run: it has a part {part!r}")
            of_part[part][rest] = tensor
        for part, state in self._parts.items():
            state.load(of_part[part])
