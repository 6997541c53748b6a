"""Read several models from files, name them and match their problems, so that they can be compared."""

from __future__ import annotations

from collections import ChainMap, Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial, reduce
from pathlib import Path

import numpy as np

from edgewise.boundary.audit.result import Concern
from edgewise.core.errors import InputError
from edgewise.interop.concerns import find_concerns
from edgewise.interop.ingest.schema import name_list
from edgewise.interop.model_names import shortest_names
from edgewise.interop.model_rollouts import ModelRollouts
from edgewise.interop.read import is_there, read_rollouts
from edgewise.outcomes.counts import Counts, Metric, StrArray
from edgewise.outcomes.outcomes import Outcomes


@dataclass(frozen=True, eq=False)
class Arms:
    """Models by name, the base first, with their samples of the same problems."""

    models: Mapping[str, ModelRollouts]
    samples: Mapping[str, Outcomes | Counts]
    concerns: tuple[Concern, ...]

    @property
    def base(self) -> str:
        """The name of the model that the others are compared with."""
        return next(iter(self.models))

    @property
    def prompts(self) -> Mapping[str, str]:
        """The prompt of each problem, the base's where models were given different ones."""
        return ChainMap(*(dict(model.prompts) for model in self.models.values()))

    def metrics(self, name: str) -> tuple[Metric, ...]:
        """The metrics by which one model's samples were verified."""
        samples = self.samples[name]
        if isinstance(samples, Counts):
            return (samples.metric,)
        return ("answer",) if samples.process_S is None else ("answer", "process")

    def counts(self, name: str, metric: Metric | None = None) -> Counts:
        """The counts of one model by `metric`; without one by the process where it was verified, else by the answer."""
        samples = self.samples[name]
        if isinstance(samples, Counts):
            return samples.require_metric(metric or samples.metric)
        return samples.counts(metric or ("answer" if samples.process_S is None else "process"))


def read_arms(
    arguments: Sequence[str],
    *,
    score: str | None = None,
    threshold: float | None = None,
    filter: str | None = None,
    columns: Mapping[str, str] | None = None,
    shared_problems: bool = False,
) -> Arms:
    """Read every argument, a path or NAME=PATH, and check whether the models can be compared.

    `score`, `threshold`, `filter` and `columns` are as in `read_rollouts`. With `shared_problems` the problems that
    some model lacks are left out, and a concern says how many; without, they are an error. Raises InputError, naming
    the file, where a file cannot be read, no sample of a model was graded, two models have one name, or no problem is
    shared.
    """
    read = partial(read_rollouts, score=score, threshold=threshold, filter=filter, columns=columns)
    models = _by_name([model for argument in arguments for model in _read_argument(argument, read)])
    for model in models.values():
        _require_graded(model)
    samples: Mapping[str, Outcomes | Counts] = {name: model.samples for name, model in models.items()}
    concerns: list[Concern] = []
    if shared_problems:
        samples, concerns = _on_shared_problems(samples)
    else:
        _require_same_problems(samples)
    return Arms(models, samples, (*concerns, *find_concerns(models, samples)))


# A model with the name it was given, if any, and the path it was read from.
_Read = tuple[str | None, Path, ModelRollouts]


def _read_argument(argument: str, read: Callable[[str], tuple[ModelRollouts, ...]]) -> Iterator[_Read]:
    name, equals, path = argument.partition("=")
    if not equals or is_there(Path(argument)):
        name, path = "", argument
    models = read(path)
    if name and len(models) > 1:
        names = name_list([model.model or "" for model in models])
        way_out = "one file, or the folder" if Path(path).is_dir() else "a file of one model, or this one"
        raise InputError(f"{path}: holds {len(models)} models ({names}); NAME= takes one; give {way_out} without NAME=")
    for model in models:
        yield name or None, Path(path), model


def _by_name(read: Sequence[_Read]) -> dict[str, ModelRollouts]:
    """The models by the names they were given, else by those that the files state, else by those of the files."""
    stated = Counter(model.model for name, _, model in read if name is None)
    known = [name or (model.model if model.model and stated[model.model] == 1 else None) for name, _, model in read]
    unnamed = [path for (_, path, _), name in zip(read, known, strict=True) if name is None]
    of_paths = iter(shortest_names(unnamed))
    names = [name or next(of_paths) for name in known]
    for name, times in Counter(names).items():
        if times > 1:
            raise InputError(f"models: {times} are called {name!r}; name them as NAME=PATH")
    return dict(zip(names, (model for _, _, model in read), strict=True))


def _require_graded(model: ModelRollouts) -> None:
    """Raise InputError where not one sample has a verdict: its rate would be 0 whatever the model can do."""
    outcomes = model.outcomes
    if outcomes is None or (outcomes.answer_S != -1).any():
        return
    if outcomes.process_S is not None and (outcomes.process_S != -1).any():
        return
    field = ", ".join(model.graded_by) or "correct"
    samples = f"{outcomes.answer_S.size:,} samples" + (f" of {model.model}" if model.model else "")
    raise InputError(
        f"{model.files[0]}: {field}: no verdict in any of the {samples}, so there is no rate; grade them first, or "
        "name the field that holds the verdict"
    )


def _require_same_problems(samples: Mapping[str, Outcomes | Counts]) -> None:
    base_name, *others = samples
    keys = _problem_keys(samples)
    for other in others:
        for name, lacking in ((base_name, other), (other, base_name)):
            missing_P = ~np.isin(keys[name], keys[lacking])
            if missing_P.any():
                first = int(np.argmax(missing_P))
                problem, sets = samples[name].problem[first], samples[name].set
                if sets is not None and problem in samples[lacking].problem:
                    problem = f"{sets[first]}/{problem}"
                raise InputError(
                    f"{lacking}: lacks {missing_P.sum()} of the {missing_P.size} problems of {name} "
                    f"({problem}, ...); give rollouts of the same problems, or --shared-problems"
                )


def _problem_keys(samples: Mapping[str, Outcomes | Counts]) -> dict[str, StrArray]:
    """What problems are matched by: their ids, and their sets where every model's are known.

    Two tasks of one benchmark may number their problems alike.
    """
    sets = {name: arm.set for name, arm in samples.items() if arm.set is not None}
    if len(sets) < len(samples):
        return {name: arm.problem for name, arm in samples.items()}
    return {name: np.char.add(np.char.add(sets[name], "\n"), arm.problem) for name, arm in samples.items()}


def _on_shared_problems(
    samples: Mapping[str, Outcomes | Counts],
) -> tuple[dict[str, Outcomes | Counts], list[Concern]]:
    """The samples of the problems that all models have, and a concern where that leaves some out."""
    keys = _problem_keys(samples)
    common: StrArray = reduce(np.intersect1d, keys.values())
    if not common.size:
        raise InputError("problem: the models share none; give rollouts of the same problems")
    shared = {name: np.isin(keys[name], common) for name in samples}
    left_out = {name: int((~shared_P).sum()) for name, shared_P in shared.items() if not shared_P.all()}
    concerns = []
    if left_out:
        numbers = ", ".join(f"{number} of {name}" for name, number in left_out.items())
        concerns.append(Concern(f"Compared on the {common.size} problems all models have; left out are {numbers}."))
    return {name: arm.select(shared[name]) for name, arm in samples.items()}, concerns
