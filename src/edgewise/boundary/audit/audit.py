"""Compare a base with tuned models on the same problems: verdicts, curves and every measure, computed once."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from edgewise.boundary.audit.result import Audit, Concern, ProblemSet, Scope
from edgewise.boundary.audit.unseen import sample_concerns
from edgewise.boundary.inference.resampling import Bootstrap
from edgewise.boundary.inference.supported_k import k_grid, usual_k
from edgewise.boundary.measures import registry
from edgewise.boundary.measures.curves import curve, paired_difference
from edgewise.boundary.measures.guessing import GUESSING, Guessing
from edgewise.boundary.measures.registry import Arm
from edgewise.boundary.measures.verifier_errors import VerifierLabels
from edgewise.boundary.verdict.verdict import boundary_verdict, combine
from edgewise.core.errors import InputError
from edgewise.outcomes.counts import Counts, Metric, require_same_problems
from edgewise.outcomes.outcomes import Outcomes

# What the one set is called where the rollouts name none.
EVERYTHING = "all problems"
# Where guessing alone solves more than this share within k samples, pass@k says little about the model: one that stops
# guessing, or starts to, moves it by as much. Of one sample a half is needed, which a question of yes or no has.
MOST_GUESSED, MOST_GUESSED_AT_ONCE = 1 / 3, 0.5


def audit(
    models: Mapping[str, Outcomes | Counts],
    *,
    k: int | None = None,
    metric: Metric | None = None,
    sets: Sequence[str] | None = None,
    measures: Collection[str] | None = None,
    alpha: float = 0.05,
    margin: float = 0.05,
    guess: int | Counts | None = None,
    verifier: VerifierLabels | None = None,
    concerns: Sequence[Concern] = (),
    resamples: int = 2000,
    seed: int = 0,
) -> Audit:
    """Compare every tuned model with the base, the first of `models`, on the same problems.

    `metric` defaults to the process where every model's was verified. `k` defaults, set by set, to the
    largest power of two up to n/4. `sets` names the problem sets to compare, in this order; by default all,
    sorted by name. `measures` names what is computed beside the verdicts; by default every registered measure
    (`registry.quick()` leaves out those that take seconds).

    `guess` is what a guess floor is made of: the number of possible answers, counts of a run without
    reasoning, or by default the answers given to other problems. `verifier` says how often the verifier of the
    process errs; CoT-pass@k is then corrected for its errors. `concerns` are passed on; one that forbids a
    claim makes the verdicts it is about "cannot tell".

    Raises InputError when there are fewer than two models, they do not hold the same problems, a set or a
    measure is unknown, or an argument is out of range.
    """
    if len(models) < 2:
        raise InputError(f"models: {len(models)} given; an audit compares a base with at least one tuned model")
    if metric is None:
        metric = "process" if all(_has_process(arm) for arm in models.values()) else "answer"
    if verifier and not any(isinstance(arm, Outcomes) and arm.process_S is not None for arm in models.values()):
        raise InputError("verifier: no model has verdicts on the process; its errors concern nothing here")
    # The guess floor decides whether a claim can be made, so it is computed in any case.
    names = registry.check_names(measures) | {GUESSING.name}
    counts_by: CountsBy = {name: _by_metric(arm, metric) for name, arm in models.items()}
    (base_name, base), *tuned = ((name, counts[metric]) for name, counts in counts_by.items())
    for _, other in tuned:
        require_same_problems(base, other)
    problems_of = _problems_of(base, sets)
    compared_P = np.any(list(problems_of.values()), axis=0)
    if not compared_P.all():
        models = {name: arm.select(compared_P) for name, arm in models.items()}
        problems_of = {name: chosen_P[compared_P] for name, chosen_P in problems_of.items()}
        counts_by = _selected(counts_by, compared_P)
    compared = {model: counts[metric] for model, counts in counts_by.items()}
    concerns = (*concerns, *sample_concerns(models, compared))
    settings = _Settings(
        k=k,
        metric=metric,
        names=names,
        alpha=alpha,
        margin=margin,
        comparisons=len(tuned) * len(problems_of),
        forbidden={name: _forbidden((base_name, name), concerns) for name, _ in tuned},
        guess=guess,
        verifier=verifier,
        resamples=resamples,
        seed=seed,
    )
    parts = []
    for name, chosen_P in problems_of.items():
        samples = {model: arm.select(chosen_P) for model, arm in models.items() if isinstance(arm, Outcomes)}
        parts.append(_problem_set(name, samples, _selected(counts_by, chosen_P), settings))
    verdicts = {model: combine({part.name: part.whole.verdicts[model] for part in parts}) for model, _ in tuned}
    return Audit(
        verdict=verdicts[tuned[-1][0]],
        models=tuple(models),
        metric=metric,
        verdicts=verdicts,
        sets=tuple(parts),
        concerns=(*concerns, *(concern for part in parts for concern in part.concerns)),
        counts=compared,
        alpha=alpha,
        margin=margin,
        resamples=resamples,
        seed=seed,
    )


# Every model's counts, by each metric that is shown.
CountsBy = Mapping[str, Mapping[Metric, Counts]]


@dataclass(frozen=True)
class _Settings:
    """What all verdicts and intervals of one audit share."""

    k: int | None
    metric: Metric
    names: frozenset[str]
    alpha: float
    margin: float
    comparisons: int
    forbidden: Mapping[str, tuple[str, ...]]
    guess: int | Counts | None
    verifier: VerifierLabels | None
    resamples: int
    seed: int

    @property
    def bootstrap(self) -> Bootstrap:
        return Bootstrap(self.resamples, self.seed)


def _problem_set(name: str, samples: Mapping[str, Outcomes], counts_by: CountsBy, settings: _Settings) -> ProblemSet:
    arms = tuple(Arm(model, counts[settings.metric], samples.get(model)) for model, counts in counts_by.items())
    base, *tuned = arms
    n = min(arm.counts.n for arm in arms)
    terms = registry.Terms(
        k=settings.k or usual_k(n),
        n=n,
        alpha=settings.alpha,
        bootstrap=settings.bootstrap,
        guess=settings.guess,
        verifier=settings.verifier,
    )
    of_set = registry.compute("set", arms, terms, settings.names)
    guessing = GUESSING.result(of_set)
    saturated = _saturated(name, guessing, terms.k) if guessing and settings.metric == "answer" else None
    if saturated:
        forbidden = {model: (*reasons, saturated) for model, reasons in settings.forbidden.items()}
        settings = replace(settings, forbidden=forbidden)
    levels = np.unique(base.counts.level).tolist()
    of_levels = replace(settings, comparisons=len(tuned) * len(levels))
    return ProblemSet(
        name=name,
        whole=_scope(name, None, counts_by, settings),
        levels=tuple(
            _scope(f"{name}, level {level}", level, _selected(counts_by, base.counts.level == level), of_levels)
            for level in levels
            if len(levels) > 1
        ),
        measures=of_set,
        models={arm.name: registry.compute("model", (arm,), terms, settings.names) for arm in arms},
        comparisons={arm.name: registry.compute("comparison", (base, arm), terms, settings.names) for arm in tuned},
        concerns=(Concern(saturated, True),) if saturated else (),
    )


def _scope(name: str, level: int | str | None, counts_by: CountsBy, settings: _Settings) -> Scope:
    counts = {model: by_metric[settings.metric] for model, by_metric in counts_by.items()}
    (_, base), *tuned = counts.items()
    n = min(arm.n for arm in counts.values())
    k = settings.k or usual_k(n)
    return Scope(
        name=name,
        level=level,
        problems=base.problems,
        n=n,
        k=k,
        curves={
            model: {
                metric: curve(arm, sorted({*k_grid(arm.n), k}), bootstrap=settings.bootstrap)
                for metric, arm in by_metric.items()
            }
            for model, by_metric in counts_by.items()
        },
        rates={model: arm.rates() for model, arm in counts.items()},
        differences={
            model: paired_difference(base, arm, sorted({*k_grid(n), k}), bootstrap=settings.bootstrap)
            for model, arm in tuned
        },
        verdicts={
            model: boundary_verdict(
                base,
                arm,
                k=k,
                alpha=settings.alpha,
                margin=settings.margin,
                comparisons=settings.comparisons,
                concerns=settings.forbidden[model],
            )
            for model, arm in tuned
        },
    )


def _problems_of(base: Counts, sets: Sequence[str] | None) -> dict[str, npt.NDArray[np.bool_]]:
    """Which problems each set holds. Raises InputError for a set that does not occur."""
    if base.set is None:
        present = {EVERYTHING: np.ones(base.problems, dtype=np.bool_)}
    else:
        present = {name: base.set == name for name in np.unique(base.set).tolist()}
    absent = [name for name in sets or () if name not in present]
    if absent or sets == []:
        raise InputError(f"sets: {absent[0] if absent else 'none'!r} asked for; there are {', '.join(present)}")
    return present if sets is None else {name: present[name] for name in sets}


def _forbidden(models: tuple[str, str], concerns: Sequence[Concern]) -> tuple[str, ...]:
    """The messages of the concerns that forbid a claim about these two models."""
    return tuple(
        f"{', '.join(concern.models)}: {concern.message}" if concern.models else concern.message
        for concern in concerns
        if concern.forbids and (not concern.models or set(models) & set(concern.models))
    )


def _saturated(name: str, guessing: Guessing, k: int) -> str | None:
    floor = guessing.floor_at(k)
    if not floor > (MOST_GUESSED if k > 1 else MOST_GUESSED_AT_ONCE):
        return None
    return f"{name}: guessing alone ({guessing.source}) solves {floor:.0%} of problems within {k} samples."


def _by_metric(arm: Outcomes | Counts, metric: Metric) -> Mapping[Metric, Counts]:
    if isinstance(arm, Counts):
        return {metric: arm.require_metric(metric)}
    metrics: list[Metric] = ["process", "answer"] if metric == "process" else ["answer"]
    return {by: arm.counts(by) for by in metrics}


def _selected(counts_by: CountsBy, chosen_P: npt.NDArray[np.bool_]) -> CountsBy:
    return {
        model: {metric: counts.select(chosen_P) for metric, counts in by_metric.items()}
        for model, by_metric in counts_by.items()
    }


def _has_process(arm: Outcomes | Counts) -> bool:
    return arm.metric == "process" if isinstance(arm, Counts) else arm.process_S is not None
