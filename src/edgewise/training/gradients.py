"""Gradients of a batch: micro-batches on several cores and ranks, summed in a fixed order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import torch
from torch import Tensor, nn

from edgewise.training.execution import CPU, Execution

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
    ranks it is rounded differently than on one.
    """
    parameters = [parameter for parameter in module.parameters() if parameter.requires_grad]

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
