"""Find the world that a text names: a world, a preset or MODULE:CLASS, with settings `knob=value`."""

from __future__ import annotations

import json
from typing import Any

from edgewise.core.errors import InputError, unknown_name
from edgewise.core.load import load_object
from edgewise.core.spec import override, plain
from edgewise.tasks.base import World
from edgewise.tasks.mixture import Mixture, MixturePart
from edgewise.tasks.presets import preset_mixture, preset_names
from edgewise.tasks.registry import world_named, world_names


def world_or_class(task: str) -> World | type[World]:
    """Find the world that TASK names: a class without its knobs, or a world where TASK is a preset or an instance."""
    if task in preset_names():
        return preset_mixture(task)
    if task in world_names():
        return world_named(task)
    if ":" not in task:
        known = [*world_names(), *preset_names()]
        raise unknown_name(
            "TASK", task, known, "`edgewise tasks` lists the worlds; MODULE:CLASS and FILE.py:CLASS are others"
        )
    loaded = load_object(task, "class")
    if not (isinstance(loaded, World) or (isinstance(loaded, type) and issubclass(loaded, World))):
        raise InputError(f"{task}: must be a subclass of edgewise.tasks.World, or one with its knobs set")
    return loaded


def world_of(task: str, settings: list[str]) -> World:
    """Make the world that TASK names with the settings `knob=value`, which are checked together.

    A knob that a mixture does not have itself is set in each of its parts.
    """
    values: dict[str, Any] = {}
    nested = []
    for setting in settings:
        knob, equals, text = setting.partition("=")
        if not equals or not knob.strip():
            raise InputError(f"setting {setting!r}: write knob=value, e.g. max_op=6")
        if "." in knob:
            nested.append(setting)
            continue
        try:
            values[knob.strip()] = json.loads(text)
        except (ValueError, RecursionError):
            values[knob.strip()] = text
    return override(_with_knobs(world_or_class(task), values, task), nested)


def _with_knobs(base: World | type[World], values: dict[str, Any], task: str) -> World:
    kind, knobs = (base, {}) if isinstance(base, type) else (type(base), plain(base))
    known = {knob: value for knob, value in values.items() if knob in kind.model_fields}
    others = {knob: value for knob, value in values.items() if knob not in known}
    if others and not issubclass(kind, Mixture):
        names = ", ".join(name for name in kind.model_fields if name not in ("world", "version"))
        raise InputError(f"{task}: there is no knob {next(iter(others))!r}; there are {names}")
    missing = [
        name for name, field in kind.model_fields.items() if field.is_required() and name not in {**knobs, **known}
    ]
    if missing:
        raise InputError(f"{task}: {missing[0]}: must be given: {missing[0]}=...")
    world = kind.parse({**knobs, **known}, task)
    if others:
        assert isinstance(world, Mixture)
        parts = tuple(
            MixturePart(share=part.share, world=_with_knobs(part.world, others, task)) for part in world.parts
        )
        world = Mixture(parts=parts, of=world.of)
    return world
