"""TensorBoard: an event file for each stage below `tensorboard/` of the store."""

from __future__ import annotations

import json
from collections.abc import Mapping

from torch.utils.tensorboard import SummaryWriter

from edgewise.study.trackers.base import TrackedStage, TrackerRun


class TensorBoardRun(TrackerRun):
    """Scalars of a stage below `tensorboard/PROJECT/ARM/SEED/KIND-DIGITS`, its spec as a text."""

    def __init__(self, stage: TrackedStage) -> None:
        kind = stage.name.removeprefix(f"{stage.group}: ")
        places = [stage.project, *stage.group.split("/"), f"{kind}-{stage.id[:8]}"]
        folder = stage.root / "tensorboard"
        for place in places:
            folder /= _file_name(place)
        # Steps after the last one that is known to be whole are written again, so they are taken back.
        self._writer = SummaryWriter(str(folder), purge_step=int(stage.after) + 1)
        if stage.after < 0:
            self._writer.add_text("spec", f"```\n{json.dumps(stage.config, indent=1)}\n```")

    def write(self, step: int, metrics: Mapping[str, float]) -> None:
        for name, value in metrics.items():
            self._writer.add_scalar(name, value, step)

    def flush(self) -> None:
        self._writer.flush()

    def close(self) -> None:
        self._writer.close()


RUN = TensorBoardRun


def _file_name(text: str) -> str:
    """A name that a folder can have anywhere."""
    return "".join(c if c.isalnum() or c in " ,=+_-." else "_" for c in text).strip(". ") or "_"
