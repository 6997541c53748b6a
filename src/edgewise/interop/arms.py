"""Read several models from files, name them and match their problems, so that they can be compared."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np

from edgewise.boundary.audit.arms import ArmSamples
from edgewise.boundary.audit.result import Concern
from edgewise.boundary.audit.unseen import sample_concerns
from edgewise.core.errors import InputError
from edgewise.interop.arguments import read_arguments
from edgewise.interop.concerns import find_concerns, same_seeds
from edgewise.interop.file_names import FilesAre
from edgewise.interop.model_rollouts import ModelRollouts
from edgewise.interop.templates import with_templates
from edgewise.outcomes.counts import Counts, Metric, StrArray
from edgewise.outcomes.outcomes import Outcomes


@dataclass(frozen=True, eq=False)
class Arms:
    """Models by name, the base first, with their samples of the same problems.

    `seeds` holds, for each arm with training seeds, the model of each.
    """

    models: Mapping[str, ModelRollouts]
    samples: Mapping[str, Outcomes | Counts]
    concerns: tuple[Concern, ...]
    seeds: Mapping[str, Mapping[str, str]]

    @property
    def by_arm(self) -> Mapping[str, ArmSamples]:
        """The samples as `audit` takes them: of each model that is an arm, and by training seed of the other arms."""
        arm_of = {model: arm for arm, by_seed in self.seeds.items() for model in by_seed.values()}
        names = dict.fromkeys(arm_of.get(model, model) for model in self.samples)
        return {
            name: {seed: self.samples[model] for seed, model in self.seeds[name].items()}
            if name in self.seeds
            else self.samples[name]
            for name in names
        }

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
        return (samples.metric,) if isinstance(samples, Counts) else samples.metrics

    def counts(self, name: str, metric: Metric | None = None) -> Counts:
        """The counts of one model by `metric`; without one by the process where it was verified, else by the answer."""
        samples = self.samples[name]
        if isinstance(samples, Counts):
            return samples.require_metric(metric or samples.metric)
        return samples.counts(metric or ("answer" if samples.process_S is None else "process"))

    def all_concerns(self, metric: Metric | None = None) -> tuple[Concern, ...]:
        """`concerns`, and those that an audit finds in the counts by `metric`: for what is no audit."""
        counts = {name: self.counts(name, metric) for name in self.models}
        return (*self.concerns, *sample_concerns(self.samples, counts))


def read_arms(
    arguments: Sequence[str],
    *,
    score: str | None = None,
    threshold: float | None = None,
    filter: str | None = None,
    columns: Mapping[str, str] | None = None,
    files_are: FilesAre | None = None,
    shared_problems: bool = False,
) -> Arms:
    """Read every argument and check whether the models can be compared.

    An argument is a path, NAME=PATH, or NAME=PATH,PATH,... for the training seeds of one arm.

    `score`, `threshold`, `filter`, `columns` and `files_are` are as in `read_rollouts`. With `shared_problems` the
    problems that some model lacks are left out, and a concern says how many; without, they are an error. Problems of
    one template that change together become clusters, where the files give none. Raises InputError as
    `edgewise.interop.arguments.read_arguments` does, and where no sample of a model was graded or no problem is shared.
    """
    named = read_arguments(
        arguments, score=score, threshold=threshold, filter=filter, columns=columns, files_are=files_are
    )
    models, concerns = named.models, list(named.concerns)
    for model in models.values():
        _require_graded(model)
    samples: Mapping[str, Outcomes | Counts] = {name: model.samples for name, model in models.items()}
    if shared_problems:
        samples, left_out = _on_shared_problems(samples)
        concerns += left_out
    else:
        _require_same_problems(samples)
    prompts = ChainMap(*(dict(model.prompts) for model in models.values()))
    samples, of_templates = with_templates(samples, prompts)
    concerns += of_templates
    concerns += find_concerns(models, samples)
    concerns += same_seeds(named.seeds, samples)
    return Arms(models, samples, tuple(concerns), named.seeds)


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
