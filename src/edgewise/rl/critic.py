"""The critic: what reward to expect before each token, learnt from the same batches as the policy."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from edgewise.model.decoder import Decoder
from edgewise.rl.batch import Batch, Part, hidden_of
from edgewise.rl.recipe import CriticSpec
from edgewise.training.execution import Execution
from edgewise.training.gradients import add_gradients
from edgewise.training.optimizer import Optimizer
from edgewise.training.state import Together, Weights


class Critic(nn.Module):
    """A copy of a decoder with one output per token, 0 at first. Its state is its weights and their moments."""

    def __init__(self, start: Decoder, spec: CriticSpec) -> None:
        super().__init__()
        self.spec = spec
        self.trunk = copy.deepcopy(start).requires_grad_(True)
        # The trunk's own head is not used; a tied one is the embedding, which is.
        if not start.spec.tied:
            self.trunk.head.requires_grad_(False)
        self.value = nn.Linear(start.spec.width, 1)
        nn.init.zeros_(self.value.weight)
        nn.init.zeros_(self.value.bias)
        self.to(start.embedding.weight.device)
        self.optimizer = Optimizer(self, spec.optimizer)
        self.state = Together({"weights": Weights(self), "optimizer": self.optimizer})

    def forward(self, part: Part) -> Tensor:
        """The expected reward [N] before each token with loss is drawn."""
        values: Tensor = self.value(hidden_of(self.trunk, part).float()).squeeze(-1)
        return values

    def learn(self, batches: Sequence[Batch | None], epochs: int, execution: Execution) -> dict[str, float]:
        """One step per batch and epoch towards the table "returns"; returns value_loss, the mean per token."""
        found: list[float] = []
        for _ in range(epochs):
            for batch in batches:
                if batch is not None:
                    found.append(self._step(batch, execution))
        return {"value_loss": sum(found) / len(found)} if found else {}

    def _step(self, batch: Batch, execution: Execution) -> float:
        def loss_of(part: Part) -> tuple[Tensor, float]:
            loss = value_loss(self(part), part["values"], part["returns"], self.spec.clip).sum() / batch.tokens
            return loss, float(loss.detach())

        total = sum(add_gradients(self, batch.parts(execution), loss_of, execution))
        self.optimizer.step(self.spec.optimizer.learning_rate)
        return total


def value_loss(value_N: Tensor, old_value_N: Tensor, return_N: Tensor, clip: float) -> Tensor:
    """max((v - R)^2, (clip(v, v_old - c, v_old + c) - R)^2) / 2."""
    near_N = torch.clamp(value_N, old_value_N - clip, old_value_N + clip)
    return 0.5 * torch.maximum((value_N - return_N) ** 2, (near_N - return_N) ** 2)
