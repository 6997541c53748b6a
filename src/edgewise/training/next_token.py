"""The next-token training loop: problems drawn on the fly, their solutions, packed rows, AdamW."""

from __future__ import annotations

import math
import time
from functools import partial
from typing import Annotated, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator
from torch import Tensor

from edgewise.core.errors import InputError
from edgewise.core.provenance import Totals
from edgewise.core.spec import ADDED_LATER, Spec
from edgewise.model.decoder import Decoder
from edgewise.model.fixed_order import token_logp, total
from edgewise.model.flops import training_flops
from edgewise.model.tokenizer import Tokenizer
from edgewise.tasks.base import Split, World
from edgewise.training.documents import rows_of_step
from edgewise.training.execution import CPU, Execution
from edgewise.training.gradients import add_gradients
from edgewise.training.loader import load_ahead
from edgewise.training.optimizer import Optimizer, OptimizerSpec
from edgewise.training.packing import PackedRows
from edgewise.training.run_folder import RunFolder, check_finite
from edgewise.training.sharding import Trained
from edgewise.training.state import CombinedState


class NextTokenSpec(Spec):
    """Settings of next-token training: `steps` updates of `documents` problems with their solutions each.

    Loss falls on the solution only. `randomized_positions` is how many positions a document may skip in all, at a few
    random places. Without it a model learns distances instead of contents, and fails on problems longer than those it
    was trained on (randomised positions: Ruoss et al. 2023, arXiv 2305.16843). `precision` "bf16" runs the layers in
    bfloat16, with weights, logits and loss in FP32; it pays on GPUs and on CPUs that multiply bfloat16.

    `stop` ends the run after so many updates while the schedule is that of `steps`: the un-annealed cut of a longer
    run, with its bits. Papers that compare budgets by checkpoints of one run do this (Interplay, arXiv 2512.07783).
    """

    steps: int = Field(1000, ge=1)
    stop: Annotated[int | None, ADDED_LATER] = Field(None, ge=1)
    documents: int = Field(24, ge=1)
    row_length: int = Field(128, ge=8)
    randomized_positions: int = Field(0, ge=0)
    precision: str = Field("fp32", pattern="^(fp32|bf16)$")
    optimizer: OptimizerSpec = OptimizerSpec()

    @model_validator(mode="after")
    def _stops_within_the_schedule(self) -> Self:
        if self.stop is not None and self.stop > self.steps:
            raise ValueError(f"stop must be at most steps, which is {self.steps}; is {self.stop}")
        return self

    @property
    def updates(self) -> int:
        """How many updates are made: up to the cut, where there is one."""
        return self.steps if self.stop is None else self.stop


def train_next_token(
    model: Decoder,
    tokenizer: Tokenizer,
    world: World,
    spec: NextTokenSpec,
    seed: int,
    folder: RunFolder,
    execution: Execution = CPU,
    split: Split = "train",
) -> Totals:
    """Train a decoder in place on worked problems of a split of a world; returns the totals.

    Problem i of the split is seen once, at update i // documents, so a resumed run sees what the whole one would have
    seen. Metrics: loss (nats per solution token), grad_norm, learning_rate. InputError at the first step
    whose loss or gradient is no number.
    """
    trained = Trained(model, spec.precision, execution)
    optimizer = Optimizer(trained.module, spec.optimizer)
    state = CombinedState({"model": trained, "optimizer": optimizer})
    totals = Totals()
    sizes = (spec.documents, spec.row_length, spec.randomized_positions)
    make = partial(rows_of_step, world, split, tokenizer, *sizes, seed, distributed=execution.distributed)
    with load_ahead(make, execution.loader_workers(spec.updates)) as load_rows, trained.updating():
        for step in folder.steps(spec.updates, state, totals):
            with folder.errors_of(step):
                before = time.monotonic()
                rows = PackedRows.of(load_rows(step))
                totals.data_seconds += time.monotonic() - before
                learning_rate = spec.optimizer.learning_rate_at(step, spec.steps)
                metrics = next_token_step(trained.module, optimizer, rows, spec, learning_rate, execution)
                tokens, context = _tokens_and_context(rows, execution)
                totals.tokens += tokens
                totals.flops += training_flops(model.spec, model.vocabulary, tokens, context)
                remedy = f"lower optimizer.learning_rate, which is {spec.optimizer.learning_rate:g}"
                check_finite(metrics, ("loss", "grad_norm"), remedy)
                folder.log(step, metrics | {"tokens": totals.tokens})
    return totals


def next_token_step(
    model: Decoder,
    optimizer: Optimizer,
    rows: PackedRows,
    spec: NextTokenSpec,
    learning_rate: float,
    execution: Execution,
) -> dict[str, float]:
    """One optimizer step on the mean loss over the weighted tokens; returns loss, grad_norm, learning_rate.

    `rows` are those of this rank; the mean is over all ranks' tokens. InputError where a position is beyond those of
    the model.
    """
    check_positions(rows.positions_RT, model.spec.max_positions)
    own_weight = float(total(rows.weights_RT.flatten()))
    weight = sum(execution.distributed.all_gather([own_weight]))

    def loss_of(micro_batch: PackedRows) -> tuple[Tensor, float]:
        hidden = model(micro_batch.tokens_RT, micro_batch.positions_RT, micro_batch.document_RT, spec.precision)
        counted = micro_batch.weights_RT > 0
        logits = model.logits(hidden[counted], spec.precision)
        loss_N = -token_logp(logits, micro_batch.targets_RT[counted])
        loss = total(loss_N * micro_batch.weights_RT[counted]) / weight
        return loss, float(loss.detach())

    loss = sum(add_gradients(model, micro_batches(rows, execution), loss_of, execution))
    norm = optimizer.step(learning_rate)
    return {"loss": loss, "grad_norm": norm, "learning_rate": learning_rate}


def check_first_update(
    world: World, split: Split, tokenizer: Tokenizer, spec: NextTokenSpec, seed: int, max_positions: int
) -> None:
    """InputError where the documents of the first update fit neither a row nor the positions of the model."""
    sizes = (spec.documents, spec.row_length, spec.randomized_positions)
    check_positions(rows_of_step(world, split, tokenizer, *sizes, seed, 0).positions_RT, max_positions)


def check_positions(positions_RT: Tensor | NDArray[np.int32], max_positions: int) -> None:
    """InputError where a position is beyond those of a model."""
    positions = int(positions_RT.max()) + 1 if len(positions_RT) else 0
    if positions > max_positions:
        raise InputError(f"max_positions: must be at least {positions} for these documents, is {max_positions}")


def micro_batches(rows: PackedRows, execution: Execution) -> list[PackedRows]:
    """The micro-batches of this rank's rows, on its device; as large as if it had the other ranks' rows too."""
    length, tokens = rows.tokens_RT.shape[1], rows.tokens_RT.numel() * execution.distributed.size
    size = max(1, math.ceil(execution.micro_batch_tokens(tokens) / length))
    return [rows[start : start + size].to(execution.device) for start in range(0, len(rows), size)]


def _tokens_and_context(rows: PackedRows, execution: Execution) -> tuple[int, float]:
    """Of all ranks' rows: tokens that are not padding, and how many keys one sees on average."""
    own = [(rows.real_tokens, rows.mean_context)] if len(rows) else []
    of_ranks = execution.distributed.all_gather(own)
    tokens = sum(tokens for tokens, _ in of_ranks)
    return tokens, sum(tokens * context for tokens, context in of_ranks) / tokens
