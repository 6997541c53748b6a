"""Find concerns about rollouts: samples that are not independent draws, models that cannot be compared, notes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from edgewise.boundary.audit.result import Concern
from edgewise.interop.ingest.schema import SAMPLING_SETTINGS, name_list
from edgewise.interop.model_rollouts import ModelRollouts
from edgewise.outcomes.counts import Counts, IntArray
from edgewise.outcomes.outcomes import Outcomes

# Above the first share of problems whose completions are all one text, the model may just be sure of what it does;
# above the second, it was not sampled.
_SURE, _GREEDY = 0.5, 0.99
# A coincidence is told by at least so many problems, and so many samples of each.
_MANY = 8
# A problem with fewer samples than this share of the median limits the k of all others.
_FEW_SAMPLES = 0.5


def find_concerns(models: Mapping[str, ModelRollouts], samples: Mapping[str, Outcomes | Counts]) -> Iterator[Concern]:
    """The concerns about each model, what its reader warns of, what differs from the base, the first, and notes.

    What is said of several models in the same words is one concern; it names none where it is about all. Notes come
    last.
    """
    base_name, *tuned_names = models
    said: dict[tuple[str, bool], list[str]] = {}
    of_note: dict[str, list[str]] = {}
    for name, model in models.items():
        warnings = [(_as_sentence(warning), False) for warning in model.warnings]
        for message_and_forbids in (*warnings, *_about_model(model, samples[name])):
            said.setdefault(message_and_forbids, []).append(name)
        for note in dict.fromkeys(model.notes):
            of_note.setdefault(_as_sentence(note), []).append(name)
    for name in tuned_names:
        about_pair = _about_pair(models[base_name], models[name], samples[base_name], samples[name])
        for message_and_forbids in about_pair:
            said.setdefault(message_and_forbids, []).append(name)
    for (message, forbids), names in said.items():
        about_all = len(models) > 1 and set(names) == set(models)
        yield Concern(message, forbids, () if about_all else tuple(dict.fromkeys(names)))
    yield from _about_grader(samples)
    for note, names in of_note.items():
        yield Concern(note, models=tuple(names), harmless=True)


def same_seeds(seeds: Mapping[str, Mapping[str, str]], samples: Mapping[str, Outcomes | Counts]) -> Iterator[Concern]:
    """A concern about each training seed that seems to be the rollouts of another one; `seeds` holds the model of each
    seed of an arm."""
    for of_seed in seeds.values():
        models = list(of_seed.values())
        for place, model in enumerate(models):
            same = next((other for other in models[:place] if _are_same(samples[other], samples[model])), None)
            if same is not None:
                message = (
                    f"As many samples of every problem are right as of {same}: these seem to be the same rollouts."
                )
                yield Concern(message, True, (model,))


def _about_grader(samples: Mapping[str, Outcomes | Counts]) -> Iterator[Concern]:
    """Results that a grader gives which cannot read the completions, or passes all of them."""
    none_right = tuple(name for name, arm in samples.items() if not _correct_P(arm).any())
    number = sum(int(_samples_P(samples[name]).sum()) for name in none_right)
    if none_right:
        yield Concern(
            f"Not one of {number:,} samples is right: grade a solution that is known to be right, to see that the "
            "grader reads this format.",
            forbids=len(none_right) == len(samples) > 1,
            models=none_right,
        )
    elif all((_correct_P(arm) == _samples_P(arm)).all() for arm in samples.values()):
        yield Concern(
            "Every sample is right: grade a wrong one, to see that the grader refuses it, or take harder problems.",
            forbids=len(samples) > 1,
            models=tuple(samples),
        )


def _about_model(model: ModelRollouts, samples: Outcomes | Counts) -> Iterator[tuple[str, bool]]:
    """What holds of one model by itself, and whether it forbids claims."""
    n_P, c_P = _samples_P(samples), _correct_P(samples)
    if model.sampling.temperature and max(model.sampling.temperature) == 0 and n_P.max() > 1:
        yield "Sampled at temperature 0: repeats are no draws, and pass@k is pass@1.", True
    elif model.duplicates is not None and model.duplicates > _SURE:
        yield (
            f"In {model.duplicates:.0%} of problems all completions are one text: make sure that they are independent "
            "draws.",
            model.duplicates > _GREEDY,
        )
    all_or_none = ((c_P == 0) | (c_P == n_P)).all() and len(np.unique(c_P > 0)) == 2
    if len(n_P) >= _MANY and n_P.min() >= _MANY and all_or_none:
        yield "Every problem is right in all of its samples or in none: such samples are no draws.", True
    if model.sampling.top_p and min(model.sampling.top_p) < 1:
        yield (
            f"Sampled with top_p {_numbers(model.sampling.top_p)}: what lies outside is out of reach by the sampler, "
            "not by the model.",
            False,
        )
    sets = np.zeros(n_P.size) if samples.set is None else samples.set
    for set_name in np.unique(sets):
        n_in_set = n_P[sets == set_name]
        few = int((n_in_set < _FEW_SAMPLES * np.median(n_in_set)).sum())
        if few:
            yield (
                f"{few} problems have fewer than half the usual {np.median(n_in_set):.0f} samples; the fewest, "
                f"{n_in_set.min()}, limits k.",
                False,
            )


def _about_pair(
    base: ModelRollouts, tuned: ModelRollouts, base_samples: Outcomes | Counts, tuned_samples: Outcomes | Counts
) -> Iterator[tuple[str, bool]]:
    """What differs between a tuned model and the base, and whether it forbids claims."""
    if base.verifiers and tuned.verifiers and base.verifiers != tuned.verifiers:
        verifiers = f"{', '.join(tuned.verifiers)} against {', '.join(base.verifiers)}"
        yield f"Graded by another verifier than the base: {verifiers}.", True
    elif set(base.graded_by) != set(tuned.graded_by) and base.graded_by and tuned.graded_by:
        fields = f"{name_list(tuned.graded_by)} against {name_list(base.graded_by)}"
        yield f"Graded by another field than the base ({fields}): --score names one that both have.", True
    elif base.source != tuned.source:
        yield (
            f"Recorded by another tool than the base ({tuned.source} against {base.source}): make sure that one "
            "verifier graded both.",
            False,
        )
    for setting in SAMPLING_SETTINGS:
        before, after = getattr(base.sampling, setting), getattr(tuned.sampling, setting)
        if not (before and after and before != after):
            continue
        settings = f"Sampled with another {setting} than the base ({_numbers(after)} against {_numbers(before)})"
        if setting == "max_tokens" and _none_cut_off(base_samples) and _none_cut_off(tuned_samples):
            yield f"{settings}, a limit that no completion met.", False
        else:
            yield f"{settings}, which can make any difference: sample both alike.", True
    shared = base.prompts.keys() & tuned.prompts.keys()
    differing = sum(base.prompts[problem] != tuned.prompts[problem] for problem in shared)
    if differing:
        yield f"Given other prompts than the base for {differing} of {len(shared)} problems.", False
    if _are_same(base_samples, tuned_samples):
        yield "As many samples of every problem are right as of the base's: these seem to be the same rollouts.", True
    changed = _changed_gold_answers(base_samples, tuned_samples)
    if changed:
        yield f"Graded against other right answers than the base for {changed} problems.", True


def _are_same(samples: Outcomes | Counts, others: Outcomes | Counts) -> bool:
    """Whether as many samples of every problem are right in both, and of many some are and some are not."""
    c_P = _correct_P(others)
    some_P = (c_P > 0) & (c_P < _samples_P(others))
    return bool(some_P.sum() >= _MANY) and np.array_equal(_correct_P(samples), c_P)


def _samples_P(samples: Outcomes | Counts) -> IntArray:
    return samples.n_P if isinstance(samples, Counts) else np.bincount(samples.problem_S)


def _correct_P(samples: Outcomes | Counts) -> IntArray:
    if isinstance(samples, Counts):
        return samples.c_P
    return np.bincount(samples.problem_S[samples.answer_S == 1], minlength=len(samples.problem))


def _none_cut_off(samples: Outcomes | Counts) -> bool:
    """Whether it was recorded that no completion met the length limit."""
    cut_off = samples.truncated_P if isinstance(samples, Counts) else samples.truncated_S
    return cut_off is not None and not cut_off.any()


def _changed_gold_answers(base: Outcomes | Counts, tuned: Outcomes | Counts) -> int:
    """How many problems have another right answer in the tuned model's files than in the base's."""
    if isinstance(base, Counts) or isinstance(tuned, Counts) or base.gold is None or tuned.gold is None:
        return 0
    _, base_places, tuned_places = np.intersect1d(base.problem, tuned.problem, return_indices=True)
    before, after = base.gold[base_places], tuned.gold[tuned_places]
    return int(((before != after) & (before != "") & (after != "")).sum())


def _numbers(values: Sequence[float]) -> str:
    return "/".join(f"{value:g}" for value in values)


def _as_sentence(note: str) -> str:
    return f"{note[:1].upper()}{note[1:].rstrip('.')}."
