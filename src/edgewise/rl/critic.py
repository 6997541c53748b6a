"""Critic: a value model that learns what reward to expect before each token, from the same batches as the policy."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from edgewise.model.decoder import Decoder
from edgewise.model.fixed_order import linear_layer, total
from edgewise.rl.advantages.base import CriticSpec
from edgewise.rl.batch import MicroBatch, Minibatch, hidden_of
from edgewise.training.execution import Execution
from edgewise.training.gradients import add_gradients
from edgewise.training.optimizer import Optimizer
from edgewise.training.state import CombinedState, ModuleState


class Critic(nn.Module):
    """A copy of a decoder with one output per token, 0 at first. Its state is its weights and their moments.

    `precision` is that of the decoder's layers.
    """

    def __init__(self, start: Decoder, spec: CriticSpec, precision: str = "fp32") -> None:
        super().__init__()
        self.spec, self.precision = spec, precision
        self.trunk = copy.deepcopy(start).requires_grad_(True)
        # The trunk's own head is not used; a tied one is the embedding, which is.
        if not start.spec.tied:
            self.trunk.head.requires_grad_(False)
        self.value = nn.Linear(start.spec.width, 1)
        nn.init.zeros_(self.value.weight)
        nn.init.zeros_(self.value.bias)
        self.to(start.embedding.weight.device)
        self.optimizer = Optimizer(self, spec.optimizer)
        self.state = CombinedState({"weights": ModuleState(self), "optimizer": self.optimizer})

    def forward(self, micro_batch: MicroBatch) -> Tensor:
        """The expected reward [N] before each token with loss is drawn."""
        hidden_NW = hidden_of(self.trunk, micro_batch, self.precision).float()
        return linear_layer(hidden_NW, self.value.weight, self.value.bias).squeeze(-1)

    def learn(self, minibatches: Sequence[Minibatch | None], epochs: int, execution: Execution) -> dict[str, float]:
        """One step per minibatch and epoch towards the returns.

        Returns value_loss, the mean per token, and value_grad_norm, the mean over the steps.
        """
        steps = [
            self._step(minibatch, execution)
            for _ in range(epochs)
            for minibatch in minibatches
            if minibatch is not None
        ]
        if not steps:
            return {}
        losses, norms = zip(*steps, strict=True)
        return {"value_loss": sum(losses) / len(steps), "value_grad_norm": sum(norms) / len(steps)}

    def _step(self, minibatch: Minibatch, execution: Execution) -> tuple[float, float]:
        def loss_of(micro_batch: MicroBatch) -> tuple[Tensor, float]:
            loss_N = value_loss(self(micro_batch), micro_batch.values_N, micro_batch.returns_N, self.spec.clip)
            loss = total(loss_N) / minibatch.tokens
            return loss, float(loss.detach())

        loss = sum(add_gradients(self, minibatch.micro_batches(execution), loss_of, execution))
        return loss, self.optimizer.step(self.spec.optimizer.learning_rate)


def value_loss(value_N: Tensor, old_value_N: Tensor, return_N: Tensor, clip: float) -> Tensor:
    """max((v - R)^2, (clip(v, v_old - c, v_old + c) - R)^2) / 2."""
    near_N = torch.clamp(value_N, old_value_N - clip, old_value_N + clip)
    return 0.5 * torch.maximum((value_N - return_N) ** 2, (near_N - return_N) ** 2)
