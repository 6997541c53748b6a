"""From files to arms that can be compared: names, shared problems, and what a reader must know."""

from __future__ import annotations

from collections import ChainMap, Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path

import numpy as np

from edgewise.boundary.audit.result import Concern
from edgewise.core.errors import InputError
from edgewise.interop.ingest.imported import Imported
from edgewise.interop.read import read
from edgewise.outcomes.counts import Counts, IntArray, Metric, StrArray
from edgewise.outcomes.outcomes import Outcomes

# Where all completions of a problem are one text in more than SURE of the problems the model may be sure of
# what it does; in more than GREEDY, it was not sampled.
SURE, GREEDY = 0.5, 0.99
# The least number of problems, and of samples of each, that a coincidence is told by.
MANY = 8
# A problem with fewer than this share of the median's samples sets the k of all others.
FEW_SAMPLES = 0.5


@dataclass(frozen=True, eq=False)
class Arms:
    """Models by name, the base first, with their recorded samples of the same problems."""

    models: Mapping[str, Imported]
    samples: Mapping[str, Outcomes | Counts]
    concerns: tuple[Concern, ...]

    @property
    def base(self) -> str:
        """The name of the model that the others are compared with."""
        return next(iter(self.models))

    @property
    def prompts(self) -> Mapping[str, str]:
        """The prompt of each problem, the base's where models were given different ones."""
        return ChainMap(*(dict(one.prompts) for one in self.models.values()))

    def counts(self, name: str, metric: Metric | None = None) -> Counts:
        """The counts of one model, by the process where that was judged and nothing else is asked for."""
        samples = self.samples[name]
        if isinstance(samples, Counts):
            return samples.require_metric(metric or samples.metric)
        return samples.counts(metric or ("answer" if samples.process_S is None else "process"))


def read_arms(
    arguments: Sequence[str],
    *,
    score: str | None = None,
    threshold: float | None = None,
    shared_problems: bool = False,
) -> Arms:
    """Read every argument, a path or NAME=PATH, and see whether the models can be compared.

    `score` and `threshold` are as in `edgewise.interop.read`. With `shared_problems` the problems
    that some model lacks are left out, and a concern says how many; without, they are an error.
    Raises InputError, naming the file, where a file cannot be read, two models have one name, or no
    problem is shared.
    """
    models = _named([found for argument in arguments for found in _read(argument, score, threshold)])
    samples = {name: _recorded(one) for name, one in models.items()}
    concerns = []
    if shared_problems:
        samples, left_out = _shared(samples)
        concerns += left_out
    else:
        _require_same(samples)
    concerns += _concerns(models, samples)
    return Arms(models, samples, tuple(concerns))


def _read(argument: str, score: str | None, threshold: float | None) -> Iterator[tuple[str | None, Path, Imported]]:
    name, equals, path = argument.partition("=")
    if not equals or Path(argument).exists():
        name, path = "", argument
    found = read(path, score=score, threshold=threshold)
    if name and len(found) > 1:
        raise InputError(f"{argument}: {len(found)} models in one file; give them their names in its column model")
    for one in found:
        yield name or None, Path(path), one


def _named(found: Sequence[tuple[str | None, Path, Imported]]) -> dict[str, Imported]:
    stated = Counter(one.model for name, _, one in found if name is None)
    names = [
        name or (one.model if one.model and stated[one.model] == 1 else path.name.split(".")[0])
        for name, path, one in found
    ]
    for name, times in Counter(names).items():
        if times > 1:
            raise InputError(f"models: {times} are called {name!r}; name them as NAME=PATH")
    return dict(zip(names, (one for _, _, one in found), strict=True))


def _recorded(one: Imported) -> Outcomes | Counts:
    samples = one.outcomes if one.outcomes is not None else one.counts
    assert samples is not None
    return samples


def _require_same(samples: Mapping[str, Outcomes | Counts]) -> None:
    base_name, *others = samples
    for name in others:
        for here, there in ((base_name, name), (name, base_name)):
            missing = np.setdiff1d(samples[here].problem, samples[there].problem)
            if missing.size:
                raise InputError(
                    f"{there}: lacks {missing.size} of the {len(samples[here].problem)} problems of {here} "
                    f"({missing[0]}, ...); give rollouts of the same problems, or --shared-problems"
                )


def _shared(samples: Mapping[str, Outcomes | Counts]) -> tuple[dict[str, Outcomes | Counts], list[Concern]]:
    ids: StrArray = reduce(np.intersect1d, [one.problem for one in samples.values()])
    if not ids.size:
        raise InputError("problem: the models share none; give rollouts of the same problems")
    chosen = {name: np.isin(one.problem, ids) for name, one in samples.items()}
    left_out = {name: int((~chosen[name]).sum()) for name in samples if not chosen[name].all()}
    concerns = []
    if left_out:
        which = ", ".join(f"{number} of {name}" for name, number in left_out.items())
        concerns.append(Concern(f"Compared on the {ids.size} problems all models have; left out are {which}."))
    return {name: one.select(chosen[name]) for name, one in samples.items()}, concerns


def _concerns(models: Mapping[str, Imported], samples: Mapping[str, Outcomes | Counts]) -> Iterator[Concern]:
    base_name, *tuned_names = models
    base = models[base_name]
    for name, one in models.items():
        yield from (Concern(message, forbids, (name,)) for message, forbids in _own(one, samples[name]))
        yield from (Concern(_as_sentence(note), models=(name,)) for note in one.notes)
    for name in tuned_names:
        found = _against_base(base, models[name], samples[base_name], samples[name])
        yield from (Concern(message, forbids, (name,)) for message, forbids in found)


def _own(one: Imported, samples: Outcomes | Counts) -> Iterator[tuple[str, bool]]:
    """What holds of one model by itself, and whether it forbids claims."""
    n_P = _samples_P(samples)
    if one.decoding.temperature and max(one.decoding.temperature) == 0 and n_P.max() > 1:
        yield "Sampled at temperature 0: repeats are no draws, and pass@k is pass@1.", True
    elif one.duplicates is not None and one.duplicates > SURE:
        yield (
            f"In {one.duplicates:.0%} of problems all completions are one text: make sure that they are independent "
            "draws.",
            one.duplicates > GREEDY,
        )
    c_P = _correct_P(samples)
    if len(n_P) >= MANY and n_P.min() >= MANY and ((c_P == 0) | (c_P == n_P)).all() and len(np.unique(c_P > 0)) == 2:
        yield "Every problem is right in all of its samples or in none: such samples are no draws.", True
    if one.decoding.top_p and min(one.decoding.top_p) < 1:
        yield (
            f"Sampled with top_p {_numbers(one.decoding.top_p)}: what lies outside is out of reach by the sampler, not "
            "by the model.",
            False,
        )
    sets = np.zeros(n_P.size) if samples.set is None else samples.set
    for which in np.unique(sets):
        own_P = n_P[sets == which]
        few = int((own_P < FEW_SAMPLES * np.median(own_P)).sum())
        if few:
            yield (
                f"{few} problems have fewer than half the usual {np.median(own_P):.0f} samples; the fewest, "
                f"{own_P.min()}, limits k.",
                False,
            )


def _against_base(
    base: Imported, one: Imported, base_samples: Outcomes | Counts, samples: Outcomes | Counts
) -> Iterator[tuple[str, bool]]:
    """What differs between a model and the base, and whether it forbids claims."""
    if base.verifiers and one.verifiers and base.verifiers != one.verifiers:
        graders = f"{', '.join(one.verifiers)} against {', '.join(base.verifiers)}"
        yield f"Judged by another verifier than the base: {graders}.", True
    elif base.source != one.source:
        yield (
            f"Recorded by another tool than the base ({one.source} against {base.source}): make sure that one verifier "
            "judged both.",
            False,
        )
    for field in ("temperature", "top_p", "max_tokens"):
        before, after = getattr(base.decoding, field), getattr(one.decoding, field)
        if before and after and before != after:
            yield (
                f"Sampled with another {field} than the base ({_numbers(after)} against {_numbers(before)}): the "
                "verdict is about models with their decoding.",
                False,
            )
    shared = base.prompts.keys() & one.prompts.keys()
    differing = sum(base.prompts[problem] != one.prompts[problem] for problem in shared)
    if differing:
        yield f"Given other prompts than the base for {differing} of {len(shared)} problems.", False
    base_c_P, c_P = _correct_P(base_samples), _correct_P(samples)
    if ((c_P > 0) & (c_P < _samples_P(samples))).sum() >= MANY and np.array_equal(base_c_P, c_P):
        yield "As many samples of every problem are right as of the base's: these seem to be the same rollouts.", True
    moved = _gold_moved(base_samples, samples)
    if moved:
        yield f"Judged against other right answers than the base for {moved} problems.", True


def _samples_P(samples: Outcomes | Counts) -> IntArray:
    return samples.n_P if isinstance(samples, Counts) else np.bincount(samples.problem_S)


def _correct_P(samples: Outcomes | Counts) -> IntArray:
    if isinstance(samples, Counts):
        return samples.c_P
    return np.bincount(samples.problem_S[samples.answer_S == 1], minlength=len(samples.problem))


def _gold_moved(base: Outcomes | Counts, tuned: Outcomes | Counts) -> int:
    if isinstance(base, Counts) or isinstance(tuned, Counts) or base.gold is None or tuned.gold is None:
        return 0
    _, here, there = np.intersect1d(base.problem, tuned.problem, return_indices=True)
    before, after = base.gold[here], tuned.gold[there]
    return int(((before != after) & (before != "") & (after != "")).sum())


def _numbers(values: Sequence[float]) -> str:
    return "/".join(f"{value:g}" for value in values)


def _as_sentence(note: str) -> str:
    return f"{note[:1].upper()}{note[1:].rstrip('.')}."
