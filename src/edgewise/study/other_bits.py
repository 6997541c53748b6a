"""Why a stage may have other bits elsewhere: bf16, a GPU, torch or torch.compile in place of the kernels, ranks.

Without such a reason the same spec gives the same bits on every supported CPU; see docs/reproducibility.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from edgewise.core.spec import Spec
from edgewise.model.backend import choose_backend
from edgewise.model.native.library import loaded_kernels
from edgewise.study.stages import Stage
from edgewise.training.execution import Execution

# What may be asked for, and the one value with which the kernels compute the same bits everywhere.
_SAME_BITS: Mapping[str, object] = {"precision": "fp32", "top_p": 1.0, "logit_noise": 0.0}


def other_bits(stage: Stage, execution: Execution, beyond_kernels: str | None = None) -> tuple[str, ...]:
    """The reasons, each in a few words; none where equality is promised.

    `beyond_kernels` is the field of the stage's models that keeps them from the kernels (see `DecoderSpec`).
    """
    return (*_of_execution(execution, beyond_kernels), *_of_requests(stage, ""))


def _of_execution(execution: Execution, beyond_kernels: str | None) -> Iterator[str]:
    if execution.device.type != "cpu":
        yield f"device {execution.device}"
    if execution.distributed.size > 1:
        yield f"{execution.distributed.size} ranks"
    backend = choose_backend(execution.backend, execution.device)
    if backend != "native":
        yield f"backend {backend}"
    elif beyond_kernels:
        yield f"backend torch for {beyond_kernels}"
    elif not loaded_kernels().same_bits:
        yield f"{loaded_kernels().instruction_set} kernels"


def _of_requests(value: Any, path: str) -> Iterator[str]:
    """What torch computes, or the units of a processor in their own order, among the fields of a stage.

    Its parents have their own provenance.
    """
    fields: Mapping[str, Any] = {}
    if isinstance(value, Spec):
        fields = {name: getattr(value, name) for name in type(value).model_fields}
        for name, same in _SAME_BITS.items():
            if name in fields and fields[name] != same:
                yield f"{path}{name} {fields[name]}"
    elif isinstance(value, list | tuple):
        fields = {str(place): item for place, item in enumerate(value)}
    for name, item in fields.items():
        if not isinstance(item, Stage):
            yield from _of_requests(item, f"{path}{name}.")
