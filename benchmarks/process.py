"""Functions in processes of their own, so that memory, threads and caches are those of one measurement alone."""

from __future__ import annotations

import importlib
import json
import os
import resource
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

# Where `-m` finds this package.
_ROOT = Path(__file__).parents[1]


def call(module: str, function: str, arguments: Mapping[str, Any], **environment: str) -> Any:
    """What `function(**arguments)` of a module returns in a new process; arguments and result are plain JSON.

    `environment` is set on top of this process's own. A failure there raises RuntimeError with its last words here.
    """
    command = [sys.executable, "-m", __name__, module, function, json.dumps(dict(arguments))]
    done = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, cwd=_ROOT)
    if done.returncode:
        raise RuntimeError(f"{module}.{function} ended with status {done.returncode}: {done.stderr.strip()[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def peak_bytes() -> int:
    """The most memory that this process has held so far."""
    status = Path("/proc/self/status")
    if status.exists():
        # What getrusage says on Linux begins with the peak of the process that started this one.
        held = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(held.split()[1]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def main(module: str, function: str, arguments: str) -> None:
    """The other side of `call`."""
    result = getattr(importlib.import_module(module), function)(**json.loads(arguments))
    print("\n" + json.dumps(result))


if __name__ == "__main__":
    main(*sys.argv[1:])
