"""Outline of a study on disk: study.json beside its report, written before it runs, so that what waits is known too.

<out>/demo/study.json    title, question, command; arms and their models; stages with their folders and steps
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from edgewise.boundary.audit.arms import model_name
from edgewise.core.atomic import read_json_object, write_json
from edgewise.core.errors import InputError
from edgewise.core.spec import Spec, digest
from edgewise.study.plan import topological_order
from edgewise.study.store import folder_name
from edgewise.study.study import Study
from edgewise.study.work import planned_steps

OUTLINE = "study.json"


class OutlinedStage(Spec):
    """A stage of a study. `folder` is in the store; `steps` is None where it has none."""

    name: str
    folder: str
    parents: tuple[str, ...]
    steps: int | None


class Outline(Spec):
    """What a study consists of. `arms` are the models of each, the base's first; parents stand before children."""

    version: Literal[1] = 1
    title: str
    question: str
    command: str
    arms: dict[str, tuple[str, ...]]
    stages: tuple[OutlinedStage, ...]

    @property
    def models(self) -> tuple[str, ...]:
        return tuple(model for models in self.arms.values() for model in models)


def outline_of(study: Study, command: str = "") -> Outline:
    """The outline of a study; `command` is what a reader types to go on with it."""
    names = study.names()
    return Outline(
        title=study.title,
        question=study.question,
        command=command,
        arms={arm: tuple(model_name(arm, seed) for seed in of_seed) for arm, of_seed in study.by_seed.items()},
        stages=tuple(
            OutlinedStage(
                name=names.get(digest(stage), stage.kind),
                folder=folder_name(stage),
                parents=tuple(folder_name(parent) for parent in stage.parents),
                steps=planned_steps(stage),
            )
            for stage in topological_order(study.evaluations.values())
        ),
    )


def write_outline(outline: Outline, folder: Path) -> None:
    """Write study.json into the folder of a study's report; InputError where it cannot be written."""
    path = folder / OUTLINE
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_json(path, outline.model_dump(mode="json"))
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror})") from None


def read_outline(path: Path) -> Outline:
    """The outline in a study.json; InputError where it is damaged or of another version."""
    return Outline.parse(read_json_object(path), str(path))
