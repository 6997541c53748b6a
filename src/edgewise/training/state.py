"""What a loop carries from step to step, as named tensors: saved in checkpoints and restored from them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import torch
from torch import Tensor, nn

from edgewise.core.errors import InputError


class State(Protocol):
    """Anything that a resumed run must have back bit for bit."""

    def tensors(self) -> dict[str, Tensor]:
        """All of it, by name."""

    def load(self, tensors: dict[str, Tensor]) -> None:
        """Take back what `tensors` gave, in place of what is there; InputError where it does not fit."""


class Weights:
    """The parameters of a module."""

    def __init__(self, module: nn.Module) -> None:
        self._module = module

    def tensors(self) -> dict[str, Tensor]:
        return dict(self._module.named_parameters())

    def load(self, tensors: dict[str, Tensor]) -> None:
        own = self.tensors()
        if {name: t.shape for name, t in tensors.items()} != {name: t.shape for name, t in own.items()}:
            raise InputError("checkpoint of another model")
        with torch.no_grad():
            for name, parameter in own.items():
                parameter.copy_(tensors[name])


class Together:
    """Several states as one; names are `part/name`."""

    def __init__(self, parts: Mapping[str, State]) -> None:
        self._parts = parts

    def tensors(self) -> dict[str, Tensor]:
        return {f"{part}/{name}": t for part, state in self._parts.items() for name, t in state.tensors().items()}

    def load(self, tensors: dict[str, Tensor]) -> None:
        found: dict[str, dict[str, Tensor]] = {part: {} for part in self._parts}
        for name, tensor in tensors.items():
            part, _, rest = name.partition("/")
            if part not in found:
                raise InputError(f"checkpoint of another kind of run: it has a part {part!r}")
            found[part][rest] = tensor
        for part, state in self._parts.items():
            state.load(found[part])
