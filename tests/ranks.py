"""Start a program of the tests on two ranks of this machine."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parents[1]


def torchrun(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m"]
    return subprocess.run(
        [*command, *map(str, arguments)], cwd=HERE, capture_output=True, text=True, check=False, timeout=600
    )


def on_two_ranks(program: str, *arguments: object) -> None:
    done = torchrun(program, *arguments)
    assert done.returncode == 0, done.stderr
