"""Gradients of a batch: its parts on several cores, their sum in the order of the parts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import torch
from torch import Tensor, nn

from edgewise.parallel import in_order

P = TypeVar("P")
M = TypeVar("M")


def add_gradients(module: nn.Module, parts: Sequence[P], loss_of: Callable[[P], tuple[Tensor, M]]) -> list[M]:
    """Add the gradients of every part's loss to the module's parameters; returns what else `loss_of` gave.

    The sum has the same bits on any number of cores.
    """
    parameters = [parameter for parameter in module.parameters() if parameter.requires_grad]

    def work(part: P) -> tuple[tuple[Tensor | None, ...], M]:
        loss, measured = loss_of(part)
        return torch.autograd.grad(loss, parameters, allow_unused=True), measured

    found = []
    for gradients, measured in in_order(work, parts, parameters[0].device):
        found.append(measured)
        for parameter, gradient in zip(parameters, gradients, strict=True):
            if gradient is not None:
                parameter.grad = gradient if parameter.grad is None else parameter.grad.add_(gradient)
    return found
