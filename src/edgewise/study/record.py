"""How a stage of a study was made, or how far it is: its spec, provenance, metrics and kept groups."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from edgewise.rl.kept_groups import KeptGroup


@dataclass(frozen=True, slots=True)
class StageStatus:
    """How far a stage is. `done` of `steps` are done, where it counts them.

    `seconds_left` is None where it is not known. `note` says what is wrong with it, if anything is.
    """

    word: Literal["waiting", "running", "interrupted", "finished"]
    done: int | None = None
    steps: int | None = None
    seconds_left: float | None = None
    note: str = ""


FINISHED = StageStatus("finished")


@dataclass(frozen=True, slots=True)
class StageRecord:
    """How one stage was made: its spec and what its provenance.json records, which is empty until it is finished."""

    name: str
    folder: str
    spec: Mapping[str, Any]
    provenance: Mapping[str, Any]
    metrics: list[dict[str, float]]
    groups: tuple[KeptGroup, ...] = ()
    status: StageStatus = FINISHED
