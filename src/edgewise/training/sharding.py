"""Sharded training (FSDP2): weights, gradients and moments divided among the ranks of a run.

With `Execution.shard` a run updates a copy of its module whose parameters are divided by torch's `fully_shard`. The
matrices of a layer are gathered when it computes and let go after it; embedding, norms and head are gathered for the
whole pass. So a rank holds these and one layer beside its share.
Sampling and whatever ranks do unequally often use the whole module, which has no weights while updates are made.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

import torch
from torch import Tensor, nn

from edgewise.core.errors import InputError
from edgewise.model.decoder import Block, Decoder
from edgewise.training.execution import CPU, Execution
from edgewise.training.sharded_tensors import all_rows
from edgewise.training.state import ModuleState

M = TypeVar("M", bound=nn.Module)


class Trained(Generic[M]):
    """A module that a run updates; its state for a checkpoint is its weights.

    `whole` is the module as it was given. `module` is what gradients and updates are of: `whole` itself, or with
    `Execution.shard` a copy divided among the ranks, with layers in `precision`. InputError where the backend of a
    module that is to be divided is not torch.
    """

    def __init__(self, whole: M, precision: str = "fp32", execution: Execution = CPU) -> None:
        self.whole = whole
        self.module = _sharded_copy(whole, precision, execution) if execution.shard else whole
        self._state = ModuleState(self.module)
        self._updating = False

    @contextmanager
    def updating(self) -> Iterator[None]:
        """Context of all that changes `module`. Afterwards `whole` has its weights; within, a sharded run's has none.

        Waits for all ranks where the module is sharded.
        """
        if self.module is self.whole:
            yield
            return
        self._updating = True
        for parameter in self.whole.parameters():
            parameter.data = parameter.data.new_empty(0)
        yield
        # Not after an error: the other ranks would not come to gather.
        self._updating = False
        self._gather()

    def tensors(self) -> dict[str, Tensor]:
        """The parameters of `module` by name."""
        return self._state.tensors()

    def load(self, tensors: dict[str, Tensor]) -> None:
        """Take back what `tensors` gave, on any number of ranks; InputError where it does not fit."""
        self._state.load(tensors)
        if self.module is not self.whole and not self._updating:
            self._gather()

    def _gather(self) -> None:
        shards = dict(self.module.named_parameters())
        for name, parameter in self.whole.named_parameters():
            parameter.data = all_rows(shards[name].detach())


def _sharded_copy(module: M, precision: str, execution: Execution) -> M:
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import FSDPModule, MixedPrecisionPolicy, fully_shard, register_fsdp_forward_method

    for part in module.modules():
        if isinstance(part, Decoder) and part.backend != "torch":
            raise InputError(f"backend: {part.backend} needs whole weights; with shard it must be torch")
    mesh = init_device_mesh(execution.device.type, (execution.distributed.size,))
    # The copy begins with the same memory, of which `fully_shard` keeps each rank's rows.
    shared: dict[int, object] = {id(p): nn.Parameter(p.detach(), p.requires_grad) for p in module.parameters()}
    shared |= {id(buffer): buffer for buffer in module.buffers()}
    sharded = copy.deepcopy(module, shared)
    policy = MixedPrecisionPolicy()
    if precision == "bf16":
        # What autocast would round to bfloat16 on every rank is gathered in it; the sum over ranks is in FP32.
        policy = MixedPrecisionPolicy(torch.bfloat16, torch.float32, cast_forward_inputs=False)
    for part in list(sharded.modules()):
        if isinstance(part, Block):
            matrices: list[nn.Module] = [part.qkv, part.attention_out, part.gate_up, part.down]
            fully_shard(matrices, mesh=mesh, mp_policy=policy)
    fully_shard(sharded, mesh=mesh)
    if isinstance(sharded, Decoder):
        register_fsdp_forward_method(sharded, "logits")
    for part in sharded.modules():
        if isinstance(part, FSDPModule):  # losses are divided by the tokens of all ranks, so gradients are summed
            part.set_gradient_divide_factor(1.0)
            part.set_force_sum_reduction_for_comms(True)
    return sharded
