"""Save and load named tensors in the safetensors format. No pickle."""

from __future__ import annotations

from pathlib import Path

import safetensors.torch
from safetensors import SafetensorError
from torch import Tensor

from edgewise.core.atomic import atomic_write
from edgewise.core.errors import InputError


def save_tensors(tensors: dict[str, Tensor], path: Path) -> None:
    """Write the tensors; the file appears whole or not at all. OSError where it cannot be written."""
    on_cpu = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    # Serialised first and written by Python: the library's own writer hides which error it met.
    data = safetensors.torch.save(on_cpu, metadata={"format": "pt"})
    with atomic_write(path) as aside:
        aside.write_bytes(data)


def load_tensors(path: Path) -> dict[str, Tensor]:
    """Read the tensors; InputError names the file that is missing or corrupt."""
    try:
        return safetensors.torch.load_file(path)
    except (OSError, SafetensorError) as error:
        raise InputError(f"{path}: missing or corrupt ({error!s:.100})") from None
