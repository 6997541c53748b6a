"""Stages computed on other machines: which runner `--on` means, and what a machine does with a stage it is sent.

    ray                           the cluster of RAY_ADDRESS; where that is not set, one of this machine
    ray://HOST:PORT               a cluster, through its client port
    slurm                         a job for each stage
    slurm:partition=gpu,mem_gb=8  the same, with parameters of submitit's executors

All machines see the store at the same path, on a file system that they share, whose locks reach all of them. Or they
share `Context.artifacts`, a URL, and each has a store of its own: at that path, or where its EDGEWISE_SCRATCH says.
"""

from __future__ import annotations

import importlib.util
import os
import time
from dataclasses import replace
from pathlib import Path

import torch

from edgewise.core.errors import InputError
from edgewise.study.context import Context
from edgewise.study.remote.compute import compute_stage
from edgewise.study.runners.base import Advanced, Runner
from edgewise.study.runners.sent import load_stage
from edgewise.study.store import StageHeld
from edgewise.training.run_folder import Progress

# Seconds for which the process of a lost machine may still hold the lock of the stage that is sent on.
_PATIENCE = 60.0

# Names the folder of a machine for the stages that it computes and fetches; variables in it are replaced there.
SCRATCH = "EDGEWISE_SCRATCH"


def runner_elsewhere(context: Context, advanced: Advanced) -> Runner:
    """The runner that `context.on` names; InputError where there is none, or its package is not installed."""
    name, colon, rest = context.on.partition(":")
    if name not in ("ray", "slurm") or (colon and not rest):
        raise InputError(f"on: must be ray, ray://HOST:PORT, slurm or slurm:FIELD=VALUE,..., is {context.on!r}")
    package = {"ray": "ray", "slurm": "submitit"}[name]
    if importlib.util.find_spec(package) is None:
        raise InputError(f"on: {package} is not installed; {name} needs `pip install edgewise[{name}]`")
    if context.execution.distributed.size > 1:
        raise InputError(f"on: {name} starts a process for each stage; leave out torchrun")
    here = replace(context, root=context.root.absolute())
    if name == "ray":
        # Ray reads these when it is imported. A cluster of this machine alone is nobody else's to reach.
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        if not rest and "RAY_ADDRESS" not in os.environ:
            os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
        from edgewise.study.runners.ray import RayRunner

        return RayRunner(here, advanced)
    from edgewise.study.runners.slurm import SlurmRunner

    return SlurmRunner(here, advanced)


def compute_sent(pickled: bytes, name: str, context: Context, progress: Progress) -> None:
    """Compute a stage that was sent to this machine, into the shared store or into this machine's own.

    A stage that is sent again, since a machine was lost, waits until that one's process has let go of it.
    """
    stage = load_stage(pickled, name)
    torch.set_num_threads(1)
    progress(0, 0, "")
    if context.artifacts:
        context = replace(context, root=_scratch(context.root))
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            compute_stage(stage, context, context.execution, progress)
            return
        except StageHeld:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)


def _scratch(root: Path) -> Path:
    told = os.environ.get(SCRATCH)
    path = Path(os.path.expandvars(told)).expanduser() if told else root
    if not path.is_absolute():
        raise InputError(f"{SCRATCH}: must be an absolute path on the machine that computes, is {str(path)!r} there")
    return path
