"""Compare a base with tuned models on the same problems: verdicts, curves and every measure, computed once."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypedDict

import numpy as np
import numpy.typing as npt

from edgewise.boundary.audit.arms import ArmSamples, Checkpoints, line_up
from edgewise.boundary.audit.gate import policy_checks, policy_comparisons
from edgewise.boundary.audit.result import Audit, Concern, ProblemSet, Results, Scope
from edgewise.boundary.audit.unseen import sample_concerns
from edgewise.boundary.inference.resampling import Bootstrap
from edgewise.boundary.inference.supported_k import k_grid
from edgewise.boundary.measures import registry
from edgewise.boundary.measures.changes import CHANGES
from edgewise.boundary.measures.crossover import CROSSOVER
from edgewise.boundary.measures.curves import curve, paired_difference
from edgewise.boundary.measures.guessing import GUESSING, Guessing
from edgewise.boundary.measures.registry import Arm
from edgewise.boundary.measures.verifier_errors import VerifierLabels
from edgewise.boundary.verdict.policy import PolicyRule
from edgewise.boundary.verdict.recipe import RecipeVerdict, recipe_verdict
from edgewise.boundary.verdict.sentences import named_few
from edgewise.boundary.verdict.verdict import BoundaryVerdict, Judged, boundary_verdict, combine
from edgewise.core.errors import InputError
from edgewise.core.words import counted
from edgewise.outcomes.counts import Counts, Metric, require_same_problems
from edgewise.outcomes.outcomes import Outcomes

# What the one set is called where the rollouts name none.
EVERYTHING = "all problems"
# Where guessing alone solves more than this share within k samples, pass@k says little about the model: one that stops
# guessing, or starts to, moves it by as much. Of one sample a half is needed, which a question of yes or no has.
MOST_GUESSED, MOST_GUESSED_AT_ONCE = 1 / 3, 0.5


def audit(
    arms: Mapping[str, ArmSamples],
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
    policy: Sequence[PolicyRule] = (),
    resamples: int = 2000,
    seed: int = 0,
) -> Audit:
    """Compare every tuned arm with the base, the first of `arms`, on the same problems.

    An arm is the samples of one checkpoint, or those of several training seeds: a list, or a mapping by seed. Each seed
    is then a model called ARM/SEED, and the arm has a verdict as a recipe beside theirs (`recipe_verdict`). A base with
    training seeds is that of each seed, paired by name or place.

    `metric` defaults to the process where every model's was verified. `k` defaults, set by set, to the
    largest power of two up to n/4; problems with fewer than 2k samples in some model are left out, a tenth of them at
    most by default, and a concern names them. `sets` names the problem sets to compare, in this order; by default all,
    sorted by name. `measures` names what is computed beside the verdicts; by default every registered measure
    (`registry.quick()` leaves out those that take seconds); guess floor, changes and crossover are always.

    `guess` is what a guess floor is made of: the number of possible answers, counts of a run without
    reasoning, or by default the answers given to other problems. `verifier` says how often the verifier errs: the label
    at these rates is shown, and CoT-pass@k is corrected for them where the process was verified. `concerns` are passed
    on; one that forbids a claim makes the verdicts it is about "cannot tell".

    `policy` holds rules that are decided for every tuned arm on every set (`verdict.policy`), each term at the k that
    it names, with an alpha that all of them share.

    Raises InputError when there are fewer than two arms, bases do not pair with seeds, the models do not hold the same
    problems, a set, also one of the policy, or a measure is unknown, or an argument is out of range.
    """
    checkpoints = line_up(arms)
    models = checkpoints.samples
    if metric is None:
        metric = "process" if all(_has_process(arm) for arm in models.values()) else "answer"
    # The guess floor decides whether a claim can be made, and what single problems lost and where the curves cross
    # stands beside every verdict, so they are computed in any case.
    names = registry.check_names(measures) | {GUESSING.name, CHANGES.name, CROSSOVER.name}
    counts_by: CountsBy = {name: _by_metric(arm, metric) for name, arm in models.items()}
    base, *others = (counts[metric] for counts in counts_by.values())
    for other in others:
        require_same_problems(base, other)
    problems_of = _problems_of(base, sets)
    compared_P = np.any(list(problems_of.values()), axis=0)
    if not compared_P.all():
        models = {name: arm.select(compared_P) for name, arm in models.items()}
        problems_of = {name: chosen_P[compared_P] for name, chosen_P in problems_of.items()}
        counts_by = _selected(counts_by, compared_P)
    compared = {model: counts[metric] for model, counts in counts_by.items()}
    concerns = (*concerns, *sample_concerns(models, compared))
    # A claim is about the problems that have the samples for it; concerns are about all.
    judged = {name: _judged(name, compared, chosen_P, k) for name, chosen_P in problems_of.items()}
    concerns = (*concerns, *(few for of_set in judged.values() if (few := of_set.concern)))
    kept_P = np.any([of_set.chosen_P for of_set in judged.values()], axis=0)
    if not kept_P.all():
        models = {name: arm.select(kept_P) for name, arm in models.items()}
        counts_by = _selected(counts_by, kept_P)
        compared = {model: counts[metric] for model, counts in counts_by.items()}
    settings = _Settings(
        metric=metric,
        names=names,
        alpha=alpha,
        margin=margin,
        checkpoints=checkpoints,
        comparisons=len(checkpoints.arms) * len(problems_of),
        forbidden={name: _forbidden((of_it, name), concerns) for name, of_it in checkpoints.base_of.items()},
        guess=guess,
        verifier=verifier,
        resamples=resamples,
        seed=seed,
    )
    of_policy = replace(
        settings, comparisons=policy_comparisons(policy, tuple(problems_of), len(checkpoints.arms)) or 1
    )
    parts = []
    for name, of_set in judged.items():
        chosen_P = of_set.chosen_P[kept_P]
        samples = {model: arm.select(chosen_P) for model, arm in models.items() if isinstance(arm, Outcomes)}
        parts.append(_problem_set(name, samples, _selected(counts_by, chosen_P), of_set.k, settings))
    wholes = {part.name: part.whole for part in parts}
    verdicts = {
        model: combine({name: whole.verdicts[model] for name, whole in wholes.items()}) for model in checkpoints.base_of
    }
    recipes = {
        arm: combine({name: whole.recipes[arm].verdict for name, whole in wholes.items()})
        for arm in checkpoints.recipes
    }
    part_of = {part.name: part for part in parts}

    def verdicts_at(name: str, at: int | None) -> Mapping[str, BoundaryVerdict]:
        of_model = {model: counts.select(judged[name].chosen_P[kept_P]) for model, counts in compared.items()}
        return _arm_verdicts(part_of[name], of_model, of_policy, at or judged[name].k)

    last = tuple(arms)[-1]
    return Audit(
        verdict=recipes[last] if last in recipes else verdicts[last],
        models=tuple(models),
        metric=metric,
        verdicts=verdicts,
        recipes=recipes,
        seeds=checkpoints.recipes,
        bases=checkpoints.base_of,
        sets=tuple(parts),
        concerns=(*concerns, *(concern for part in parts for concern in part.concerns)),
        policy=tuple(policy_checks(policy, {part.name: part.whole.n for part in parts}, verdicts_at)),
        counts=compared,
        alpha=alpha,
        margin=margin,
        resamples=resamples,
        seed=seed,
    )


# Every model's counts, by each metric that is shown.
CountsBy = Mapping[str, Mapping[Metric, Counts]]


class _VerdictTerms(TypedDict):
    alpha: float
    margin: float
    comparisons: int


@dataclass(frozen=True)
class _Settings:
    """What all verdicts and intervals of one audit share."""

    metric: Metric
    names: frozenset[str]
    alpha: float
    margin: float
    checkpoints: Checkpoints
    comparisons: int
    forbidden: Mapping[str, tuple[str, ...]]
    guess: int | Counts | None
    verifier: VerifierLabels | None
    resamples: int
    seed: int

    @property
    def bootstrap(self) -> Bootstrap:
        return Bootstrap(self.resamples, self.seed)

    @property
    def of_verdicts(self) -> _VerdictTerms:
        return {"alpha": self.alpha, "margin": self.margin, "comparisons": self.comparisons}


@dataclass(frozen=True)
class _JudgedSet:
    """The k of a set, the problems that have the samples for a claim at it, and what to say of the others."""

    k: int
    chosen_P: npt.NDArray[np.bool_]
    concern: Concern | None


def _judged(name: str, compared: Mapping[str, Counts], chosen_P: npt.NDArray[np.bool_], k: int | None) -> _JudgedSet:
    chosen = {model: counts.select(chosen_P) for model, counts in compared.items()}
    base, *tuned = chosen.values()
    judged = Judged.of([(base, arm) for arm in tuned], k)
    if not judged.left_out:
        return _JudgedSet(judged.k, chosen_P, None)
    message = (
        f"{name}: of {counted(base.problems, 'problem')}, {named_few(judged.left_out)} have fewer than {2 * judged.k} "
        f"samples in some model and are left out, for a claim at k = {judged.k} needs them."
    )
    left_out_P = np.isin(base.problem, judged.left_out)
    kept_P = chosen_P.copy()
    kept_P[chosen_P] = ~left_out_P
    return _JudgedSet(judged.k, kept_P, Concern(message))


def _problem_set(
    name: str, samples: Mapping[str, Outcomes], counts_by: CountsBy, k: int, settings: _Settings
) -> ProblemSet:
    arms = tuple(Arm(model, counts[settings.metric], samples.get(model)) for model, counts in counts_by.items())
    levels = np.unique(arms[0].counts.level).tolist()
    n = min(arm.counts.n for arm in arms)
    terms = registry.Terms(
        k=k,
        n=n,
        alpha=settings.alpha,
        bootstrap=settings.bootstrap,
        guess=settings.guess,
        verifier=settings.verifier,
        margin=settings.margin,
        comparisons=settings.comparisons,
    )
    of_set = registry.compute("set", arms, terms, settings.names)
    # Guessing forbids a verdict at k, and no certificate.
    forbidden = settings.forbidden
    settings, saturated = _unless_guessed(name, of_set, settings, terms.k)
    of_levels = replace(settings, comparisons=len(settings.checkpoints.arms) * len(levels))
    by_name = {arm.name: arm for arm in arms}
    return ProblemSet(
        name=name,
        whole=_scope(name, None, counts_by, k, settings),
        levels=tuple(
            _scope(f"{name}, level {level}", level, _selected(counts_by, arms[0].counts.level == level), k, of_levels)
            for level in levels
            if len(levels) > 1
        ),
        measures=of_set,
        models={arm.name: registry.compute("model", (arm,), terms, settings.names) for arm in arms},
        comparisons={
            model: registry.compute(
                "comparison",
                (by_name[base], by_name[model]),
                replace(terms, forbidden=forbidden[model]),
                settings.names,
            )
            for model, base in settings.checkpoints.base_of.items()
        },
        concerns=(Concern(saturated, True),) if saturated else (),
    )


def _scope(name: str, level: int | str | None, counts_by: CountsBy, k: int, settings: _Settings) -> Scope:
    counts = {model: by_metric[settings.metric] for model, by_metric in counts_by.items()}
    base_of = settings.checkpoints.base_of
    n = min(arm.n for arm in counts.values())
    verdicts, recipes = _verdicts(counts, k, settings)
    return Scope(
        name=name,
        level=level,
        problems=next(iter(counts.values())).problems,
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
            model: paired_difference(counts[base], counts[model], sorted({*k_grid(n), k}), bootstrap=settings.bootstrap)
            for model, base in base_of.items()
        },
        verdicts=verdicts,
        recipes=recipes,
    )


def _verdicts(
    counts: Mapping[str, Counts], k: int, settings: _Settings
) -> tuple[dict[str, BoundaryVerdict], dict[str, RecipeVerdict]]:
    """The verdict at k of every tuned model, and of every arm with training seeds."""
    base_of, recipes_of = settings.checkpoints.base_of, settings.checkpoints.recipes
    recipes = {arm: _recipe(counts, of_seed, k, settings) for arm, of_seed in recipes_of.items()}
    verdicts = {
        model: recipes[arm].seeds[seed] for arm, of_seed in recipes_of.items() for seed, model in of_seed.items()
    }
    verdicts |= {
        model: boundary_verdict(
            counts[base], counts[model], k=k, concerns=settings.forbidden[model], **settings.of_verdicts
        )
        for model, base in base_of.items()
        if model not in verdicts
    }
    return {model: verdicts[model] for model in base_of}, recipes


def _arm_verdicts(
    part: ProblemSet, counts: Mapping[str, Counts], settings: _Settings, k: int
) -> dict[str, BoundaryVerdict]:
    """The verdict at k of every tuned arm on one set: of its recipe where it has training seeds."""
    verdicts, recipes = _verdicts(counts, k, _unless_guessed(part.name, part.measures, settings, k)[0])
    arms = settings.checkpoints.arms
    return {arm: recipes[arm].verdict if arm in recipes else verdicts[arm] for arm in arms}


def _recipe(counts: Mapping[str, Counts], of_seed: Mapping[str, str], k: int, settings: _Settings) -> RecipeVerdict:
    """The verdict of an arm whose training seeds have these models."""
    bases = [settings.checkpoints.base_of[model] for model in of_seed.values()]
    return recipe_verdict(
        counts[bases[0]] if len(set(bases)) == 1 else [counts[base] for base in bases],
        {seed: counts[model] for seed, model in of_seed.items()},
        k=k,
        seed_concerns={seed: settings.forbidden[model] for seed, model in of_seed.items()},
        **settings.of_verdicts,
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


def _unless_guessed(name: str, of_set: Results, settings: _Settings, k: int) -> tuple[_Settings, str | None]:
    """The settings of a set, which forbid every claim at k where guessing solves too much, and why."""
    guessing = GUESSING.result(of_set)
    saturated = _saturated(name, guessing, k) if guessing and settings.metric == "answer" else None
    if not saturated:
        return settings, None
    forbidden = {model: (*reasons, saturated) for model, reasons in settings.forbidden.items()}
    return replace(settings, forbidden=forbidden), saturated


def _saturated(name: str, guessing: Guessing, k: int) -> str | None:
    # The floor rises with k, so where it is not known at k the next one that is known is at least as high.
    floor = guessing.floor_at(min((known for known in guessing.k_K.tolist() if known >= k), default=guessing.k_K[-1]))
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
