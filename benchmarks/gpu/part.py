"""One part in a process of its own: `python -m benchmarks.gpu.part MODULE:NAME SCALE DEVICE FILE` writes its values."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import torch

from benchmarks.gpu.scale import SCALES
from edgewise.core.atomic import write_json


def main(function: str, scale: str, device: str, path: str) -> None:
    module, _, name = function.partition(":")
    write_json(Path(path), getattr(importlib.import_module(module), name)(SCALES[scale], torch.device(device)))


if __name__ == "__main__":
    main(*sys.argv[1:])
