"""Protocol of a tracker, which writes the curves of stages somewhere else; and which ones there are."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from edgewise.core.errors import InputError, unknown_name


@dataclass(frozen=True, slots=True)
class TrackedStage:
    """A stage as a tracker sees it: one run of a project.

    `project` is the study's name, `name` what a person calls the stage ("edge/0: rl"), `group` its arm with its
    training seed ("edge/0"), `id` its digest and `config` its spec. `root` is the folder of the store. `after` is the
    last step that was written before, -1 where there is none.
    """

    project: str
    name: str
    group: str
    id: str
    config: Mapping[str, Any]
    root: Path
    after: float

    @property
    def unique_name(self) -> str:
        """The name, with digits of the digest for trackers that tell runs apart by it."""
        return f"{self.name} {self.id[:8]}"


class TrackerRun(Protocol):
    """A run of a tracker, which one stage writes. It goes on with the one that is there from before.

    What a method raises is told once, and the tracker is then left alone.
    """

    @classmethod
    def check(cls) -> None:
        """InputError where the tracker cannot be used, as far as that shows before anything is computed."""
        return

    def __init__(self, stage: TrackedStage) -> None:
        """Open the run."""

    def write(self, step: int, metrics: Mapping[str, float]) -> None:
        """Add the metrics of a step."""

    def flush(self) -> None:
        """See to it that what was added survives the end of this process, where the tracker does not by itself."""
        return

    def close(self) -> None:
        """The stage is complete: no more steps come."""


Tracker = Callable[[TrackedStage], TrackerRun]
"""What opens the run of a stage."""

# Name, which is that of its module here and of the package that it needs. The module has the class as RUN.
TRACKERS = ("tensorboard", "wandb", "trackio")


def tracker_named(name: str) -> type[TrackerRun]:
    """The tracker of this name; InputError where there is none, its package is not installed or it cannot be used."""
    if name not in TRACKERS:
        raise unknown_name("--track", name, TRACKERS)
    if importlib.util.find_spec(name) is None:
        raise InputError(f"--track: {name} is not installed; it needs `pip install edgewise[{name}]`")
    run: type[TrackerRun] = importlib.import_module(f"edgewise.study.trackers.{name}").RUN
    run.check()
    return run
