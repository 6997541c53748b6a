"""Load the study that an argument of a command names, with its settings."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, get_type_hints

from pydantic import ValidationError

from edgewise.core.errors import InputError
from edgewise.core.load import load_object

if TYPE_CHECKING:
    from edgewise.study.study import Study


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
