"""Trackio: a run for each stage, in its own local database or in the Space of TRACKIO_SPACE_ID."""

from __future__ import annotations

import contextvars
from collections.abc import Mapping

import trackio

from edgewise.study.trackers.base import TrackedStage, TrackerRun


class TrackioRun(TrackerRun):
    """A run by the name of its stage, which has digits of the digest: trackio tells runs apart by their names."""

    def __init__(self, stage: TrackedStage) -> None:
        # trackio ends the run before in the same context; here several are open at once.
        self._run = contextvars.Context().run(
            trackio.init,
            project=stage.project,
            name=stage.unique_name,
            group=stage.group,
            config=dict(stage.config),
            resume="allow",
            embed=False,
            auto_log_gpu=False,
            auto_log_cpu=False,
        )

    def write(self, step: int, metrics: Mapping[str, float]) -> None:
        self._run.log(dict(metrics), step=step)

    def close(self) -> None:
        self._run.finish()


RUN = TrackioRun
