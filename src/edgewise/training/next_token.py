"""The one next-token loop: problems drawn on the fly, worked solutions, packed rows, AdamW."""

from __future__ import annotations

import random
from itertools import accumulate

import torch
from pydantic import Field
from torch.nn import functional as F

from edgewise.errors import InputError
from edgewise.keyed import rng
from edgewise.model.decoder import Decoder
from edgewise.model.tokenizer import Tokenizer
from edgewise.spec import Spec
from edgewise.tasks.base import Problem, World
from edgewise.training.optimizer import Optimizer, OptimizerSpec
from edgewise.training.packing import Document, Rows, pack
from edgewise.training.run import Run

_GAPS = 4


class NextTokenSpec(Spec):
    """How long and in what batches: `steps` updates of `documents` worked problems each.

    Loss falls on the solution only. `stretch` is how many positions a document may skip in all,
    at a few random places: without it a model learns distances instead of contents and meets a
    wall at the longest problem it was trained on (randomised positions: Ruoss et al. 2023,
    arXiv 2305.16843). `precision` "bf16" runs the layers in bfloat16 with FP32
    weights, logits and loss; it pays on GPUs and on CPUs that multiply bfloat16.
    """

    steps: int = Field(1000, ge=1)
    documents: int = Field(24, ge=1)
    row_length: int = Field(128, ge=8)
    stretch: int = Field(0, ge=0)
    precision: str = Field("fp32", pattern="^(fp32|bf16)$")
    optimizer: OptimizerSpec = OptimizerSpec()


def train(
    model: Decoder, tokenizer: Tokenizer, world: World, spec: NextTokenSpec, seed: int, run: Run
) -> dict[str, float]:
    """Train in place; returns the totals: tokens, flops, seconds.

    Problem i of the train split is seen once, at update i // documents, so a resumed run sees
    what the whole one would have seen. Metrics: loss (nats per solution token), grad_norm,
    learning_rate.
    """
    optimizer = Optimizer(model, spec.optimizer)
    totals = {"tokens": 0.0, "flops": 0.0, "seconds": 0.0}
    for step in run.steps(spec.steps, model, optimizer, totals):
        indices = range(step * spec.documents, (step + 1) * spec.documents)
        problems = [world.problem("train", seed, i) for i in indices]
        documents = [worked(world, problem, tokenizer, spec.stretch) for problem in problems]
        rows = pack(documents, spec.row_length, tokenizer.pad)
        reach = int(rows.positions_RT.max()) + 1
        if reach > model.spec.max_positions:
            raise InputError(
                f"max_positions: must be at least {reach} for these documents, is {model.spec.max_positions}"
            )
        weight = float(rows.weights_RT.sum())
        loss = 0.0
        for part in micro_batches(rows, run):
            with torch.autocast(run.device.type, torch.bfloat16, enabled=spec.precision == "bf16"):
                hidden = model(part.tokens_RT, part.positions_RT, part.document_RT)
            counted = part.weights_RT > 0
            each = F.cross_entropy(model.logits(hidden[counted]), part.targets_RT[counted], reduction="none")
            part_loss = (each * part.weights_RT[counted]).sum() / weight
            part_loss.backward()
            loss += float(part_loss.detach())
        rate = spec.optimizer.learning_rate_at(step, spec.steps)
        norm = optimizer.step(rate)
        totals["tokens"] += rows.real_tokens
        totals["flops"] += 3 * model.spec.forward_flops(rows.real_tokens, rows.mean_context, model.vocabulary)
        run.log(step, {"loss": loss, "grad_norm": norm, "learning_rate": rate, "tokens": totals["tokens"]})
    return totals


def worked(world: World, problem: Problem, tokenizer: Tokenizer, stretch: int = 0) -> Document:
    """bos prompt solution eos, with loss on the solution and the eos; see `NextTokenSpec.stretch`."""
    prompt = tokenizer.prompt(problem.prompt)
    solution = [*tokenizer.encode(world.solution(problem)), tokenizer.eos]
    tokens = [*prompt, *solution]
    weights = [0.0] * len(prompt) + [1.0] * len(solution)
    source = rng("stretch", problem.split, problem.seed, problem.index)
    return Document(tokens, weights, stretched_positions(source, len(tokens), stretch) if stretch else None)


def stretched_positions(source: random.Random, length: int, stretch: int) -> list[int]:
    """0, 1, 2, ... with up to `stretch` positions left out, at up to `_GAPS` random places."""
    skip = [0] * length
    left = source.randint(0, stretch)
    for _ in range(_GAPS):
        gap = source.randint(0, left)
        skip[source.randrange(length)] += gap
        left -= gap
    return [i + skipped for i, skipped in enumerate(accumulate(skip))]


def micro_batches(rows: Rows, run: Run) -> list[Rows]:
    """The rows on the run's device, in parts of about `tokens_per_micro_batch`."""
    size = max(1, run.tokens_per_micro_batch // rows.tokens_RT.shape[1])
    return [rows[start : start + size].to(run.device) for start in range(0, len(rows), size)]
