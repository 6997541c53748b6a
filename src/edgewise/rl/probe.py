"""Probe of the policy before the updates of a step: exact entropy, exact KL to start and reference, sampler's gap."""

from __future__ import annotations

import torch

from edgewise.model.fixed_order import total
from edgewise.rl.batch import MicroBatch, Minibatch, logits_of, logp_of
from edgewise.rl.kl import entropy, exact_kl
from edgewise.rl.models import Models
from edgewise.rl.recipe import Recipe
from edgewise.rollouts.rollouts import Rollouts
from edgewise.training.execution import Execution

# A probed token costs two to three times what another token of the step does: two or three models read it, and each
# prompt serves one completion. At these numbers the probe takes less than 3% of a step of a small model.
_STEPS_FOR_ONE, _SAMPLES_FOR_ONE = 4, 32
# Where the KL ends the run one sample in four of each group is read: of one in 32 it scatters by a quarter.
_SAMPLES_FOR_ONE_THAT_DECIDES = 4


def is_probed(step: int, recipe: Recipe) -> bool:
    """Whether the policy is probed at `step`: every fourth and the last; all where a KL resets or ends the run."""
    decides = recipe.stop_at_kl is not None or recipe.loss.kl.reset.kind == "kl"
    return decides or step % _STEPS_FOR_ONE == 0 or step == recipe.steps - 1


@torch.no_grad()
def probe(
    models: Models,
    rollouts: Rollouts,
    temperature: float,
    execution: Execution,
    precision: str = "fp32",
    *,
    by_policy: bool = True,
    decides: bool = False,
) -> dict[str, float]:
    """Exact entropy of the policy, and its exact KL to start and reference, with the layers in `precision`.

    Where the policy itself wrote (`by_policy`) also `sampler_gap`: the mean absolute difference between the
    log-probability that the sampler recorded of a token and the one that the trainer computes, 0 up to rounding if the
    two agree; a policy that wrote some steps ago, or with noise, shows in it too. Nats per token, means over the
    `probe_tokens` tokens of one sample in 32: the first samples of groups that are spread evenly over the step, of one
    group at least. Where the KL `decides` when the run ends, of one sample in four of each group.
    """
    cells = probed_samples(rollouts, decides=decides)
    probed = Minibatch.of(rollouts, cells, torch.ones(len(rollouts.problems), rollouts.samples))
    recorded_DT = torch.from_numpy(rollouts.completions.logp_PGT[[p for p, _ in cells], [g for _, g in cells]])
    recorded_DT = recorded_DT.to(execution.device)
    names = ("entropy", "kl_to_start", "kl_to_reference", *(("sampler_gap",) if by_policy else ()))

    def sums_of(micro_batch: MicroBatch) -> tuple[float, ...]:
        logits_NV = logits_of(models.policy, micro_batch, temperature, precision)
        start_NV = logits_of(models.start, micro_batch, temperature, precision)
        to_start = float(total(exact_kl(logits_NV, start_NV)))
        to_reference = to_start
        if models.reference is not models.start:
            reference_NV = logits_of(models.reference, micro_batch, temperature, precision)
            to_reference = float(total(exact_kl(logits_NV, reference_NV)))
        exact = float(total(entropy(logits_NV))), to_start, to_reference
        if not by_policy:
            return exact
        recorded_N = recorded_DT[micro_batch.sample_index_N, micro_batch.token_index_N]
        return *exact, float(total((logp_of(logits_NV, micro_batch) - recorded_N).abs()))

    micro_batches = probed.micro_batches(execution)
    gathered = execution.distributed.all_gather(list(execution.map_in_order(sums_of, micro_batches)))
    sums = map(sum, zip(*gathered, strict=True))
    means = {name: value / probed.tokens for name, value in zip(names, sums, strict=True)}
    return means | {"probe_tokens": float(probed.tokens)}


def probed_samples(rollouts: Rollouts, *, decides: bool = False) -> list[tuple[int, int]]:
    """The samples (problem, sample) that the probe reads."""
    problems = len(rollouts.problems)
    if decides:
        return [(p, g) for p in range(problems) for g in range(0, rollouts.samples, _SAMPLES_FOR_ONE_THAT_DECIDES)]
    count = min(problems, max(1, problems * rollouts.samples // _SAMPLES_FOR_ONE))
    return [(i * problems // count, 0) for i in range(count)]
