"""Watch studies as they run, from the files that they leave: which stages wait, run, were interrupted or are finished.

Nothing is written, and no study needs to know. What is to come is known from study.json; a store without one, as
`edgewise.run` called from Python leaves it, shows the stages that there are.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

from edgewise.core.atomic import read_json_object
from edgewise.core.errors import InputError
from edgewise.rl.kept_groups import read_groups
from edgewise.study.health import StageHealth, health_of
from edgewise.study.outline import OUTLINE, Outline, OutlinedStage, read_outline
from edgewise.study.outputs import PROVENANCE, SPEC
from edgewise.study.record import FINISHED, StageRecord, StageStatus
from edgewise.study.stages import stage_of_kind
from edgewise.study.store import UNFINISHED, is_held, read_metrics
from edgewise.study.work import planned_steps
from edgewise.training.metrics_file import METRICS
from edgewise.training.run_folder import GROUPS

PAGE = "report.html"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class WatchedStudy:
    """A study as it stands: its stages, parents before children, and the page of its report once it is finished.

    `arms` are the models of each. `others` names the studies that have their report in the same store.
    """

    name: str
    title: str
    question: str
    command: str
    arms: Mapping[str, tuple[str, ...]]
    stages: tuple[StageRecord, ...]
    report: Path | None
    others: tuple[str, ...]

    @property
    def health(self) -> tuple[StageHealth, ...]:
        """The health of every stage that trains on rollouts, as far as it has come."""
        return health_of(self.stages)


class Watching:
    """Looks at the studies in a store, or at one by the folder of its report; reads again only what has changed."""

    def __init__(self, place: Path) -> None:
        """InputError where `place` holds no study and no stage."""
        if not place.is_dir():
            raise InputError(f"{place}: is no folder; give the store that a study writes to, such as runs")
        self._only = place.name if (place / OUTLINE).is_file() else None
        self._root = place.parent if self._only else place
        self._read: dict[tuple[str, Path], tuple[tuple[int, int], Any]] = {}
        # Folder -> time and step when its metrics were first seen here.
        self._first: dict[str, tuple[float, int]] = {}
        if not self.names() and not _stages_there(self._root):
            raise InputError(f"{place}: holds no study and no stage; give the folder of `edgewise run --out`")

    def names(self) -> list[str]:
        """The studies, the one that was started last first."""
        if self._only:
            return [self._only]
        outlines = [(_stamp(path), path.parent.name) for path in self._root.glob(f"*/{OUTLINE}")]
        return [name for _, name in sorted(outlines, reverse=True)]

    def look(self, name: str | None = None) -> WatchedStudy:
        """The study of this name as it stands now; None for the one that was started last.

        InputError where there is none of this name, or its study.json is damaged.
        """
        names = self.names()
        if name is not None and name not in names:
            raise InputError(f"{name}: is no study in {self._root}")
        name = name or next(iter(names), None)
        if name is None:
            outline, report = _outline_of_store(self._root), None
        else:
            path = self._root / name / OUTLINE
            outline, report = self._cached(path, read_outline), self._root / name / PAGE
        stages = tuple(self._record(stage) for stage in outline.stages)
        finished = all(stage.status.word == "finished" for stage in stages)
        return WatchedStudy(
            name=name or self._root.name,
            title=outline.title,
            question=outline.question,
            command=outline.command,
            arms=outline.arms,
            stages=stages,
            report=report if report is not None and finished and report.is_file() else None,
            others=tuple(other for other in names if other != name),
        )

    def _record(self, stage: OutlinedStage) -> StageRecord:
        try:
            return self._read_record(stage)
        except InputError:
            pass  # it may have been renamed while it was read
        try:
            return self._read_record(stage)
        except InputError as error:
            status = StageStatus("interrupted", steps=stage.steps, note=str(error))
            return StageRecord(stage.name, stage.folder, {}, {}, [], status=status)

    def _read_record(self, stage: OutlinedStage) -> StageRecord:
        folder = self._root / stage.folder
        finished = (folder / PROVENANCE).is_file()
        place = folder if finished else folder.with_name(folder.name + UNFINISHED)
        if not (place / SPEC).is_file():
            return StageRecord(stage.name, stage.folder, {}, {}, [], status=StageStatus("waiting", steps=stage.steps))
        metrics = self._cached(place / METRICS, lambda path: read_metrics(path.parent)) or []
        return StageRecord(
            name=stage.name,
            folder=stage.folder,
            spec=self._cached(place / SPEC, read_json_object),
            provenance=self._cached(place / PROVENANCE, read_json_object) if finished else {},
            metrics=metrics,
            groups=self._cached(place / GROUPS, lambda path: read_groups(path.parent)) or (),
            status=FINISHED if finished else self._status(stage, folder, place / METRICS, metrics),
        )

    def _status(self, stage: OutlinedStage, folder: Path, path: Path, metrics: list[dict[str, float]]) -> StageStatus:
        """Of a stage that has begun: how far it is, and how long it takes at the speed since this was first seen."""
        done = int(metrics[-1].get("step", -1)) + 1 if metrics else 0
        if not is_held(folder):
            self._first.pop(stage.folder, None)
            return StageStatus("interrupted", done, stage.steps)
        left = None
        if metrics:
            now = _stamp(path)[0] / 1e9
            start, first = self._first.setdefault(stage.folder, (now, done))
            if stage.steps is not None and done > first:
                left = (stage.steps - done) * (now - start) / (done - first)
        return StageStatus("running", done if stage.steps else None, stage.steps, left)

    def _cached(self, path: Path, read: Callable[[Path], T]) -> T:
        """What `read` gives, once for each content; None where there is no file."""
        key, stamp = (path.name, path.parent), _stamp(path)
        held = self._read.get(key)
        if held is None or held[0] != stamp:
            held = self._read[key] = (stamp, read(path) if stamp[1] >= 0 else None)
        return cast(T, held[1])


def _stamp(path: Path) -> tuple[int, int]:
    """When a file was written last, in nanoseconds, and its size; -1 where there is none."""
    try:
        status = os.stat(path)
    except FileNotFoundError:
        return 0, -1
    return status.st_mtime_ns, status.st_size


def _stages_there(root: Path) -> list[Path]:
    """The folders of stages in a store, finished or not, the oldest spec first."""
    specs = sorted(root.glob(f"*/{SPEC}"), key=_stamp)
    return [path.parent for path in specs]


def _outline_of_store(root: Path) -> Outline:
    """An outline of the stages that there are, each a model of its own."""
    stages = []
    for folder in _stages_there(root):
        name = folder.name.removesuffix(UNFINISHED)
        spec = read_json_object(folder / SPEC)
        kind = str(spec.get("kind"))
        try:
            steps = planned_steps(stage_of_kind(kind).parse(spec, str(folder / SPEC)))
        except InputError:  # of code that is not here
            steps = None
        stages.append(OutlinedStage(name=f"{name}: {kind}", folder=name, parents=(), steps=steps))
    named = {stage.folder: (stage.folder,) for stage in stages}
    return Outline(title=root.name, question="", command="", arms=named, stages=tuple(stages))
