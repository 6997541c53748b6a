"""Gradients of a batch: its parts on several cores and ranks, their sum in the order of the parts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import torch
from torch import Tensor, nn

from edgewise.core.distributed import SINGLE_PROCESS, Distributed
from edgewise.core.threads import map_in_order

P = TypeVar("P")
M = TypeVar("M")


def add_gradients(
    module: nn.Module,
    parts: Sequence[P],
    loss_of: Callable[[P], tuple[Tensor, M]],
    distributed: Distributed = SINGLE_PROCESS,
) -> list[M]:
    """Add the gradients of the loss of every part of every rank to the module's parameters.

    `parts` are this rank's. Returns what else `loss_of` gave, for the parts of all ranks in their order.
    The sum has the same bits on any number of cores; on several ranks it has other roundings than on one.
    """
    parameters = [parameter for parameter in module.parameters() if parameter.requires_grad]

    def work(part: P) -> tuple[tuple[Tensor | None, ...], M]:
        loss, measured = loss_of(part)
        return torch.autograd.grad(loss, parameters, allow_unused=True), measured

    found: list[M] = []
    sums: dict[int, Tensor] = {}
    for gradients, measured in map_in_order(work, parts, parameters[0].device):
        found.append(measured)
        for i, gradient in enumerate(gradients):
            if gradient is not None:
                sums[i] = sums[i].add_(gradient) if i in sums else gradient
    told = distributed.all_gather([(set(sums), found)])
    # What no rank's parts use has no gradient, which is not the same to an optimizer as one of 0.
    used = sorted(set().union(*(own for own, _ in told)))
    for i in used:
        sums.setdefault(i, torch.zeros_like(parameters[i]))
    distributed.all_reduce_([sums[i] for i in used])
    for i in used:
        grad = parameters[i].grad
        parameters[i].grad = sums[i] if grad is None else grad.add_(sums[i])
    return [measured for _, found in told for measured in found]
