"""Write the metrics of a study to trackers while it runs: each step once, whatever is interrupted or fails there."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from edgewise.core.atomic import read_json_object, write_json
from edgewise.core.spec import digest, plain
from edgewise.study.stages import Stage
from edgewise.study.store import Store, folder_name
from edgewise.study.trackers.base import TrackedStage, Tracker, TrackerRun
from edgewise.training.metrics_file import Metrics, MetricsFollower

# Below the store: how far each stage was written to each tracker.
TRACKED = ".tracked"
# Seconds to wait at the end for trackers that still write.
_PATIENCE = 60.0


class Tracking:
    """A watcher that writes what stages log to one tracker, in a thread of its own; a context manager.

    `tracker` is called `name`. `names` maps digests to what a person calls a stage (`Study.names`). How far a stage was
    written is kept in the store, so that neither a resumed stage nor the next command writes a step twice; a complete
    stage that was never written is written whole. What the tracker raises ends the tracking and not the study: `warn`
    is called once with a line.
    """

    def __init__(
        self,
        name: str,
        tracker: Tracker,
        project: str,
        names: Mapping[str, str],
        root: Path,
        warn: Callable[[str], None],
    ) -> None:
        self._name, self._tracker, self._project, self._names = name, tracker, project, names
        self._store, self._warn = Store(root), warn
        self._runs: dict[str, TrackerRun] = {}
        self._told: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._write, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._told.put(None)
        if error is not None:
            return  # an interrupted study ends at once; the next command writes the rest
        self._thread.join(_PATIENCE)
        if self._thread.is_alive():
            self._warn(f"--track: {self._name} still has not taken everything; the same command writes the rest")

    def advanced(self, stage: Stage, done: int, total: int, note: str) -> None:
        pass

    def logged(self, stage: Stage, lines: Sequence[Metrics]) -> None:
        self._told.put(lambda: self._add(stage, lines))

    def completed(self, stage: Stage, *, reused: bool) -> None:
        if reused:
            self._told.put(lambda: self._add(stage, MetricsFollower(self._store.folder(stage)).new()))
        self._told.put(lambda: self._close(stage))

    def _write(self) -> None:
        while (act := self._told.get()) is not None:
            try:
                act()
            except Exception as error:  # of code that is not ours, over a network: no reason to stop training
                self._warn(f"--track: {self._name} failed and is left out from now on ({_in_short(error)})")
                return

    def _add(self, stage: Stage, lines: Sequence[Metrics]) -> None:
        record = self._store.root / TRACKED / self._name / self._project / f"{folder_name(stage)}.json"
        after = float(read_json_object(record)["step"]) if record.exists() else -1.0
        new = [line for line in lines if line["step"] > after]
        if not new:
            return
        run = self._runs.get(digest(stage))
        if run is None:
            run = self._runs[digest(stage)] = self._tracker(self._tracked(stage, after))
        for line in new:
            run.write(int(line["step"]), {name: value for name, value in line.items() if name != "step"})
        run.flush()
        record.parent.mkdir(parents=True, exist_ok=True)
        write_json(record, {"step": new[-1]["step"]})

    def _close(self, stage: Stage) -> None:
        run = self._runs.pop(digest(stage), None)
        if run is not None:
            run.close()

    def _tracked(self, stage: Stage, after: float) -> TrackedStage:
        name = self._names[digest(stage)]
        return TrackedStage(
            self._project, name, name.rpartition(": ")[0], digest(stage), plain(stage), self._store.root, after
        )


def _in_short(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0][:200]
