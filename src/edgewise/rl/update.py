"""The policy updates of one step: loss and gradient of each minibatch, one optimizer step for each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from edgewise.core.keyed import key
from edgewise.model.decoder import Decoder
from edgewise.model.fixed_order import exponential, total
from edgewise.rl.batch import MicroBatch, Minibatch, logits_of, logp_of, token_table
from edgewise.rl.kl import entropy
from edgewise.rl.losses.base import LossInputs
from edgewise.rl.recipe import LossSpec
from edgewise.training.execution import Execution
from edgewise.training.gradients import add_gradients
from edgewise.training.optimizer import Optimizer
from edgewise.training.sharding import Trained


@dataclass(frozen=True, slots=True)
class PolicyUpdate:
    """Makes the policy updates of a step; built once a run from the policy, its optimizer and the recipe's loss.

    `temperature` is that of the rollouts; the layers run in `precision`.
    """

    policy: Trained[Decoder]
    optimizer: Optimizer
    loss: LossSpec
    temperature: float
    precision: str
    execution: Execution

    def run(
        self,
        minibatches: Sequence[Minibatch | None],
        epochs: int,
        learning_rate: float,
        kl_target: Decoder | None = None,
        *,
        seed: int,
    ) -> dict[str, float]:
        """One optimizer step per minibatch and epoch; a minibatch without signal (None) makes none.

        `kl_target` is the model of the KL term in the loss; `seed` is of this step alone. Returns means over tokens, as
        weighted by the loss: what the policy loss measures, such as clip_fraction (tokens whose gradient the clip
        cuts); kl (as estimated, where there is a term); drift (log-ratio of the behavior policy to the policy before
        this step's updates, where they are not the same: an estimate of the KL between them). And means over updates:
        grad_norm and policy_loss. And ratio_max.

        With a single update the policy before it is the policy being trained, so that the old log-probabilities are the
        new ones, detached: a ratio is exactly 1. With several they are taken before the first by the same computation.
        """
        means = _TokenMeans()
        micro_batches_B = [minibatch.micro_batches(self.execution) if minibatch else [] for minibatch in minibatches]
        single = len(minibatches) * epochs == 1
        choosing = self.loss.function.chooses_tokens
        old_logp_B: list[list[Tensor | None]] = []
        chosen_B: list[list[Tensor | None]] = []
        for b, (minibatch, micro_batches) in enumerate(zip(minibatches, micro_batches_B, strict=True)):
            nothing: list[Tensor | None] = [None] * len(micro_batches)
            logps = nothing if single and not choosing else self._old_logp(micro_batches)
            old_logp_B.append(nothing if single else logps)
            choice_seed = key("chosen tokens", seed, b)
            chosen_B.append(
                self._chosen(minibatch, micro_batches, logps, choice_seed) if choosing and minibatch else nothing
            )
        norms = []
        with self.policy.updating():
            for _ in range(epochs):
                for minibatch, micro_batches, old_logps, chosen in zip(
                    minibatches, micro_batches_B, old_logp_B, chosen_B, strict=True
                ):
                    work = list(zip(micro_batches, old_logps, chosen, strict=True))
                    for measured in add_gradients(
                        self.policy.module, work, lambda item: self._loss(*item, kl_target), self.execution
                    ):
                        means.join(measured)
                    if minibatch:
                        norms.append(self.optimizer.step(learning_rate))
        if not norms:
            return {"grad_norm": 0.0} | means.results()
        return {"grad_norm": sum(norms) / len(norms), "policy_loss": means.loss / len(norms)} | means.results()

    @torch.no_grad()
    def _old_logp(self, micro_batches: Sequence[MicroBatch]) -> list[Tensor | None]:
        def logp(micro_batch: MicroBatch) -> Tensor:
            return logp_of(self._logits(self.policy.whole, micro_batch), micro_batch)

        return list(self.execution.map_in_order(logp, micro_batches))

    def _chosen(
        self, minibatch: Minibatch, micro_batches: Sequence[MicroBatch], logps: Sequence[Tensor | None], seed: int
    ) -> list[Tensor | None]:
        """The tokens that the loss chooses among all of the minibatch, those of other ranks included; bool [N] each."""
        assert minibatch.tables_DT is not None, "a batch that is trained on has advantages"
        advantage_DT = minibatch.tables_DT.advantage
        known = [logp_N for logp_N in logps if logp_N is not None]
        shape, distributed = advantage_DT.shape, self.execution.distributed
        logp_DT = token_table(micro_batches, known, shape, distributed)
        written_DT = token_table(micro_batches, map(torch.ones_like, known), shape, distributed) > 0
        chosen_DT = torch.zeros(advantage_DT.shape, dtype=torch.bool)
        chosen_DT[written_DT] = self.loss.function.choose(logp_DT[written_DT], advantage_DT[written_DT], seed)
        chosen_DT = chosen_DT.to(self.execution.device)
        return [chosen_DT[part.sample_index_N, part.token_index_N] for part in micro_batches]

    def _loss(
        self, micro_batch: MicroBatch, old_logp_N: Tensor | None, chosen_N: Tensor | None, kl_target: Decoder | None
    ) -> tuple[Tensor, _TokenMeans]:
        loss, means = self.loss, _TokenMeans()
        logits_NV = self._logits(self.policy.module, micro_batch)
        logp_N = logp_of(logits_NV, micro_batch)
        if old_logp_N is None:
            old_logp_N = logp_N.detach()
        importance_N = torch.ones_like(old_logp_N)
        rollout_logp_N = micro_batch.rollout_logp_N
        if rollout_logp_N is not None:
            means.add("drift", rollout_logp_N - old_logp_N, micro_batch)
            importance_N = loss.correction.weight(old_logp_N, rollout_logp_N)
            if loss.correction.ratio_to_rollout:
                old_logp_N = rollout_logp_N
        if chosen_N is None:
            chosen_N = torch.zeros_like(old_logp_N, dtype=torch.bool)
        inputs = LossInputs(
            logp_N,
            old_logp_N,
            micro_batch.advantage_N,
            micro_batch.sample_index_N,
            micro_batch.token_N,
            logits_NV,
            chosen_N,
        )
        loss_N, metrics = loss.function.per_token(inputs)
        loss_N = loss_N * importance_N
        for name, metric_N in metrics.items():
            means.add(name, metric_N, micro_batch)
        means.ratio(logp_N.detach() - old_logp_N)
        if loss.kl.in_loss:
            assert kl_target is not None
            with torch.no_grad():
                target_NV = self._logits(kl_target, micro_batch, loss.kl.temperature)
            kl_N = loss.kl.per_token(logits_NV, logp_N, target_NV, logp_of(target_NV, micro_batch))
            means.add("kl", kl_N.detach(), micro_batch)
            loss_N = loss_N + loss.kl.coefficient * kl_N
        if loss.entropy_bonus:
            loss_N = loss_N - loss.entropy_bonus * entropy(logits_NV)
        weighted = total(loss_N * micro_batch.weight_N)
        means.loss = float(weighted.detach())
        return weighted, means

    def _logits(self, model: Decoder, micro_batch: MicroBatch, softening: float = 1.0) -> Tensor:
        return logits_of(model, micro_batch, self.temperature * softening, self.precision)


class _TokenMeans:
    """Sums over the tokens of a step, as weighted by the loss; `loss` is the sum of the loss itself."""

    def __init__(self) -> None:
        self.loss = 0.0
        self._sums: dict[str, tuple[float, float]] = {}
        self._ratio_max = 1.0

    def add(self, name: str, value_N: Tensor, micro_batch: MicroBatch) -> None:
        value, weight = self._sums.get(name, (0.0, 0.0))
        weight_N = micro_batch.weight_N
        self._sums[name] = value + float(total(value_N * weight_N)), weight + float(total(weight_N))

    def join(self, other: _TokenMeans) -> None:
        for name, (other_value, other_weight) in other._sums.items():
            value, weight = self._sums.get(name, (0.0, 0.0))
            self._sums[name] = value + other_value, weight + other_weight
        self.loss += other.loss
        self._ratio_max = max(self._ratio_max, other._ratio_max)

    def ratio(self, log_ratio_N: Tensor) -> None:
        self._ratio_max = max(self._ratio_max, float(exponential(log_ratio_N.max())))

    def results(self) -> dict[str, float]:
        means = {name: value / weight for name, (value, weight) in self._sums.items()}
        return {"clip_fraction": 0.0} | means | {"ratio_max": self._ratio_max}
