"""Everything that rollouts of a base and of tuned models say about the boundary, computed once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypedDict

import numpy as np
import numpy.typing as npt

from edgewise.boundary.audit.result import Audit, Comparison, Concern, Guessing, ModelMeasures, ProblemSet, Scope
from edgewise.boundary.inference.supported_k import k_grid, usual_k
from edgewise.boundary.measures.budget import efficiency
from edgewise.boundary.measures.certificates import certify
from edgewise.boundary.measures.changes import changes
from edgewise.boundary.measures.crossover import crossover
from edgewise.boundary.measures.curves import curve, paired_difference
from edgewise.boundary.measures.expansion_rate import redrawn_expansion
from edgewise.boundary.measures.extrapolation import good_toulmin
from edgewise.boundary.measures.guessing import (
    above_guessing,
    declared_floor,
    direct_floor,
    excess_coverage,
    guess_curve,
    shuffled_floor,
)
from edgewise.boundary.measures.max_at_k import graded
from edgewise.boundary.measures.population import backtest, fit_population
from edgewise.boundary.measures.solved import solved_sets
from edgewise.boundary.measures.soundness import SoundCounts, corrected_cot_pass_at_k, sensitivity
from edgewise.boundary.measures.stability import cover, reliability
from edgewise.boundary.measures.support import support_measures
from edgewise.boundary.measures.verifier_errors import VerifierLabels
from edgewise.boundary.measures.voting import diversity, majority
from edgewise.boundary.verdict.verdict import boundary_verdict, combine
from edgewise.core.errors import InputError
from edgewise.outcomes.counts import Counts, Metric, require_same_problems
from edgewise.outcomes.outcomes import Outcomes

# What the one set is called where the rollouts name none.
EVERYTHING = "all problems"
# The prior of Cover(tau) where no population could be fitted: a, b, and no mass at 0.
JEFFREYS = (0.5, 0.5, 0.0)
# Where guessing alone solves more than this share within k samples, pass@k says little about the model.
MOST_GUESSED = 0.5
# Where Cover(tau) is read.
TAUS = tuple(round(0.05 * step, 2) for step in range(1, 21))


def audit(
    models: Mapping[str, Outcomes | Counts],
    *,
    k: int | None = None,
    metric: Metric | None = None,
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
    largest power of two up to n/4. `guess` is what a guess floor is made of: the number of possible
    answers, counts of a run without reasoning, or by default the answers given to other problems.
    `verifier` says how often the verifier of the process errs; CoT-pass@k is then corrected for its errors.
    `concerns` are passed on; one that forbids a claim makes the verdicts it is about "cannot tell".

    Raises InputError when there are fewer than two models, they do not hold the same problems, or an
    argument is out of range.
    """
    if len(models) < 2:
        raise InputError(f"models: {len(models)} given; an audit compares a base with at least one tuned model")
    if metric is None:
        metric = "process" if all(_has_process(one) for one in models.values()) else "answer"
    if verifier and not any(isinstance(one, Outcomes) and one.process_S is not None for one in models.values()):
        raise InputError("verifier: no model has verdicts on the process; its errors concern nothing here")
    counts_by = {name: _by_metric(one, metric) for name, one in models.items()}
    (base_name, base), *tuned = ((name, counts[metric]) for name, counts in counts_by.items())
    for _, other in tuned:
        require_same_problems(base, other)
    forbidden = {
        name: tuple(
            f"{', '.join(one.models)}: {one.message}" if one.models else one.message
            for one in concerns
            if one.forbids and (not one.models or {base_name, name} & set(one.models))
        )
        for name, _ in tuned
    }
    sets = [EVERYTHING] if base.set is None else np.unique(base.set).tolist()
    terms = _Terms(k, metric, alpha, margin, len(tuned) * len(sets), forbidden, guess, verifier, resamples, seed)
    found = []
    for name in sets:
        chosen_P = np.ones(base.problems, dtype=np.bool_) if base.set is None else base.set == name
        samples = {m: one.select(chosen_P) for m, one in models.items() if isinstance(one, Outcomes)}
        found.append(_problem_set(name, samples, _selected(counts_by, chosen_P), terms))
    verdicts = {model: combine({one.name: one.whole.verdicts[model] for one in found}) for model, _ in tuned}
    return Audit(
        verdict=verdicts[tuned[-1][0]],
        models=tuple(models),
        metric=metric,
        verdicts=verdicts,
        sets=tuple(found),
        concerns=(*concerns, *(concern for one in found for concern in one.concerns)),
        counts={model: counts[metric] for model, counts in counts_by.items()},
        alpha=alpha,
        margin=margin,
        resamples=resamples,
        seed=seed,
    )


# Every model's counts, by each metric that is shown.
CountsBy = Mapping[str, Mapping[Metric, Counts]]


@dataclass(frozen=True)
class _Terms:
    """What all verdicts and intervals of one audit share."""

    k: int | None
    metric: Metric
    alpha: float
    margin: float
    comparisons: int
    forbidden: Mapping[str, tuple[str, ...]]
    guess: int | Counts | None
    verifier: VerifierLabels | None
    resamples: int
    seed: int

    @property
    def resampling(self) -> _Resampling:
        return {"resamples": self.resamples, "seed": self.seed}


class _Resampling(TypedDict):
    resamples: int
    seed: int


def _problem_set(name: str, samples: Mapping[str, Outcomes], counts_by: CountsBy, terms: _Terms) -> ProblemSet:
    counts = {model: own[terms.metric] for model, own in counts_by.items()}
    (base_name, base), *tuned = counts.items()
    n = min(one.n for one in counts.values())
    k = terms.k or usual_k(n)
    guessing = _guessing(samples, counts, sorted({*k_grid(n), k}), terms)
    saturated = _saturated(name, guessing, k) if terms.metric == "answer" else None
    if saturated:
        terms = replace(terms, forbidden={m: (*own, saturated) for m, own in terms.forbidden.items()})
    whole = _scope(name, None, counts_by, terms)
    levels = np.unique(base.level).tolist()
    of_levels = replace(terms, comparisons=len(tuned) * len(levels))
    return ProblemSet(
        name=name,
        whole=whole,
        levels=tuple(
            _scope(f"{name}, level {level}", level, _selected(counts_by, base.level == level), of_levels)
            for level in levels
            if len(levels) > 1
        ),
        models={model: _measure(own, samples.get(model), whole, terms) for model, own in counts.items()},
        comparisons={
            model: _compare(base, other, [samples[one] for one in (base_name, model) if one in samples], whole.k, terms)
            for model, other in tuned
        },
        guessing=guessing,
        concerns=(Concern(saturated, True),) if saturated else (),
    )


def _scope(name: str, level: int | str | None, counts_by: CountsBy, terms: _Terms) -> Scope:
    counts = {model: own[terms.metric] for model, own in counts_by.items()}
    (_, base), *tuned = counts.items()
    n = min(one.n for one in counts.values())
    k = terms.k or usual_k(n)
    return Scope(
        name=name,
        level=level,
        problems=base.problems,
        n=n,
        k=k,
        curves={
            model: {by: curve(one, sorted({*k_grid(one.n), k}), **terms.resampling) for by, one in own.items()}
            for model, own in counts_by.items()
        },
        rates={model: one.rates() for model, one in counts.items()},
        differences={
            model: paired_difference(base, other, sorted({*k_grid(n), k}), **terms.resampling) for model, other in tuned
        },
        verdicts={
            model: boundary_verdict(
                base,
                other,
                k=k,
                alpha=terms.alpha,
                margin=terms.margin,
                comparisons=terms.comparisons,
                concerns=terms.forbidden[model],
                **terms.resampling,
            )
            for model, other in tuned
        },
    )


def _measure(counts: Counts, samples: Outcomes | None, whole: Scope, terms: _Terms) -> ModelMeasures:
    ks = k_grid(whole.n)
    # A fit costs about as much as ten resampled means.
    fits = max(20, terms.resamples // 10)
    population = fit_population(counts, resamples=fits, seed=terms.seed)
    fitted = (population.a.value, population.b.value, population.unreached.value) if population.converged else JEFFREYS
    answered = samples if samples is not None and samples.predicted_S is not None else None
    scored = samples if samples is not None and samples.score_S is not None else None
    return ModelMeasures(
        tokens=float(samples.tokens_S.mean()) if samples is not None and samples.tokens_S is not None else None,
        entropy=_entropy(samples),
        reliability=reliability(counts, ks, **terms.resampling),
        cover=cover(counts, TAUS, fitted, **terms.resampling),
        population=population,
        backtest=backtest(counts, terms.seed, resamples=fits),
        extrapolation=good_toulmin(counts),
        majority=majority(answered, ks, **terms.resampling) if answered else None,
        diversity=diversity(answered, whole.n, **terms.resampling) if answered else None,
        graded=graded(scored, ks, **terms.resampling) if scored else None,
        sound=corrected_cot_pass_at_k(SoundCounts.of(samples), whole.k, terms.verifier, **terms.resampling)
        if samples is not None and samples.process_S is not None and terms.verifier
        else None,
    )


def _compare(base: Counts, tuned: Counts, samples: Sequence[Outcomes], k: int, terms: _Terms) -> Comparison:
    n = min(base.n, tuned.n)
    sound_counts = [SoundCounts.of(one) for one in samples if one.process_S is not None and terms.verifier]
    return Comparison(
        crossover=crossover(base, tuned, **terms.resampling),
        efficiency=efficiency(base, tuned, k, **terms.resampling),
        solved_at_n=solved_sets(base, tuned, n, **terms.resampling),
        support=support_measures(base, tuned, k, **terms.resampling),
        changes=changes(base, tuned, seed=terms.seed),
        certificates=certify(base, tuned, alpha=terms.alpha, seed=terms.seed) if n > 1 else None,
        redrawn=redrawn_expansion(base, tuned, **terms.resampling) if n > 1 else None,
        soundness=sensitivity(sound_counts[0], sound_counts[1], k, tpr=terms.verifier.tpr, **terms.resampling)
        if terms.verifier and len(sound_counts) == 2
        else None,
    )


def _guessing(
    samples: Mapping[str, Outcomes], counts: Mapping[str, Counts], ks: Sequence[int], terms: _Terms
) -> Guessing | None:
    base_name, base = next(iter(counts.items()))
    if isinstance(terms.guess, int):
        floor = declared_floor(base.problem, terms.guess)
    elif terms.guess is not None:
        lacking = np.setdiff1d(base.problem, terms.guess.problem)
        if lacking.size:
            raise InputError(
                f"guess: the run without reasoning lacks {lacking.size} problems ({lacking[0]}, ...); give one of all"
            )
        floor = direct_floor(terms.guess.select(np.isin(terms.guess.problem, base.problem)))
    elif base_name in samples and samples[base_name].predicted_S is not None and base.problems > 1:
        others = [one for name, one in samples.items() if name != base_name and one.predicted_S is not None]
        floor = shuffled_floor(samples[base_name], others)
    else:
        return None
    if not floor.known_P.any():
        return None
    return Guessing(
        source=floor.source,
        known=int(floor.known_P.sum()),
        k_K=np.array(ks),
        floor_K=guess_curve(floor, ks),
        excess={name: excess_coverage(one, floor, ks, **terms.resampling) for name, one in counts.items()},
        above={name: above_guessing(one, floor) for name, one in counts.items()},
    )


def _saturated(name: str, guessing: Guessing | None, k: int) -> str | None:
    if guessing is None:
        return None
    floor = float(guessing.floor_K[guessing.k_K == k][0])
    if not floor > MOST_GUESSED:
        return None
    return f"{name}: guessing alone ({guessing.source}) solves {floor:.0%} of problems within {k} samples."


def _by_metric(one: Outcomes | Counts, metric: Metric) -> Mapping[Metric, Counts]:
    if isinstance(one, Counts):
        return {metric: one.require_metric(metric)}
    metrics: list[Metric] = ["process", "answer"] if metric == "process" else ["answer"]
    return {by: one.counts(by) for by in metrics}


def _selected(counts_by: CountsBy, chosen_P: npt.NDArray[np.bool_]) -> CountsBy:
    return {model: {by: one.select(chosen_P) for by, one in own.items()} for model, own in counts_by.items()}


def _has_process(one: Outcomes | Counts) -> bool:
    return one.metric == "process" if isinstance(one, Counts) else one.process_S is not None


def _entropy(samples: Outcomes | None) -> float | None:
    if samples is None or samples.logprob_S is None or samples.tokens_S is None or not samples.tokens_S.sum():
        return None
    return float(-samples.logprob_S.sum() / samples.tokens_S.sum())
