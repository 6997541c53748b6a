"""Parts that measure nothing, for the runner."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import torch

from benchmarks.gpu.scale import Scale

# Where parts leave a line for each time that they run.
TRACE = "EDGEWISE_TEST_TRACE"


def quick(scale: Scale, device: torch.device) -> dict[str, list[float]]:
    _trace("quick")
    print("quick says so", flush=True)
    return {"rows": [float(scale.row_tokens), 1.0]}


def broken(scale: Scale, device: torch.device) -> dict[str, list[float]]:
    _trace("broken")
    raise RuntimeError("as it should")


def endless(scale: Scale, device: torch.device) -> dict[str, list[float]]:
    """Never ends, and neither does the process that it starts."""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"])
    _trace(f"endless {os.getpid()} {child.pid}")
    time.sleep(300)
    return {}


def _trace(line: str) -> None:
    with Path(os.environ[TRACE]).open("a") as file:
        file.write(line + "\n")
