"""Frozen specs: canonical JSON, digest, override `a.b=c`, difference of two.

A spec is everything that decides a result. Its digest is its identity: two specs with equal canonical JSON are the same
thing and are computed once. What does not decide the result (folder, device, workers) is never part of a spec. What
the digest of a stage covers is listed in `edgewise.study.stages.base`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Self, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from edgewise.core.errors import InputError


class Spec(BaseModel):
    """Base of every spec: frozen, unknown fields refused, compared by value."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @classmethod
    def parse(cls, data: Mapping[str, Any], source: str = "spec") -> Self:
        """The spec with the fields in `data`; InputError names the field of `source` that is wrong."""
        try:
            return cls.model_validate(data)
        except ValidationError as error:
            raise InputError(f"{source}: {describe_error(error)}") from None


def by_name(field: str) -> BeforeValidator:
    """Validator of a union with discriminator `field`: a bare name means the choice of that name with its defaults."""

    def named(value: Any) -> Any:
        return {field: value} if isinstance(value, str) else value

    return BeforeValidator(named)


def describe_error(error: ValidationError) -> str:
    """The first complaint of a pydantic error in one line: field, what is wrong, how many more complaints.

    A wrong value is quoted; a whole group of fields is not.
    """
    first, *rest = error.errors()
    message = first["msg"].removeprefix("Value error, ")
    if first["loc"]:
        message = f"{'.'.join(map(str, first['loc']))}: {message}"
        if not isinstance(first["input"], Mapping | BaseModel):
            message += f", got {first['input']!r:.80}"
    return f"{message} (and {len(rest)} more)" if rest else message


def plain(spec: Spec) -> dict[str, Any]:
    """The spec as nested dicts, lists and scalars; TypeError on what has no stable JSON form."""
    fields: dict[str, Any] = _plain(spec, "")
    return fields


def _plain(value: Any, path: str, *, identity: bool = False) -> Any:
    if isinstance(value, float):
        return value + 0.0  # -0.0 equals 0.0 and must not read otherwise
    if value is None or isinstance(value, str | bool | int):
        return value
    within = f"{path}." if path else ""
    if isinstance(value, Spec):
        names = [name for name, field in type(value).model_fields.items() if not (identity and field.exclude)]
        return {name: _plain(getattr(value, name), within + name, identity=identity) for name in names}
    if isinstance(value, Mapping):
        named = {str(name): _plain(item, f"{within}{name}", identity=identity) for name, item in value.items()}
        if len(named) < len(value):
            raise TypeError(f"{path} has keys that read alike: it has no canonical form, so no digest")
        return named
    if isinstance(value, list | tuple):
        return [_plain(item, f"{path}[{i}]", identity=identity) for i, item in enumerate(value)]
    raise TypeError(f"{path} is a {type(value).__name__}: it has no canonical form, so no digest")


def canonical_json(spec: Spec) -> str:
    """The one text of a spec: sorted keys, no spaces, every default written out.

    Fields declared with `Field(exclude=True)` are left out. They say where something is found (a path) or what it is
    called, and another field says what it is (a digest of the content).
    """
    return json.dumps(_plain(spec, "", identity=True), sort_keys=True, separators=(",", ":"), allow_nan=False)


def digest(spec: Spec) -> str:
    """16 hexadecimal digits that name the spec (SHA-256 of its canonical JSON)."""
    return hashlib.sha256(canonical_json(spec).encode()).hexdigest()[:16]


S = TypeVar("S", bound=Spec)


def override(spec: S, assignments: Sequence[str]) -> S:
    """A copy with each `a.b=c` applied; `c` is read as JSON where it is JSON, else as text.

    InputError names the assignment whose field does not exist or whose value does not fit.
    """
    for assignment in assignments:
        path, equals, text = assignment.partition("=")
        if not equals or not path:
            raise InputError(f"override {assignment!r}: write field=value, e.g. rl.steps=100")
        data = plain(spec)
        *above, last = path.strip().split(".")
        node = data
        for name in above:
            if not isinstance(node.get(name), dict):
                raise InputError(f"override {assignment!r}: there is no group {name!r}; there are {_groups(node)}")
            node = node[name]
        if last not in node:
            raise InputError(f"override {assignment!r}: there is no field {last!r}; there are {sorted(node)}")
        try:
            node[last] = json.loads(text)
        except (ValueError, RecursionError):
            node[last] = text
        spec = type(spec).parse(data, f"override {assignment!r}")
    return spec


def _groups(node: Mapping[str, Any]) -> list[str]:
    return sorted(name for name, value in node.items() if isinstance(value, dict))


def difference(left: Spec, right: Spec) -> dict[str, tuple[Any, Any]]:
    """Dotted field -> (left, right) wherever the two specs differ; a missing side is None."""
    a, b = dict(_leaves(plain(left))), dict(_leaves(plain(right)))
    return {path: (a.get(path), b.get(path)) for path in sorted(a | b) if a.get(path) != b.get(path)}


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for name, item in value.items():
            yield from _leaves(item, f"{path}.{name}" if path else name)
    else:
        yield path, value
