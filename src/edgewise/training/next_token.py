"""The one next-token loop: problems drawn on the fly, worked solutions, packed rows, AdamW."""

from __future__ import annotations

import math
import time
from functools import partial

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from edgewise.core.errors import InputError
from edgewise.core.provenance import Totals
from edgewise.core.spec import Spec
from edgewise.model.backend import serving_backend
from edgewise.model.decoder import Decoder
from edgewise.model.flops import training_flops
from edgewise.model.tokenizer import Tokenizer
from edgewise.tasks.base import World
from edgewise.training.documents import arrays_of_step
from edgewise.training.execution import CPU, Execution
from edgewise.training.gradients import add_gradients
from edgewise.training.loader import feed
from edgewise.training.optimizer import Optimizer, OptimizerSpec
from edgewise.training.packing import PackedRows
from edgewise.training.run_folder import RunFolder
from edgewise.training.state import Together, Weights


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
    model: Decoder,
    tokenizer: Tokenizer,
    world: World,
    spec: NextTokenSpec,
    seed: int,
    folder: RunFolder,
    execution: Execution = CPU,
) -> Totals:
    """Train a decoder in place on worked problems of a world; returns the totals.

    Problem i of the train split is seen once, at update i // documents, so a resumed run sees
    what the whole one would have seen. Metrics: loss (nats per solution token), grad_norm,
    learning_rate.
    """
    optimizer = Optimizer(model, spec.optimizer)
    state = Together({"model": Weights(model), "optimizer": optimizer})
    totals = Totals()
    make = partial(arrays_of_step, world, tokenizer, spec.documents, spec.row_length, spec.stretch, seed)
    with feed(make, execution.loader_workers(spec.steps)) as arrays:
        for step in folder.steps(spec.steps, state, totals):
            asked = time.monotonic()
            rows = PackedRows.of(arrays(step))
            totals.data_seconds += time.monotonic() - asked
            metrics = update(model, optimizer, rows, spec, spec.optimizer.learning_rate_at(step, spec.steps), execution)
            tokens = rows.real_tokens
            totals.tokens += tokens
            totals.flops += training_flops(model.spec, model.vocabulary, tokens, rows.mean_context)
            folder.log(step, metrics | {"tokens": totals.tokens})
    return totals


def update(
    model: Decoder,
    optimizer: Optimizer,
    rows: PackedRows,
    spec: NextTokenSpec,
    learning_rate: float,
    execution: Execution,
) -> dict[str, float]:
    """One step on the mean loss of the rows' weighted tokens; returns loss, grad_norm, learning_rate."""
    reach = int(rows.positions_RT.max()) + 1
    if reach > model.spec.max_positions:
        raise InputError(f"max_positions: must be at least {reach} for these documents, is {model.spec.max_positions}")
    weight = float(rows.weights_RT.sum())
    backend = serving_backend(model.backend, precision=spec.precision)

    def loss_of(part: PackedRows) -> tuple[Tensor, float]:
        with torch.autocast(execution.device.type, torch.bfloat16, enabled=spec.precision == "bf16"):
            hidden = model(part.tokens_RT, part.positions_RT, part.document_RT, backend)
        counted = part.weights_RT > 0
        each = F.cross_entropy(model.logits(hidden[counted]), part.targets_RT[counted], reduction="none")
        loss = (each * part.weights_RT[counted]).sum() / weight
        return loss, float(loss.detach())

    loss = sum(add_gradients(model, micro_batches(rows, execution), loss_of, execution))
    norm = optimizer.step(learning_rate)
    return {"loss": loss, "grad_norm": norm, "learning_rate": learning_rate}


def micro_batches(rows: PackedRows, execution: Execution) -> list[PackedRows]:
    """This rank's parts of the rows, of the size and on the device that `execution` says."""
    length = rows.tokens_RT.shape[1]
    size = math.ceil(execution.micro_batch_tokens(rows.tokens_RT.numel()) / length)
    return [
        rows[start : start + size].to(execution.device)
        for start in execution.distributed.shard(range(0, len(rows), size))
    ]
