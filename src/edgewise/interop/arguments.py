"""Read the arguments of an audit, each a path, NAME=PATH or NAME=PATH,PATH,...: models by name, the base first."""

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
from edgewise.interop.standard_input import NAME, STANDARD_INPUT
from edgewise.interop.training_seeds import is_seed_name, numbered, paths_of_seeds, singled_out


@dataclass(frozen=True)
class Argument:
    """What was read of one path of an argument, the name that the argument gave, and the path's training seed where it
    gave several."""

    name: str | None
    path: Path
    read: ReadSource
    seed: str | None = None

    @property
    def models(self) -> tuple[ModelRollouts, ...]:
        """Its models."""
        return self.read.models


@dataclass(frozen=True, eq=False)
class NamedModels:
    """Models by name, the base first, what to say of how they were read, and for each arm with training seeds the model
    of each seed."""

    models: Mapping[str, ModelRollouts]
    seeds: Mapping[str, Mapping[str, str]]
    concerns: tuple[Concern, ...]


def read_arguments(arguments: Sequence[str], **options: Any) -> NamedModels:
    """The models of all arguments, and a concern for every option that some have no use for.

    Several paths of one argument, or several training seeds that the files state, are one arm: its models are called
    ARM/SEED. `options` are those of `read_rollouts`. Raises InputError, naming the file, where it cannot be read, two
    models have one name, it is not known which of several is the base, no argument has a use for an option, no score
    reaches the threshold, or the verdicts of some arguments alone would be those of another score.
    """
    given = [part for argument in arguments for part in _read(argument, options)]
    paths = ", ".join(str(argument.path) for argument in given)
    require_followed(paths, [argument.read for argument in given], options.get("threshold"))
    concerns = [*unused_options(given), *_base_by_order(given[0])]
    models, seeds = _by_name(given)
    concerns += _about_seeds(given)
    return NamedModels(models, seeds, tuple(concerns))


def _read(argument: str, options: Mapping[str, Any]) -> list[Argument]:
    name, equals, path = argument.partition("=")
    if not equals or is_there(Path(argument)):
        name, path = "", argument
    if path == STANDARD_INPUT:
        return [_checked(Argument(name or None, Path(NAME), read_source(path, **options)))]
    paths = paths_of_seeds(path)
    if len(paths) > 1:
        if not name:
            raise InputError(f"{argument}: several paths are the training seeds of one arm; name it: NAME={argument}")
        seeds = numbered([Path(path) for path in paths])
        return [
            _checked(Argument(name, Path(path), read_source(path, **options), seed))
            for path, seed in zip(paths, seeds, strict=True)
        ]
    return [_checked(Argument(name or None, Path(paths[0]), read_source(paths[0], **options)))]


def _checked(argument: Argument) -> Argument:
    """The argument; InputError where NAME= has several models, or one of several paths has several training seeds."""
    names = list(dict.fromkeys(model.model or "" for model in argument.models))
    if argument.seed is not None and len(argument.models) > 1:
        raise InputError(
            f"{argument.path}: holds {len(argument.models)} models; of several paths in one argument each is the "
            "model of one training seed"
        )
    if argument.name and len(names) > 1 and not is_seed_name(names):
        is_folder = argument.path.is_dir()
        way_out = "one file, or the folder" if is_folder else "a file of one model, or this one"
        raise InputError(
            f"{argument.path}: holds {len(names)} models ({name_list(names)}); NAME= takes one; give {way_out} without "
            "NAME="
        )
    return argument


def _about_seeds(given: Sequence[Argument]) -> list[Concern]:
    """Which paths are which training seeds, and a warning of each tuned arm that is one of several seeds."""
    concerns = []
    for name in dict.fromkeys(argument.name for argument in given if argument.seed is not None):
        parts = [f"{argument.seed} is {argument.path}" for argument in given if argument.name == name]
        concerns.append(Concern(f"Training seeds of {name}: {', '.join(parts)}.", harmless=True))
    for argument in given[1:]:
        if argument.seed is None and (siblings := singled_out(argument.path, [other.path for other in given])):
            concerns.append(
                Concern(
                    f"{argument.path} is one of {siblings} files that differ in their seed: a seed that was chosen is "
                    "no result; give all of them as NAME=PATH,PATH,..."
                )
            )
    return concerns


def _by_name(given: Sequence[Argument]) -> tuple[dict[str, ModelRollouts], dict[str, dict[str, str]]]:
    """The models by the names they were given, else by those that the files state, else by those of the files; and the
    models of each arm that has training seeds.

    Models of several folders that are called alike have the name of the folder before theirs.
    """
    stated = Counter(
        (model.model, model.training_seed) for argument in given if argument.name is None for model in argument.models
    )
    is_stated = [
        all(model.model and stated[model.model, model.training_seed] == 1 for model in argument.models)
        for argument in given
    ]
    unnamed = [argument for argument, known in zip(given, is_stated, strict=True) if not (argument.name or known)]
    of_paths = dict(zip(map(id, unnamed), shortest_names([argument.path for argument in unnamed]), strict=True))
    names: list[str] = []
    seeds: dict[str, dict[str, str]] = {}
    for argument in given:
        name = argument.name or of_paths.get(id(argument))
        several = len({model.model for model in argument.models}) > 1
        # Several models below one name differ in the number of their seed.
        of_names = numbered([Path(str(model.model)) for model in argument.models])
        for model, of_name in zip(argument.models, of_names, strict=True):
            arm, seed = name or str(model.model), model.training_seed or argument.seed
            if several and argument.name:
                seed = of_name
            elif several and name:
                arm = f"{name} {model.model}"
            names.append(arm if seed is None else f"{arm}/{seed}")
            if seed is not None:
                seeds.setdefault(arm, {})[seed] = names[-1]
    for name, times in Counter(names).items():
        if times > 1:
            raise InputError(f"models: {times} are called {name!r}; name them as NAME=PATH")
        if name in seeds:
            raise InputError(f"{name}: one of its models has no training seed, and others have; give each one")
    return dict(zip(names, (model for argument in given for model in argument.models), strict=True)), seeds


def _base_by_order(first: Argument) -> list[Concern]:
    """A concern where the first argument is a file of several models, and only their order says which is the base.

    InputError where it is a folder: the order of its files says nothing.
    """
    names = list(dict.fromkeys(model.model or "" for model in first.models))
    if len(names) < 2 or first.name is not None or known_base(names) is not None:
        return []
    if first.path.is_dir():
        raise InputError(
            f"{first.path}: holds {len(names)} models ({name_list(names)}), and no name says which is the base; give "
            "each as an argument, the base first"
        )
    others = name_list(names[1:])
    return [Concern(f"{names[0]} is taken for the base, since it is the first in {first.path.name}, before {others}.")]


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
