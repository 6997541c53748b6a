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
from edgewise.training.execution import CPU, Execution
from edgewise.training.gradients import add_gradients
from edgewise.training.optimizer import Optimizer
from edgewise.training.sharding import Trained
from edgewise.training.state import CombinedState


class Critic(nn.Module):
    """A copy of a decoder with one output per token, 0 at first. Its state is its weights and their moments.

    `precision` is that of the decoder's layers.
    """

    def __init__(self, start: Decoder, spec: CriticSpec, precision: str = "fp32", execution: Execution = CPU) -> None:
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
        self._trained = Trained(self, precision, execution)
        self.optimizer = Optimizer(self._trained.module, spec.optimizer)
        self.state = CombinedState({"weights": self._trained, "optimizer": self.optimizer})

    def forward(self, micro_batch: MicroBatch) -> Tensor:
        """The expected reward [N] before each token with loss is drawn."""
        hidden_NW = hidden_of(self.trunk, micro_batch, self.precision).float()
        value_N1 = linear_layer(hidden_NW, self.value.weight, self.value.bias)
        return value_N1.squeeze(-1).clone()  # a sharded module must return no view

    def learn(self, minibatches: Sequence[Minibatch | None], epochs: int, execution: Execution) -> dict[str, float]:
        """One step per minibatch and epoch towards the returns.

        Returns value_loss, the mean per token, and value_grad_norm, the mean over the steps.
        """
        with_signal = [minibatch for minibatch in minibatches if minibatch is not None]
        if not with_signal:
            return {}
        with self._trained.updating():
            steps = [self._step(minibatch, execution) for _ in range(epochs) for minibatch in with_signal]
        losses, norms = zip(*steps, strict=True)
        return {"value_loss": sum(losses) / len(steps), "value_grad_norm": sum(norms) / len(steps)}

    def _step(self, minibatch: Minibatch, execution: Execution) -> tuple[float, float]:
        critic = self._trained.module

        def loss_of(micro_batch: MicroBatch) -> tuple[Tensor, float]:
            value_N = critic(micro_batch)
            loss_N = value_loss(value_N, micro_batch.values_N, micro_batch.returns_N, self.spec.clip)
            loss = total(loss_N) / minibatch.tokens
            return loss, float(loss.detach())

        loss = sum(add_gradients(critic, minibatch.micro_batches(execution), loss_of, execution))
        return loss, self.optimizer.step(self.spec.optimizer.learning_rate)


def value_loss(value_N: Tensor, old_value_N: Tensor, return_N: Tensor, clip: float) -> Tensor:
    """max((v - R)^2, (clip(v, v_old - c, v_old + c) - R)^2) / 2."""
    near_N = torch.clamp(value_N, old_value_N - clip, old_value_N + clip)
    return 0.5 * torch.maximum((value_N - return_N) ** 2, (near_N - return_N) ** 2)
