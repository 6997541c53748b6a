"""The models of one RL run: policy, start, reference, teacher, critic, and a stale copy of the policy."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import torch
from torch import Tensor

from edgewise.core.errors import InputError
from edgewise.model.decoder import Decoder
from edgewise.rl.advantages.base import CriticSpec
from edgewise.rl.critic import Critic
from edgewise.rl.kl import KlSpec
from edgewise.training.execution import CPU, Execution


@dataclass(frozen=True, slots=True)
class Models:
    """`policy` is trained; `start` is what it was at first; `reference` is the start until it is reset."""

    policy: Decoder
    start: Decoder
    reference: Decoder
    teacher: Decoder | None
    critic: Critic | None

    @classmethod
    def of(
        cls,
        policy: Decoder,
        teacher: Decoder | None,
        kl: KlSpec,
        critic: CriticSpec | None,
        precision: str = "fp32",
        execution: Execution = CPU,
    ) -> Models:
        """The models of a run that begins with this policy; the critic's layers run in `precision`."""
        start = copy.deepcopy(policy).requires_grad_(False)
        reference = copy.deepcopy(start) if kl.reset.kind != "never" else start
        return cls(policy, start, reference, teacher, Critic(start, critic, precision, execution) if critic else None)

    def kl_target(self, kl: KlSpec) -> Decoder:
        """The model that the KL term pulls the policy to."""
        if kl.target == "reference":
            return self.reference
        assert self.teacher is not None, "the trainer refuses recipes whose teacher is missing"
        return self.teacher


class StalePolicy:
    """The policy as it was `staleness` steps ago: `decoder` has those weights.

    In the first `staleness` steps they are those of the start model. With staleness 0 the policy itself is `decoder`,
    and nothing is kept.
    """

    def __init__(self, policy: Decoder, staleness: int) -> None:
        self._policy, self._staleness = policy, staleness
        self.decoder = copy.deepcopy(policy).requires_grad_(False) if staleness else policy
        # Weights before each of the last `staleness` steps, the oldest first.
        self._weights = [self._snapshot() for _ in range(staleness)]

    def advance(self) -> None:
        """Call in every step once its completions are written and before its first update."""
        if self._staleness:
            self._weights = [*self._weights[1:], self._snapshot()]
            self._load_oldest()

    def tensors(self) -> dict[str, Tensor]:
        return {f"{age}/{name}": t for age, weights in enumerate(self._weights) for name, t in weights.items()}

    def load(self, tensors: dict[str, Tensor]) -> None:
        """Take back what `tensors` gave; InputError where it is of another staleness."""
        if tensors.keys() != self.tensors().keys():
            raise InputError("checkpoint of another staleness")
        for age, weights in enumerate(self._weights):
            for name, tensor in weights.items():
                tensor.copy_(tensors[f"{age}/{name}"])
        if self._staleness:
            self._load_oldest()

    def _snapshot(self) -> dict[str, Tensor]:
        return {name: parameter.detach().clone() for name, parameter in self._policy.named_parameters()}

    def _load_oldest(self) -> None:
        with torch.no_grad():
            for name, parameter in self.decoder.named_parameters():
                parameter.copy_(self._weights[0][name])
