"""Probe of the policy before the updates of a step: exact entropy, and exact KL to start and reference."""

from __future__ import annotations

import torch

from edgewise.rl.batch import MicroBatch, Minibatch, logits_of
from edgewise.rl.kl import entropy, exact_kl
from edgewise.rl.models import Models
from edgewise.rollouts.rollouts import Rollouts
from edgewise.training.execution import Execution


@torch.no_grad()
def probe(
    models: Models, rollouts: Rollouts, temperature: float, execution: Execution, precision: str = "fp32"
) -> dict[str, float]:
    """Exact entropy of the policy, and its exact KL to start and reference, with the layers in `precision`.

    Nats per token, means over the `probe_tokens` tokens of each group's first sample.
    """
    cells = [(p, 0) for p in range(len(rollouts.problems))]
    first_samples = Minibatch.of(rollouts, cells, torch.ones(len(cells), 1))
    names = ("entropy", "kl_to_start", "kl_to_reference")

    def sums_of(micro_batch: MicroBatch) -> tuple[float, ...]:
        logits_NV = logits_of(models.policy, micro_batch, temperature, precision)
        to_start = float(exact_kl(logits_NV, logits_of(models.start, micro_batch, temperature, precision)).sum())
        to_reference = to_start
        if models.reference is not models.start:
            reference_NV = logits_of(models.reference, micro_batch, temperature, precision)
            to_reference = float(exact_kl(logits_NV, reference_NV).sum())
        return float(entropy(logits_NV).sum()), to_start, to_reference

    micro_batches = first_samples.micro_batches(execution)
    gathered = execution.distributed.all_gather(list(execution.map_in_order(sums_of, micro_batches)))
    totals = map(sum, zip(*gathered, strict=True))
    means = {name: total / first_samples.tokens for name, total in zip(names, totals, strict=True)}
    return means | {"probe_tokens": float(first_samples.tokens)}
