"""Weights & Biases: a run for each stage; offline where WANDB_MODE=offline, below `wandb/` of the store."""

from __future__ import annotations

from collections.abc import Mapping

import wandb

from edgewise.core.errors import InputError
from edgewise.study.trackers.base import TrackedStage, TrackerRun

# What a project of theirs may not be called, and how long its name may be.
_REFUSED, _LONGEST = frozenset("/\\#?%:"), 128


class WandbRun(TrackerRun):
    """A run whose id is the digest, in the group of its arm and seed. Written from this process, whoever trains."""

    @classmethod
    def check(cls) -> None:
        """InputError where nobody is logged in; asks for the key, where there is somebody to ask."""
        if wandb.setup().settings.mode in ("offline", "dryrun", "disabled"):
            return
        try:
            wandb.login()
        except wandb.Error as error:
            reason = str(error).splitlines()[0].rstrip(".")
            raise InputError(f"--track wandb: {reason}; run `wandb login`, or set WANDB_MODE=offline") from None

    def __init__(self, stage: TrackedStage) -> None:
        self._run = wandb.init(
            project="".join("_" if c in _REFUSED else c for c in stage.project)[:_LONGEST],
            name=stage.name,
            group=stage.group,
            id=stage.id,
            resume="allow",
            config=dict(stage.config),
            dir=stage.root,
            reinit="create_new",  # several stages are under way at once
            # Nothing of theirs on the terminal, and no load of this machine, which may not be the one that trains.
            settings=wandb.Settings(silent=True, console="off", x_disable_stats=True),
        )

    def write(self, step: int, metrics: Mapping[str, float]) -> None:
        self._run.log(dict(metrics), step=step)

    def close(self) -> None:
        self._run.finish()


RUN = WandbRun
