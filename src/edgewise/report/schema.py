"""JSON Schema of boundary.json, derived from the types of the dataclasses."""

from __future__ import annotations

import dataclasses
import re
import types
from collections.abc import Mapping, Sequence
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import numpy as np

from edgewise.boundary.audit.result import Audit
from edgewise.boundary.measures.registry import Unit, of_unit
from edgewise.outcomes.counts import Counts
from edgewise.report.record import IDS, NAME, per_problem
from edgewise.scaling.compute import ComputeOfArms

_NUMBER: dict[str, Any] = {"anyOf": [{"type": "number"}, {"enum": ["inf", "-inf"]}, {"type": "null"}]}
_SCALARS: Mapping[Any, dict[str, Any]] = {
    str: {"type": "string"},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"$ref": "#/$defs/number"},
    type(None): {"type": "null"},
}
_UNITS: Mapping[str, Unit] = {"measures": "set", "models": "model", "comparisons": "comparison"}
# Of a study alone; see `record`.
_STAGES: dict[str, Any] = {
    "description": "Of a study, how its models were made. `folder` is named by the digest of the stage's spec;"
    " `outputs` has the digest of each output's content; `other_bits` says why another machine may get others, if it"
    " may.",
    "type": "array",
    "items": {
        "type": "object",
        "required": ["name", "folder", "outputs", "other_bits"],
        "properties": {
            "name": {"type": "string"},
            "folder": {"type": "string"},
            "outputs": {"type": "object", "additionalProperties": {"type": "string"}},
            "other_bits": {"type": "array", "items": {"type": "string"}},
        },
        "additionalProperties": False,
    },
}
_CELLS = {"f": {"$ref": "#/$defs/number"}, "i": {"type": "integer"}, "U": {"type": "string"}, "b": {"type": "boolean"}}


def schema() -> dict[str, Any]:
    """The schema that every `record` fulfils, in the dialect of 2020-12."""
    definitions: dict[str, Any] = {"number": {"description": "null: not known; inf and -inf: without bound", **_NUMBER}}
    audit, compute = _object(Audit, definitions), _object(ComputeOfArms, definitions)
    head: dict[str, Any] = {
        "schema": {"const": NAME},
        "edgewise": {"type": "string", "description": "version that wrote the file"},
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": NAME,
        **audit,
        "required": [*head, *audit["required"]],
        "properties": {**head, "stages": _STAGES, "compute": compute, **audit["properties"]},
        "$defs": dict(sorted(definitions.items())),
    }


def _object(kind: type, definitions: dict[str, Any]) -> dict[str, Any]:
    """A dataclass or named tuple: all its fields, no others."""
    hints = get_type_hints(kind)
    properties = {
        name: _type(hint, name, definitions)
        for name, hint in hints.items()
        if not (per_problem(name) or _of_problems(name, hint))
    }
    return {
        "type": "object",
        "description": " ".join((kind.__doc__ or "").split()),
        "required": list(properties),
        "properties": properties,
        "additionalProperties": False,
    }


def _type(hint: Any, name: str, definitions: dict[str, Any]) -> dict[str, Any]:
    origin, arguments = get_origin(hint), get_args(hint)
    if hint in _SCALARS:
        return _SCALARS[hint]
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin in (Union, types.UnionType):
        return _either([_type(argument, name, definitions) for argument in arguments])
    if origin is np.ndarray:
        (cell,) = get_args(arguments[1])
        items: dict[str, Any] = _CELLS[np.dtype(cell).kind]
        for _ in _dimensions(name):
            items = {"type": "array", "items": items}
        return items
    if origin is tuple and arguments[-1] is not Ellipsis:
        cells = [_type(argument, name, definitions) for argument in arguments]
        return {"type": "array", "prefixItems": cells, "minItems": len(cells), "maxItems": len(cells)}
    if origin in (tuple, list, Sequence):
        return {"type": "array", "items": _type(arguments[0], name, definitions)}
    if origin is Mapping and arguments[1] is Any:
        return _results(name, definitions)
    if origin is Mapping:
        return {"type": "object", "additionalProperties": _type(arguments[1], name, definitions)}
    if dataclasses.is_dataclass(hint) or hasattr(hint, "_fields"):
        if hint.__name__ not in definitions:
            definitions[hint.__name__] = {}
            definitions[hint.__name__] = _object(hint, definitions)
        return {"$ref": f"#/$defs/{hint.__name__}"}
    raise TypeError(f"{name}: {hint} has no place in {NAME}")


def _results(name: str, definitions: dict[str, Any]) -> dict[str, Any]:
    """The results of the measures that a field of `ProblemSet` holds: of those that were asked for."""
    properties = {
        measure.name: _either([_type(measure.result_type, measure.name, definitions), _SCALARS[type(None)]])
        for measure in of_unit(_UNITS[name])
    }
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _either(kinds: list[dict[str, Any]]) -> dict[str, Any]:
    different = [kind for i, kind in enumerate(kinds) if kind not in kinds[:i]]
    return different[0] if len(different) == 1 else {"anyOf": different}


def _dimensions(name: str) -> str:
    """The dimension suffix of an array; one that has none has one dimension."""
    suffix = re.search(r"_([A-Z]+)$", name)
    return suffix[1] if suffix else "1"


def _of_problems(name: str, hint: Any) -> bool:
    return hint is Counts or Counts in get_args(hint) or (name == IDS and get_origin(hint) is np.ndarray)
