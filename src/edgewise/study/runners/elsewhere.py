"""Stages computed on other machines: which runner `--on` means, and what a machine does with a stage it is sent.

    ray                           the cluster of RAY_ADDRESS; where that is not set, one of this machine
    ray://HOST:PORT               a cluster, through its client port
    slurm                         a job for each stage
    slurm:partition=gpu,mem_gb=8  the same, with parameters of submitit's executors

All machines see the store at the same path, on a file system that they share, whose locks reach all of them.
"""

from __future__ import annotations

import importlib.util
import os
import time
from dataclasses import replace

import torch

from edgewise.core.errors import InputError
from edgewise.study.context import Context
from edgewise.study.runners.base import Advanced, Runner
from edgewise.study.runners.sent import load_stage
from edgewise.study.store import StageHeld, Store
from edgewise.training.run_folder import Progress

# Seconds for which the process of a lost machine may still hold the lock of the stage that is sent on.
_PATIENCE = 60.0


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
    """Compute a stage that was sent to this machine, into the shared store.

    A stage that is sent again, since a machine was lost, waits until that one's process has let go of it.
    """
    stage = load_stage(pickled, name)
    torch.set_num_threads(1)
    progress(0, 0, "")
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            Store(context.root).compute(stage, context.execution, progress, context.checkpoint_seconds)
            return
        except StageHeld:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)
