"""Load what an argument of a command names: a Python object, a world or a study, with its settings."""

from __future__ import annotations

import dataclasses
import importlib
import importlib.util
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_type_hints

from pydantic import ValidationError

from edgewise.core.errors import InputError, unknown_name

if TYPE_CHECKING:
    from edgewise.study.study import Study
    from edgewise.tasks import World


def load_object(name: str, what: str) -> Any:
    """Import the object at MODULE:NAME or FILE.py:NAME; InputError, which calls it `what`, where there is none."""
    place, colon, attribute = name.rpartition(":")
    if not colon:
        raise InputError(f"{name}: write MODULE:{what.upper()} or FILE.py:{what.upper()}")
    try:
        if place.endswith(".py"):
            stem = Path(place).stem
            if "." in stem or _is_other_module(stem):
                raise InputError(
                    f"{place}: workers import it as {stem!r}, which is no name or another module's; rename it"
                )
            # Worker processes import the file by its name, so its folder goes first, as where a script is run.
            if (folder := str(Path(place).resolve().parent)) not in sys.path:
                sys.path.insert(0, folder)
            spec = importlib.util.spec_from_file_location(stem, place)
            assert spec is not None and spec.loader is not None
            module = importlib.util.module_from_spec(spec)
            # Pydantic resolves annotations through sys.modules.
            sys.modules[spec.name] = module
            spec.loader.exec_module(module)
        else:
            module = importlib.import_module(place)
    except (FileNotFoundError, ModuleNotFoundError) as error:
        raise InputError(f"{place}: not found ({error})") from None
    try:
        return getattr(module, attribute)
    except AttributeError:
        raise InputError(f"{place}: has no {what} {attribute!r}") from None


def _is_other_module(name: str) -> bool:
    """Whether Python, this package or an installed one has a module of this name."""
    if name == __name__.partition(".")[0] or name in sys.stdlib_module_names:
        return True
    try:
        found = importlib.util.find_spec(name)
    except ValueError:
        return False
    return found is not None and bool({"site-packages", "dist-packages"} & set(Path(found.origin or "").parts))


def world_or_class(task: str) -> World | type[World]:
    """Find the world that TASK names: a class without its knobs, or a world where TASK is a preset or an instance."""
    from edgewise.tasks.base import World
    from edgewise.tasks.presets import preset_mixture, preset_names
    from edgewise.tasks.registry import world_named, world_names

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
    from edgewise.core.spec import override

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
    from edgewise.core.spec import plain
    from edgewise.tasks.mixture import Mixture, MixturePart

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


def study_of(name: str, settings: list[str], seeds: str | None = None, scale: str | None = None) -> Study:
    """Call the study function at `name` with its spec, after applying the settings `a.b=c` to that.

    `scale` is set first, as the field of this name. `seeds` are the training seeds in place of the study's own.
    """
    from edgewise.core.spec import Spec, describe_error, override
    from edgewise.study.study import Study
    from edgewise.study.training_seeds import parse_seeds

    function = load_object(name, "function")
    if not callable(function):
        raise InputError(f"{name}: must be a function")
    try:
        hints = get_type_hints(function)
    except NameError as error:
        raise InputError(f"{name}: its annotations cannot be resolved ({error})") from None
    hints.pop("return", None)
    kinds = [kind for kind in hints.values() if isinstance(kind, type) and issubclass(kind, Spec)]
    if not kinds or isinstance(function, type):
        raise InputError(f"{name}: must take one argument annotated with its Spec")
    fields = kinds[0].model_fields
    if scale is not None and "scale" not in fields:
        raise InputError(f"--scale: {name} has no field `scale`; its fields are {', '.join(fields)}")
    for setting in settings:
        if setting.startswith("seed=") and "seed" not in fields:
            raise InputError(f"{setting}: {name} has no field `seed`; give training seeds as --seeds 5, 0,3,7 or 1-1")
    default = kinds[0].parse({}, name) if scale is None else kinds[0].parse({"scale": scale}, "--scale")
    spec = override(default, settings)
    try:
        study = function(spec)
        if seeds is not None and isinstance(study, Study):
            study = dataclasses.replace(study, seeds=parse_seeds(seeds))
    except ValidationError as error:  # the settings do not fit together in a stage
        raise InputError(f"{name}: {describe_error(error)}") from None
    if not isinstance(study, Study):
        raise InputError(f"{name}: must return a Study, returned {type(study).__name__}")
    return study
