"""The policy as it was some steps ago: who writes where a sampler lags behind its trainer."""

from __future__ import annotations

import copy

import torch
from torch import Tensor

from edgewise.core.errors import InputError
from edgewise.model.decoder import Decoder


class Past:
    """Remembers the weights before each of the last `lag` steps; `writer` has the oldest of them.

    In the first `lag` steps the start model writes. With lag 0 the policy writes itself, and
    nothing is kept.
    """

    def __init__(self, policy: Decoder, lag: int) -> None:
        self._policy, self._lag = policy, lag
        self.writer = copy.deepcopy(policy).requires_grad_(False) if lag else policy
        self._weights = [self._snapshot() for _ in range(lag)]

    def advance(self) -> None:
        """Call in every step once its completions are written and before its first update."""
        if self._lag:
            self._weights = [*self._weights[1:], self._snapshot()]
            self._dress()

    def tensors(self) -> dict[str, Tensor]:
        return {f"{age}/{name}": t for age, weights in enumerate(self._weights) for name, t in weights.items()}

    def load(self, tensors: dict[str, Tensor]) -> None:
        if tensors.keys() != self.tensors().keys():
            raise InputError("checkpoint of another staleness")
        for age, weights in enumerate(self._weights):
            for name, tensor in weights.items():
                tensor.copy_(tensors[f"{age}/{name}"])
        if self._lag:
            self._dress()

    def _snapshot(self) -> dict[str, Tensor]:
        return {name: parameter.detach().clone() for name, parameter in self._policy.named_parameters()}

    def _dress(self) -> None:
        with torch.no_grad():
            for name, parameter in self.writer.named_parameters():
                parameter.copy_(self._weights[0][name])
