"""Frozen specs: canonical JSON, digest, override `a.b=c`, difference of two.

A spec is everything that decides a result. Its digest is its identity: two specs with equal canonical JSON, of classes
with equal code, are the same thing and are computed once. What does not decide the result (folder, device, workers) is
never part of a spec. What the digest of a stage covers is listed in `edgewise.study.stages.base`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any, Literal, Self, TypeVar, cast, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, ConfigDict, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from edgewise.core.errors import InputError
from edgewise.core.own_code import code_digest

ADDED_LATER = "added later"
"""Marks a field that a published spec did not have: `x: Annotated[int, ADDED_LATER] = 0`.

At its default it is left out of the canonical JSON, so a spec that does not use the field keeps its digest.
"""


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
        fields = type(value).model_fields.items()
        names = [name for name, field in fields if not (identity and _left_out(field, getattr(value, name)))]
        return {name: _plain(getattr(value, name), within + name, identity=identity) for name in names}
    if isinstance(value, Mapping):
        named = {str(name): _plain(item, f"{within}{name}", identity=identity) for name, item in value.items()}
        if len(named) < len(value):
            raise TypeError(f"{path} has keys that read alike: it has no canonical form, so no digest")
        return named
    if isinstance(value, list | tuple):
        return [_plain(item, f"{path}[{i}]", identity=identity) for i, item in enumerate(value)]
    raise TypeError(f"{path} is a {type(value).__name__}: it has no canonical form, so no digest")


def _left_out(field: FieldInfo, value: Any) -> bool:
    return field.exclude is True or (ADDED_LATER in field.metadata and value == field.default)


def canonical_json(spec: Spec) -> str:
    """The one text of a spec: sorted keys, no spaces, every default written out.

    Fields declared with `Field(exclude=True)` are left out. They say where something is found (a path) or what it is
    called, and another field says what it is (a digest of the content). So are fields marked `ADDED_LATER` at their
    default.
    """
    return json.dumps(_plain(spec, "", identity=True), sort_keys=True, separators=(",", ":"), allow_nan=False)


def digest(spec: Spec) -> str:
    """16 hexadecimal digits that name the spec: SHA-256 of its canonical JSON and of its `own_code`, if it has any.

    InputError where the code of a class from outside this package cannot be read.
    """
    code = own_code(spec)
    text = canonical_json(spec) + (json.dumps(code, sort_keys=True) if code else "")
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def digest_of_values(spec: Spec) -> str:
    """16 hexadecimal digits of the canonical JSON alone: what draws are keyed by, so that code may be edited."""
    return hashlib.sha256(canonical_json(spec).encode()).hexdigest()[:16]


def own_code(spec: Spec) -> dict[str, str]:
    """Field -> digest of the code of its class, for the spec ("") and all within it that are not of this package."""
    return {path: code for path, kind in _classes(spec, "") if (code := code_digest(kind))}


def _classes(value: Any, path: str) -> Iterator[tuple[str, type[Spec]]]:
    if isinstance(value, Spec):
        yield path, type(value)
        within = f"{path}." if path else ""
        for name, field in type(value).model_fields.items():
            if not field.exclude:
                yield from _classes(getattr(value, name), within + name)
    elif isinstance(value, Mapping):
        for name, item in value.items():
            yield from _classes(item, f"{path}.{name}")
    elif isinstance(value, list | tuple):
        for i, item in enumerate(value):
            yield from _classes(item, f"{path}[{i}]")


S = TypeVar("S", bound=Spec)


def override(spec: S, assignments: Sequence[str]) -> S:
    """A copy with all `a.b=c` applied, then checked together; `c` is read as JSON where it is JSON, else as text.

    A group is set before its fields, whatever the order: `curriculum=pool curriculum.size=8`. A group that is chosen by
    its name, or by its tag (`curriculum.kind=pool`), has its defaults in all other fields. Of two assignments to one
    field the later one holds. InputError names the assignment whose field does not exist or whose value does not fit.
    """
    data, parsed = plain(spec), [_parse(text, spec) for text in assignments]
    for assignment in sorted(parsed, key=lambda assignment: len(assignment.path)):
        followed = any(other.is_within(assignment.path) for other in parsed)
        _assign(data, spec, assignment, followed=followed)
    try:
        return type(spec).model_validate(data)
    except ValidationError as error:
        raise InputError(f"{_blame(error, parsed)}: {describe_error(error)}") from None


@dataclass(frozen=True, slots=True)
class _Assignment:
    """`a.b=c` as typed, its path and its value. `chooses`: the value is the tag of the group at the path."""

    text: str
    path: tuple[str, ...]
    value: Any
    chooses: bool = False

    def is_within(self, path: tuple[str, ...]) -> bool:
        """Whether it sets a field in the group at `path`."""
        return len(self.path) > len(path) and self.path[: len(path)] == path


class _Partial(dict[str, Any]):
    """A group of which some fields are known; the others are for the check to fill in or to miss."""


def _parse(text: str, spec: Spec) -> _Assignment:
    name, equals, written = text.partition("=")
    if not equals or not name:
        raise InputError(f"override {text!r}: write field=value, e.g. rl.steps=100")
    path = tuple(name.strip().split("."))
    try:
        value = json.loads(written)
    except (ValueError, RecursionError):
        value = written
    group: Any = spec
    for part in path[:-1]:
        group = getattr(group, part, None)
    tag = _tag(group)
    if len(path) > 1 and path[-1] == tag and value != getattr(group, tag):
        return _Assignment(text, path[:-1], value, chooses=True)
    return _Assignment(text, path, value)


def _assign(data: dict[str, Any], spec: Spec, assignment: _Assignment, *, followed: bool) -> None:
    """Set a field in `data`, the plain form of `spec` at first; `followed` where fields in it are set later."""
    node, owner = data, cast(Any, spec)
    *above, last = assignment.path
    for name in above:
        if not isinstance(node.get(name), dict):
            raise InputError(f"override {assignment.text!r}: there is no group {name!r}; there are {_groups(node)}")
        node, owner = node[name], getattr(owner, name, None)
    if last not in node and not isinstance(node, _Partial):
        raise InputError(f"override {assignment.text!r}: there is no field {last!r}; there are {sorted(node)}")
    tag = _tag(getattr(owner, last, None))
    value = {tag: assignment.value} if assignment.chooses else assignment.value
    if followed and isinstance(owner, Spec) and last in type(owner).model_fields:
        value = _chosen(owner, last, value, tag, assignment.text)
    node[last] = value


def _chosen(owner: Spec, name: str, value: Any, tag: str | None, text: str) -> Any:
    """All fields of the group that `value` stands for; those in `value` alone where others must be given."""
    try:
        group = TypeAdapter(type(owner).model_fields[name].rebuild_annotation()).validate_python(value)
    except ValidationError as error:
        if isinstance(value, str) and tag is not None:
            return _Partial({tag: value})
        if isinstance(value, dict):
            return _Partial(value)
        raise InputError(f"override {text!r}: {name}: {describe_error(error)}") from None
    return plain(group) if isinstance(group, Spec) else value


def _tag(group: Any) -> str | None:
    """The field that says which choice a group is, such as `kind`: the first that can hold one text alone."""
    for name, field in type(group).model_fields.items() if isinstance(group, Spec) else ():
        texts = get_args(field.annotation) if get_origin(field.annotation) is Literal else ()
        if len(texts) == 1 and isinstance(texts[0], str):
            return name
    return None


def _blame(error: ValidationError, assignments: Sequence[_Assignment]) -> str:
    """The assignments that the first complaint can be about: those whose path goes furthest towards its place."""
    place = [part for part in error.errors()[0]["loc"] if isinstance(part, str)]

    def shared(path: Sequence[str]) -> int:
        rest = iter(place)  # it also holds the tags of choices
        return sum(1 for _ in takewhile(lambda part: part in rest, path))

    reach = {assignment.path: (shared(assignment.path), assignment.text) for assignment in assignments}
    furthest = max((length for length, _ in reach.values()), default=0)
    texts = [f"{text!r:.100}" for length, text in reach.values() if length == furthest]
    return f"override{'s' * (len(texts) > 1)} {', '.join(texts)}"


def _groups(node: Mapping[str, Any]) -> list[str]:
    return sorted(name for name, value in node.items() if isinstance(value, dict))


def difference(left: Spec, right: Spec) -> dict[str, tuple[Any, Any]]:
    """Dotted field -> (left, right) wherever the two specs differ; a missing side is None."""
    return difference_of_fields(plain(left), plain(right))


def difference_of_fields(left: Mapping[str, Any], right: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """`difference` of two specs in their plain form, as a spec.json holds them."""
    a, b = dict(_leaves(left)), dict(_leaves(right))
    return {path: (a.get(path), b.get(path)) for path in sorted(a | b) if a.get(path) != b.get(path)}


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for name, item in value.items():
            yield from _leaves(item, f"{path}.{name}" if path else name)
    else:
        yield path, value
