"""Numbers of the device beside those of the CPU: losses, gradients, log-probabilities and completions of a small model.

Each is compared within a tolerance that is stated here. What FP32 computes differs by the order of sums; bf16 has
eight bits of a number, and is compared with FP32.
"""

from __future__ import annotations

import copy

import numpy as np
import torch
from torch import Tensor

from benchmarks.gpu.scale import LEARNING_RATE, Scale, rows_of
from benchmarks.models import NATURAL, RandomWords, decoder, tokenizer_of
from edgewise.model.backend import choose_backend
from edgewise.model.decoder import Decoder, DecoderSpec
from edgewise.model.tokenizer import Tokenizer
from edgewise.rl.batch import Minibatch, TokenTables, every_token, logits_of, logp_of
from edgewise.rl.recipe import LossSpec
from edgewise.rl.update import PolicyUpdate
from edgewise.rollouts.collect import roll_out
from edgewise.rollouts.rollouts import Rollouts
from edgewise.sampling.engine import Engine
from edgewise.sampling.params import SamplingParams
from edgewise.training.execution import CPU, Execution
from edgewise.training.next_token import NextTokenSpec, next_token_step
from edgewise.training.optimizer import Optimizer, OptimizerSpec
from edgewise.training.sharding import Trained

TOLERANCES = {
    "loss_fp32": 1e-5,
    "gradient_fp32": 1e-4,
    "gradient_bf16": 5e-2,
    "update_fp32": 1e-4,
    "update_bf16": 5e-2,
    "logp_fp32": 1e-4,
    "logp_bf16": 3e-2,
    "other_completions": 0.02,
}
"""The largest difference that counts as equal, by what is compared (see `equality`)."""

SPEC = DecoderSpec(width=128, layers=2, heads=4, kv_heads=2, feed_forward=512, max_positions=256)
WORLD = RandomWords(vocabulary=200, length=24)
_PROMPTS, _SAMPLES, _NEW_TOKENS = 6, 6, 40
_SEEDS = 3


def equality(_: Scale, device: torch.device) -> dict[str, list[float]]:
    """Differences of the device's numbers from the CPU's, one of each seed.

    loss, gradient: next-token training; relative, the gradient's by its norm. update: the gradient of a GRPO update.
    logp: of drawn tokens as recorded by the sampler, from those of a full pass on the CPU: the largest difference in
    FP32, the mean in bf16, in nats. other_completions: the share of completions that the same keys draw otherwise.
    """
    tokenizer = tokenizer_of(WORLD.vocabulary)
    here = decoder(SPEC, tokenizer, NATURAL)
    there = moved(here, device)
    elsewhere = Execution(device)
    differences: dict[str, list[float]] = {name: [] for name in TOLERANCES}
    for seed in range(_SEEDS):
        loss, gradient = _training(here, CPU, "fp32", seed)
        drawn = _draw(here, tokenizer, "fp32", seed)
        update = _update(here, drawn, CPU, "fp32", seed)
        for precision in ("fp32", "bf16"):
            their_loss, their_gradient = _training(there, elsewhere, precision, seed)
            if precision == "fp32":
                differences["loss_fp32"].append(abs(their_loss - loss) / loss)
            differences[f"gradient_{precision}"].append(_distance(their_gradient, gradient))
            their_update = _update(there, drawn, elsewhere, precision, seed)
            differences[f"update_{precision}"].append(_distance(their_update, update))
            theirs = _draw(there, tokenizer, precision, seed)
            differences[f"logp_{precision}"].append(_logp_difference(here, theirs, worst=precision == "fp32"))
            if precision == "fp32":
                differences["other_completions"].append(_others(drawn, theirs))
    return differences


def moved(model: Decoder, device: torch.device) -> Decoder:
    """A copy on the device, with the backend that suits it."""
    copied = copy.deepcopy(model).to(device)
    copied.backend = choose_backend("auto", device)
    return copied


class _Kept(Optimizer):
    """Keeps the gradient and leaves the weights alone."""

    gradient: Tensor

    def step(self, learning_rate: float) -> float:
        grads = [parameter.grad for parameter in self.parameters.values() if parameter.grad is not None]
        self.gradient = torch.cat([grad.flatten() for grad in grads]).cpu()
        for parameter in self.parameters.values():
            parameter.grad = None
        return 0.0


def _training(model: Decoder, execution: Execution, precision: str, seed: int) -> tuple[float, Tensor]:
    spec = NextTokenSpec(precision=precision)
    kept = _Kept(model, OptimizerSpec())
    rows = rows_of(128, 1024, (10, 60), WORLD.vocabulary, seed)
    metrics = next_token_step(model, kept, rows, spec, LEARNING_RATE, execution)
    return metrics["loss"], kept.gradient


def _draw(model: Decoder, tokenizer: Tokenizer, precision: str, seed: int) -> Rollouts:
    problems = [WORLD.problem("train", seed, index) for index in range(_PROMPTS)]
    params = SamplingParams(max_new_tokens=_NEW_TOKENS, precision=precision)
    return roll_out(Engine(model, tokenizer.eos), tokenizer, WORLD, problems, _SAMPLES, params, seed)


def _update(model: Decoder, rollouts: Rollouts, execution: Execution, precision: str, seed: int) -> Tensor:
    """The gradient of an update with advantages of either sign."""
    shape = rollouts.completions.tokens_PGT.shape
    advantage_PG = torch.randn(shape[:2], generator=torch.Generator().manual_seed(seed))
    tables = TokenTables(advantage_PG.unsqueeze(-1).expand(shape))
    cells = [(p, g) for p in range(_PROMPTS) for g in range(_SAMPLES)]
    weight_PG = torch.full(shape[:2], 1 / int(rollouts.completions.length_PG.sum()))
    kept = _Kept(model, OptimizerSpec())
    update = PolicyUpdate(Trained(model), kept, LossSpec(), 1.0, precision, execution)
    update.run([Minibatch.of(rollouts, cells, weight_PG, tables)], 1, LEARNING_RATE, seed=seed)
    return kept.gradient


def _logp_difference(model: Decoder, rollouts: Rollouts, *, worst: bool) -> float:
    logp_PGT = every_token(lambda part: logp_of(logits_of(model, part, 1.0), part), rollouts, CPU).numpy()
    written_PGT = rollouts.completions.tokens_PGT >= 0
    apart = np.abs(rollouts.completions.logp_PGT - logp_PGT)[written_PGT]
    return float(apart.max() if worst else apart.mean())


def _others(left: Rollouts, right: Rollouts) -> float:
    cells = [(p, g) for p in range(_PROMPTS) for g in range(_SAMPLES)]
    return sum(left.completions.ids(*cell) != right.completions.ids(*cell) for cell in cells) / len(cells)


def _distance(left: Tensor, right: Tensor) -> float:
    return float((left - right).norm() / right.norm())
