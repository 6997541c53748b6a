"""Read the arguments of an audit, each a path or NAME=PATH: the models in them by name, the base first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgewise.boundary.audit.result import Concern
from edgewise.core.errors import InputError
from edgewise.interop.ingest.schema import name_list
from edgewise.interop.model_names import known_base, shortest_names
from edgewise.interop.model_rollouts import ModelRollouts
from edgewise.interop.read import ReadSource, is_there, read_source, require_followed


@dataclass(frozen=True)
class Argument:
    """What was read of one argument, and the name that it gave."""

    name: str | None
    path: Path
    read: ReadSource

    @property
    def models(self) -> tuple[ModelRollouts, ...]:
        """Its models."""
        return self.read.models


def read_arguments(arguments: Sequence[str], **options: Any) -> tuple[dict[str, ModelRollouts], list[Concern]]:
    """The models of all arguments by name, the base first, and a concern for every option that some have no use for.

    `options` are those of `read_rollouts`. Raises InputError, naming the file, where it cannot be read, two models have
    one name, it is not known which of several is the base, no argument has a use for an option, no score reaches the
    threshold, or the verdicts of some arguments alone would be those of another score.
    """
    given = [_read(argument, options) for argument in arguments]
    paths = ", ".join(str(argument.path) for argument in given)
    require_followed(paths, [argument.read for argument in given], options.get("threshold"))
    concerns = unused_options(given)
    _require_base(given[0])
    return _by_name(given), concerns


def _read(argument: str, options: Mapping[str, Any]) -> Argument:
    name, equals, path = argument.partition("=")
    if not equals or is_there(Path(argument)):
        name, path = "", argument
    read = read_source(path, **options)
    models = read.models
    if name and len(models) > 1:
        names = name_list([model.model or "" for model in models])
        way_out = "one file, or the folder" if Path(path).is_dir() else "a file of one model, or this one"
        raise InputError(f"{path}: holds {len(models)} models ({names}); NAME= takes one; give {way_out} without NAME=")
    return Argument(name or None, Path(path), read)


def _by_name(given: Sequence[Argument]) -> dict[str, ModelRollouts]:
    """The models by the names they were given, else by those that the files state, else by those of the files.

    Models of several folders that are called alike have the name of the folder before theirs.
    """
    stated = Counter(model.model for argument in given if argument.name is None for model in argument.models)
    is_stated = [all(model.model and stated[model.model] == 1 for model in argument.models) for argument in given]
    unnamed = [argument for argument, known in zip(given, is_stated, strict=True) if not (argument.name or known)]
    of_paths = dict(zip(map(id, unnamed), shortest_names([argument.path for argument in unnamed]), strict=True))
    names: list[str] = []
    for argument in given:
        name = argument.name or of_paths.get(id(argument))
        several = len(argument.models) > 1
        names += [
            f"{name} {model.model}" if name and several else name or str(model.model) for model in argument.models
        ]
    for name, times in Counter(names).items():
        if times > 1:
            raise InputError(f"models: {times} are called {name!r}; name them as NAME=PATH")
    return dict(zip(names, (model for argument in given for model in argument.models), strict=True))


def _require_base(first: Argument) -> None:
    """InputError where the first argument is a folder of several models and no name says which is the base."""
    names = [model.model or "" for model in first.models]
    if len(names) > 1 and first.path.is_dir() and known_base(names) is None:
        raise InputError(
            f"{first.path}: holds {len(names)} models ({name_list(names)}), and no name says which is the base; give "
            "each as an argument, the base first"
        )


def unused_options(given: Sequence[Argument]) -> list[Concern]:
    """What to say of options that some arguments have no use for.

    InputError where the verdicts of these are of another score for it.
    """
    concerns = []
    for option in dict.fromkeys(option for argument in given for option in argument.read.unused):
        idle = [argument for argument in given if option in argument.read.unused]
        paths = ", ".join(str(argument.path) for argument in idle)
        fields = [
            {field for argument in part for model in argument.models for field in model.graded_by}
            for part in (idle, [argument for argument in given if argument not in idle])
        ]
        if option == "score" and all(fields) and fields[0] != fields[1]:
            raise InputError(
                f"{paths}: --score: not followed here, where verdicts are of {name_list(sorted(fields[0]))}, and of "
                f"{name_list(sorted(fields[1]))} elsewhere; give files that have one score"
            )
        concerns.append(Concern(f"{paths} has no use for --{option}."))
    return concerns
