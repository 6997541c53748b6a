"""Backend: torch, the compiled kernels or torch.compile computes a decoder. Chosen once, carried by it, recorded.

"native" are the kernels, "inductor" is torch with the layers compiled by torch.compile for training (not for sampling,
where a GPU replays CUDA graphs). No name but "inductor" itself stands for it: compiling takes a minute.
All give the same completions and gradients up to rounding; the kernels are several times faster on a CPU. Each gives
the same bits whatever the batch layout and the number of cores. Those of the kernels in FP32 are the same on every CPU;
in bf16 they compute where a CPU multiplies it, with bits of its own. Torch is the reference for correctness, not for
bits, which depend on the instructions that it finds.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
from typing import Literal, get_args

import torch

from edgewise.core.errors import InputError
from edgewise.model.native import build, library

Backend = Literal["torch", "native", "inductor"]
# What may be asked for; "auto" is native where it can run, else torch.
_NAMES = ("auto", *get_args(Backend))


def choose_backend(name: str = "auto", device: torch.device | str = "cpu") -> Backend:
    """The backend of this name for decoders on this device.

    InputError where there is no such name, or where "native" or "inductor" is asked for and cannot run.
    """
    if name not in _NAMES:
        raise InputError(f"backend: must be {', '.join(_NAMES)}; is {name!r:.40}")
    if name == "torch":
        return "torch"
    obstacle = (_inductor_obstacle if name == "inductor" else _native_obstacle)(torch.device(device))
    if name == "auto":
        return "torch" if obstacle else "native"
    if obstacle:
        raise InputError(f"backend: {name} {obstacle}; use torch or auto")
    return "native" if name == "native" else "inductor"


def serving_backend(
    chosen: Backend,
    *,
    precision: str = "fp32",
    top_p: float = 1.0,
    logit_noise: float = 0.0,
    beyond_kernels: str | None = None,
) -> Backend:
    """The backend that serves one request: the chosen one, or torch where the kernels do not know what is asked.

    They know FP32, bf16 where the processor multiplies it, the whole distribution at any temperature, and no noise on
    the logits. `beyond_kernels` names what they do not know of a decoder (see `DecoderSpec`).
    """
    if chosen != "native":
        return chosen
    if beyond_kernels:
        return "torch"
    known = top_p == 1 and logit_noise == 0 and (precision == "fp32" or library.loaded_kernels().multiplies_bf16)
    return "native" if known else "torch"


def describe_backend(backend: Backend, beyond_kernels: str | None = None) -> dict[str, str]:
    """What provenance records: the name.

    For native also the instruction set, the digest of the kernels' sources, and the backend that serves bf16. Where
    torch serves a decoder because of a field that the kernels do not know, that field.
    """
    if serving_backend(backend, beyond_kernels=beyond_kernels) != backend:
        return {"name": "torch", "beyond kernels": f"{beyond_kernels}"}
    if backend != "native":
        return {"name": backend}
    return {
        "name": backend,
        "instruction_set": library.loaded_kernels().instruction_set,
        "kernels": build.sources_digest(),
        "bf16": serving_backend("native", precision="bf16"),
    }


def _inductor_obstacle(device: torch.device) -> str | None:
    if device.type == "cuda":
        return None if importlib.util.find_spec("triton") else "needs the package triton on a GPU"
    compilers = (os.environ.get("CXX", ""), "c++", "g++", "clang++")
    return None if any(map(shutil.which, compilers)) else "needs a C++ compiler"


def _native_obstacle(device: torch.device) -> str | None:
    if device.type != "cpu":
        return f"runs on the cpu, not on {device}"
    if library.find_kernels() is None:
        return "needs the compiled kernels, which were not built here from these sources (see CONTRIBUTING)"
    return None
