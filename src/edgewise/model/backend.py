"""Backend: whether torch or the compiled kernels compute a decoder. Chosen once, carried by the decoder, recorded.

The two give the same completions and gradients up to rounding; the kernels are several times faster on a CPU. Each
gives the same bits whatever the batch layout and the number of cores.
"""

from __future__ import annotations

from typing import Literal, get_args

import torch

from edgewise.core.errors import InputError
from edgewise.model.native import build, library

Backend = Literal["torch", "native"]
# What may be asked for; "auto" is native where it can run, else torch.
_NAMES = ("auto", *get_args(Backend))


def choose_backend(name: str = "auto", device: torch.device | str = "cpu") -> Backend:
    """The backend of this name for decoders on this device.

    InputError where there is no such name, or where "native" is asked for and cannot run.
    """
    if name not in _NAMES:
        raise InputError(f"backend: must be {', '.join(_NAMES)}; is {name!r:.40}")
    obstacle = _native_obstacle(torch.device(device))
    if name == "native" and obstacle:
        raise InputError(f"backend: native {obstacle}; use torch or auto")
    return "torch" if name == "torch" or obstacle else "native"


def serving_backend(
    chosen: Backend, *, precision: str = "fp32", top_p: float = 1.0, logit_noise: float = 0.0
) -> Backend:
    """The backend that serves one request: the chosen one, or torch where the kernels do not know what is asked.

    They know FP32, the whole distribution at any temperature, and no noise on the logits.
    """
    return chosen if precision == "fp32" and top_p == 1 and logit_noise == 0 else "torch"


def describe_backend(backend: Backend) -> dict[str, str]:
    """What provenance records: the name, and for native the instruction set and the digest of the kernels' sources."""
    if backend == "torch":
        return {"name": backend}
    return {
        "name": backend,
        "instruction_set": library.loaded_kernels().instruction_set,
        "kernels": build.sources_digest(),
    }


def _native_obstacle(device: torch.device) -> str | None:
    if device.type != "cpu":
        return f"runs on the cpu, not on {device}"
    if library.find_kernels() is None:
        return "needs the compiled kernels, which were not built here from these sources (see CONTRIBUTING)"
    return None
