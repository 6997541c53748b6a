"""Worlds by name: our own, and those that installed packages add under the entry-point group `edgewise.tasks`.

A name stands for "module:Class" and is imported when it is first asked for, so that no world costs anything
to those that do not use it.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from functools import cache
from importlib.metadata import entry_points
from typing import Annotated, Any

from pydantic import PlainValidator, SerializeAsAny, ValidationError

from edgewise.core.errors import InputError
from edgewise.core.spec import describe_error
from edgewise.tasks.base import World

GROUP = "edgewise.tasks"
OURS = {
    "modular": "edgewise.tasks.modular:ModularArithmetic",
    "graph": "edgewise.tasks.graph.world:GraphArithmetic",
    "strings": "edgewise.tasks.strings:StringFunctions",
    "countdown": "edgewise.tasks.countdown:Countdown",
    "colouring": "edgewise.tasks.colouring:Colouring",
    "gym": "edgewise.tasks.gym:ReasoningGym",
    "questions": "edgewise.tasks.questions:Questions",
    "mixture": "edgewise.tasks.mixture:Mixture",
}


def world_names() -> tuple[str, ...]:
    """Every known name, ours first. InputError where an entry point takes a name that there is already."""
    return tuple(_places())


def world_named(name: str) -> type[World]:
    """The class of a world; InputError lists the names there are, or says what cannot be imported or is no `World`."""
    place = _places().get(name)
    if place is None:
        raise InputError(f"world: must be one of {', '.join(_places())}, is {name!r}")
    module, _, attribute = place.partition(":")
    try:
        found = getattr(importlib.import_module(module), attribute, None)
    except ImportError as error:
        raise InputError(f"world {name!r}: {place} cannot be imported ({error})") from None
    if not (isinstance(found, type) and issubclass(found, World)):
        raise InputError(f"world {name!r}: {place} must be a subclass of edgewise.tasks.World")
    if (own := found.model_fields["world"].default) != name:
        raise InputError(f"world {name!r}: {place} calls itself {own!r}; its field `world` must have the same name")
    return found


def worlds() -> dict[str, type[World]]:
    """The classes of all worlds by name; imports every one."""
    return {name: world_named(name) for name in world_names()}


@cache
def _places() -> dict[str, str]:
    found = dict(OURS)
    for point in entry_points(group=GROUP):
        if point.name in found:
            raise InputError(f"entry point {point.value}: there is a world {point.name!r} already; choose another name")
        found[point.name] = f"{point.module}:{point.attr}"
    return found


def _any_world(value: Any) -> World:
    if isinstance(value, World):
        return value
    if not isinstance(value, Mapping) or "world" not in value:
        raise InputError("must be a world: its knobs with their `world` name")
    try:
        return world_named(str(value["world"])).model_validate(value)
    except ValidationError as error:
        raise InputError(describe_error(error)) from None


AnyWorld = Annotated[SerializeAsAny[World], PlainValidator(_any_world)]
"""A field of a spec that holds any world, written with its name under `world`."""
