"""Worlds by name: our own, and those that installed packages add under the entry-point group `edgewise.tasks`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.metadata import entry_points
from typing import Annotated, Any

from pydantic import PlainValidator, SerializeAsAny

from edgewise.errors import InputError
from edgewise.tasks.base import World
from edgewise.tasks.modular import ModularArithmetic

GROUP = "edgewise.tasks"
OURS: dict[str, type[World]] = {"modular": ModularArithmetic}


@cache
def worlds() -> dict[str, type[World]]:
    """Every known world by name. InputError where an entry point is no `World`, or takes a name that is ours."""
    found = dict(OURS)
    for point in entry_points(group=GROUP):
        if point.name in found:
            raise InputError(f"entry point {point.value}: there is a world {point.name!r} already; choose another name")
        loaded = point.load()
        if not (isinstance(loaded, type) and issubclass(loaded, World)):
            raise InputError(f"entry point {point.value}: must be a subclass of edgewise.tasks.World")
        found[point.name] = loaded
    return found


def world_named(name: str) -> type[World]:
    """The class of a world; InputError lists the names there are."""
    try:
        return worlds()[name]
    except KeyError:
        raise InputError(f"world: must be one of {', '.join(sorted(worlds()))}, is {name!r}") from None


def _any_world(value: Any) -> World:
    if isinstance(value, World):
        return value
    if not isinstance(value, Mapping) or "world" not in value:
        raise InputError("must be a world: its knobs with their `world` name")
    return world_named(str(value["world"])).model_validate(value)


AnyWorld = Annotated[SerializeAsAny[World], PlainValidator(_any_world)]
"""A field of a spec that holds any world, written with its name under `world`."""
