"""Inventory of a store: its stages, the reports that need them, what no report needs, and how two stages differ."""

from __future__ import annotations

import math
import shutil
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from edgewise.core.atomic import read_json_object
from edgewise.core.errors import InputError
from edgewise.core.provenance import Provenance
from edgewise.core.spec import difference_of_fields
from edgewise.study.outline import OUTLINE, read_outline
from edgewise.study.outputs import PROVENANCE, SPEC
from edgewise.study.plan import topological_order
from edgewise.study.recompute import RECORD
from edgewise.study.stages import stage_of_kind
from edgewise.study.store import UNFINISHED, folder_name, read_metrics


@dataclass(frozen=True, slots=True)
class StoredStage:
    """A stage's folder in a store. `seconds` and `finished` are None where it is unfinished; `size` is in bytes."""

    folder: Path
    kind: str
    finished: str | None
    seconds: float | None
    size: int
    reports: tuple[str, ...]

    @property
    def unused(self) -> bool:
        """Whether it is finished and no report, and no unfinished stage, needs it."""
        return self.finished is not None and not self.reports


@dataclass(frozen=True, slots=True)
class CurveDifference:
    """A metric that two stages logged, at the last step that both have, and where they lie furthest apart."""

    metric: str
    step: float
    values: tuple[float, float]
    furthest_step: float
    furthest: tuple[float, float]


def reports_in(root: Path) -> dict[str, tuple[str, ...]]:
    """Name of a report's folder -> the folders of the stages that it was made from, or that it waits for."""
    reports = {}
    for path in sorted(root.glob(f"*/{RECORD}")):
        try:
            reports[path.parent.name] = tuple(str(made["folder"]) for made in read_json_object(path).get("stages", []))
        except (KeyError, TypeError):
            raise InputError(f"{path}: does not name the folders of its stages; write the report again") from None
    for path in sorted(root.glob(f"*/{OUTLINE}")):  # of a study that was begun, its finished stages are no waste
        reports.setdefault(path.parent.name, tuple(stage.folder for stage in read_outline(path).stages))
    return reports


def stages_in(root: Path) -> list[StoredStage]:
    """The stages of a store, oldest first, unfinished ones last; InputError where there is no such folder."""
    if not root.is_dir():
        raise InputError(f"{root}: is no folder; give the store that a study wrote to, such as runs")
    needed_by: dict[str, list[str]] = {}
    for report, folders in reports_in(root).items():
        for name in folders:
            needed_by.setdefault(name, []).append(report)
    unfinished = [path.parent for path in sorted(root.glob(f"*{UNFINISHED}/{SPEC}"))]
    finished = [path.parent for path in root.glob(f"*/{PROVENANCE}") if path.parent not in unfinished]
    for folder in unfinished:
        for name in _needed_by(folder, finished):
            needed_by.setdefault(name, []).append(folder.name)
    stages = []
    for folder in finished:
        made = Provenance.parse(read_json_object(folder / PROVENANCE), str(folder / PROVENANCE))
        seconds = made.totals.seconds or made.wall_seconds
        stages.append(_stored(folder, made.finished, seconds, tuple(needed_by.get(folder.name, ()))))
    stages.sort(key=lambda stage: (stage.finished or "", stage.folder.name))
    return [*stages, *(_stored(folder, None, None, ()) for folder in unfinished)]


def remove_unused(root: Path) -> list[StoredStage]:
    """Remove what no report needs, and return it. InputError, before anything is removed, while a study runs here."""
    with ExitStack() as held:
        for path in sorted(root.glob("*.lock")):
            try:
                held.enter_context(FileLock(str(path), timeout=0))
            except Timeout:
                raise InputError(f"{path.stem}: is being computed; wait for that study or stop it") from None
        unused = [stage for stage in stages_in(root) if stage.unused]
        for stage in unused:
            shutil.rmtree(stage.folder)
    return unused


def compare_specs(first: Path, second: Path) -> dict[str, tuple[Any, Any]]:
    """Dotted field -> its values in the specs of two stages' folders, wherever they differ."""
    return difference_of_fields(*(read_json_object(folder / SPEC) for folder in (first, second)))


def compare_curves(first: Path, second: Path) -> list[CurveDifference]:
    """Every metric that both stages logged at a common step, in the order in which the first logged them."""
    curves = [_curves(folder) for folder in (first, second)]
    found = []
    for metric, of_first in curves[0].items():
        of_second = curves[1].get(metric, {})
        steps = sorted(of_first.keys() & of_second.keys())
        if steps:
            furthest = max(steps, key=lambda step: abs(of_first[step] - of_second[step]))
            at = [(of_first[step], of_second[step]) for step in (steps[-1], furthest)]
            found.append(CurveDifference(metric, steps[-1], at[0], furthest, at[1]))
    return found


def _curves(folder: Path) -> Mapping[str, Mapping[float, float]]:
    curves: dict[str, dict[float, float]] = {}
    for line in read_metrics(folder):
        if "step" not in line or not all(isinstance(value, int | float) for value in line.values()):
            raise InputError(
                f"{folder / 'metrics.jsonl'}: not JSON lines of numbers with a step each; remove {folder} to compute it"
                " again"
            )
        for metric, value in line.items():
            if metric != "step" and math.isfinite(value):
                curves.setdefault(metric, {})[line["step"]] = value
    return curves


def _needed_by(unfinished: Path, finished: Sequence[Path]) -> list[str]:
    """The folders of the stages that an unfinished one goes on from: all, where its spec has code that is not here."""
    spec = read_json_object(unfinished / SPEC)
    try:
        stage = stage_of_kind(str(spec.get("kind"))).parse(spec, str(unfinished / SPEC))
    except InputError:
        return [folder.name for folder in finished]
    return [folder_name(ancestor) for ancestor in topological_order(stage.parents)]


def _stored(folder: Path, finished: str | None, seconds: float | None, reports: Sequence[str]) -> StoredStage:
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return StoredStage(folder, folder.name.partition("-")[0], finished, seconds, size, tuple(reports))
