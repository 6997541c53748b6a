"""Gradients of a batch: micro-batches on several cores and ranks, summed in a fixed order; of sharded weights by passes
that all ranks make together."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import TypeVar

import torch
from torch import Tensor, nn

from edgewise.training.execution import CPU, Execution
from edgewise.training.sharded_tensors import is_sharded

B = TypeVar("B")
M = TypeVar("M")


def add_gradients(
    module: nn.Module,
    micro_batches: Sequence[B],
    loss_of: Callable[[B], tuple[Tensor, M]],
    execution: Execution = CPU,
) -> list[M]:
    """Add the gradients of the loss of every micro-batch of every rank to `grad` of the module's parameters.

    `micro_batches` are this rank's. `loss_of` returns the loss and what else was measured. Returns the measurements
    for the micro-batches of all ranks, in their order. The sum has the same bits on any number of cores; on several
    ranks it is rounded differently than on one. Of sharded parameters `grad` is sharded too.
    """
    parameters = [parameter for parameter in module.parameters() if parameter.requires_grad]
    if any(map(is_sharded, parameters)):
        return _add_sharded_gradients(micro_batches, loss_of, execution)

    def work(micro_batch: B) -> tuple[tuple[Tensor | None, ...], M]:
        loss, measured = loss_of(micro_batch)
        return torch.autograd.grad(loss, parameters, allow_unused=True), measured

    measurements: list[M] = []
    sums: dict[int, Tensor] = {}
    for gradients, measured in execution.map_in_order(work, micro_batches):
        measurements.append(measured)
        for i, gradient in enumerate(gradients):
            if gradient is not None:
                sums[i] = sums[i].add_(gradient) if i in sums else gradient
    of_ranks = execution.distributed.all_gather([(set(sums), measurements)])
    # A parameter that no rank's micro-batches use has no gradient. To an optimizer that is not the same as one of 0.
    used = sorted(set().union(*(indices for indices, _ in of_ranks)))
    for i in used:
        sums.setdefault(i, torch.zeros_like(parameters[i]))
    execution.distributed.all_reduce_([sums[i] for i in used])
    for i in used:
        grad = parameters[i].grad
        parameters[i].grad = sums[i] if grad is None else grad.add_(sums[i])
    return [measured for _, measurements in of_ranks for measured in measurements]


def _add_sharded_gradients(
    micro_batches: Sequence[B], loss_of: Callable[[B], tuple[Tensor, M]], execution: Execution
) -> list[M]:
    """A pass of `loss_of` gathers the weights from all ranks, so a rank makes as many as the one with most to do.

    Where it has no micro-batch left, it repeats one with a loss of 0.
    """
    counts = execution.distributed.all_gather([len(micro_batches)])
    idle = micro_batches[:1] if min(counts) else _first_of_any(micro_batches, execution)
    measurements = []
    for micro_batch in micro_batches:
        loss, measured = loss_of(micro_batch)
        loss.backward()
        measurements.append(measured)
    for _ in range(max(counts) - len(micro_batches)):
        loss, _measured = loss_of(idle[0])
        (0 * loss).backward()
    return execution.distributed.all_gather(measurements)


def _first_of_any(micro_batches: Sequence[B], execution: Execution) -> list[B]:
    """The first micro-batch that any rank has, on this rank's device; none where no rank has one."""
    written = io.BytesIO()
    torch.save(list(micro_batches[:1]), written)
    of_ranks = execution.distributed.all_gather([written.getvalue()])
    read = (torch.load(io.BytesIO(data), map_location=execution.device, weights_only=False) for data in of_ranks)
    return next((found for found in read if found), [])
