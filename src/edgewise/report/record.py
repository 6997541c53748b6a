"""Write boundary.json: the whole result of an audit as JSON, in the structure of its dataclasses."""

from __future__ import annotations

import dataclasses
import json
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edgewise import __version__
from edgewise.boundary.audit.result import Audit
from edgewise.outcomes.counts import Counts
from edgewise.report import document
from edgewise.scaling.compute import ComputeOfArms

if TYPE_CHECKING:
    from edgewise.study.record import StageRecord

NAME = "edgewise.boundary/2"

# What of a stage's provenance is repeated, and what stands where it has none.
_RECORDED: Mapping[str, Any] = {"outputs": {}, "other_bits": []}

# An array of this name holds the ids of problems.
IDS = "problem"
# The dimension suffix of what has one value for each problem.
_PER_PROBLEM = re.compile(r"_[A-Z]*P[A-Z]*$")


def write_boundary(
    audit: Audit, path: Path, stages: Sequence[StageRecord] = (), compute: ComputeOfArms | None = None
) -> None:
    """Write the `record` of an audit; the file appears whole or not at all. InputError where it cannot be written."""
    document.write(json.dumps(record(audit, stages, compute), indent=1, allow_nan=False) + "\n", path)


def record(audit: Audit, stages: Sequence[StageRecord] = (), compute: ComputeOfArms | None = None) -> dict[str, Any]:
    """The audit as plain JSON values; `verdict.label` is its answer.

    `stages` are those of a study that was audited, and `compute` is what its arms took.

    Keys are the names of fields; arrays are lists; a number that is not known is null, one without
    bound "inf" or "-inf". What has one value for each problem is left out: problems.csv holds it.
    docs/boundary.schema.json describes the whole.
    """
    made_from: dict[str, Any] = {"stages": [_made(stage) for stage in stages]} if stages else {}
    if compute is not None:
        made_from["compute"] = as_json(compute)
    return {"schema": NAME, "edgewise": __version__, **made_from, **as_json(audit)}


def _made(stage: StageRecord) -> dict[str, Any]:
    """What somebody needs to check a stage: the folder that its spec names, and the digests of its outputs."""
    recorded = {name: as_json(stage.provenance.get(name, empty)) for name, empty in _RECORDED.items()}
    return {"name": stage.name, "folder": stage.folder, **recorded}


def per_problem(field: str) -> bool:
    """Whether the name of a field says that it has one value for each problem."""
    return _PER_PROBLEM.search(field) is not None


def as_json(value: Any) -> Any:
    """Dataclasses, named tuples, mappings, arrays and scalars as JSON values. TypeError for anything else."""
    if dataclasses.is_dataclass(value):
        named = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        return {
            name: as_json(item) for name, item in named.items() if not (per_problem(name) or _of_problems(name, item))
        }
    if isinstance(value, Mapping):
        return {str(name): as_json(item) for name, item in value.items()}
    if hasattr(value, "_asdict"):
        return as_json(value._asdict())
    if isinstance(value, np.ndarray | np.generic):
        return as_json(value.tolist())
    if isinstance(value, list | tuple):
        return [as_json(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else str(value)
    if value is None or isinstance(value, str | bool | int | float):
        return value
    raise TypeError(f"{type(value).__name__} has no place in {NAME}")


def _of_problems(name: str, value: Any) -> bool:
    items = value.values() if isinstance(value, Mapping) else [value]
    return any(isinstance(item, Counts) or (name == IDS and isinstance(item, np.ndarray)) for item in items)
