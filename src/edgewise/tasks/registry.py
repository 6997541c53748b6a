"""Find worlds by name: those of this package, and those that installed packages add.

A world of this package is a class in any module of `edgewise.tasks`; nothing else has to name it. An installed package
adds worlds under the entry-point group `edgewise.tasks`, as "name = module:Class"; each is imported when it is first
asked for.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import entry_points
from typing import Annotated, Any

from pydantic import PlainValidator, SerializeAsAny, ValidationError

from edgewise import tasks
from edgewise.core.errors import InputError, unknown_name
from edgewise.core.spec import describe_error
from edgewise.tasks.base import World

GROUP = "edgewise.tasks"


@cache
def our_worlds() -> Mapping[str, type[World]]:
    """The worlds of this package by name: every concrete subclass of `World` that one of its modules defines."""
    return {kind.model_fields["world"].default: kind for kind in _world_classes()}


def _world_classes() -> Iterator[type[World]]:
    for module in pkgutil.iter_modules(tasks.__path__, f"{tasks.__name__}."):
        for value in vars(importlib.import_module(module.name)).values():
            concrete = inspect.isclass(value) and issubclass(value, World) and not inspect.isabstract(value)
            if concrete and f"{value.__module__}.".startswith(f"{module.name}."):
                yield value


def world_names() -> tuple[str, ...]:
    """Every known name, those of this package first. InputError if an entry point takes a name that is taken."""
    return tuple(_places())


def world_named(name: str) -> type[World]:
    """The class of a world.

    InputError if no world has this name, or if what an entry point names cannot be imported or is no `World`.
    """
    place = _places().get(name)
    if place is None:
        raise unknown_name("world", name, _places())
    module, _, attribute = place.partition(":")
    try:
        kind = getattr(importlib.import_module(module), attribute, None)
    except ImportError as error:
        raise InputError(f"world {name!r}: {place} cannot be imported ({error})") from None
    if not (isinstance(kind, type) and issubclass(kind, World)):
        raise InputError(f"world {name!r}: {place} must be a subclass of edgewise.tasks.World")
    if (default := kind.model_fields["world"].default) != name:
        raise InputError(f"world {name!r}: {place} calls itself {default!r}; its field `world` must have the same name")
    return kind


def worlds() -> dict[str, type[World]]:
    """The classes of all worlds by name; this imports every one."""
    return {name: world_named(name) for name in world_names()}


@cache
def _places() -> dict[str, str]:
    """Where the class of each name is, as "module:Class"."""
    places = {name: f"{kind.__module__}:{kind.__qualname__}" for name, kind in our_worlds().items()}
    for point in entry_points(group=GROUP):
        if point.name in places:
            raise InputError(f"entry point {point.value}: there is a world {point.name!r} already; choose another name")
        places[point.name] = f"{point.module}:{point.attr}"
    return places


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
