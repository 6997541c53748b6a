"""Say in one line, and forbid claims, where the samples of a model are copies, of one seed, or of runs that differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from edgewise.boundary.audit.result import Concern
from edgewise.boundary.dependence.order import agreement, halves, is_sorted
from edgewise.boundary.dependence.repeats import common_multiple, repeated_texts
from edgewise.boundary.dependence.seeds import repeated_seeds
from edgewise.outcomes.counts import Counts, IntArray, Metric
from edgewise.outcomes.outcomes import BoolArray, Outcomes

# Once in so many clean models each of the tests is wrong; together at most about ten times as often.
FALSE_ALARM = 1e-4
# A correlation or a drift below this is found only in very many samples, and changes little.
_SMALL = 0.01
# Samples whose content agrees so much at one distance are copies rather than of one run.
_COPIED = 0.2


def draw_concerns(models: Mapping[str, Outcomes | Counts], counts: Mapping[str, Counts]) -> Iterator[Concern]:
    """At most one concern for each model, which forbids claims; `counts` are those by the metric of the claims."""
    for name, of_model in counts.items():
        samples = models[name]
        draws = _in_order(samples, of_model.metric) if isinstance(samples, Outcomes) else None
        found = (draws and _same_seeds(draws)) or _multiples(of_model) or (draws and _other_signs(draws))
        if found:
            yield Concern(found, True, (name,))


@dataclass(frozen=True, eq=False)
class _Draws:
    """Samples by problem and in the order of drawing. `label_S` is equal where all that is known of two samples is; it
    tells `texts` apart or only lengths, log-probabilities and answers, or is None."""

    n_P: IntArray
    problem_S: IntArray
    correct_S: BoolArray
    label_S: IntArray | None
    texts: bool
    seed_S: IntArray | None
    sorted_by_something: bool


def _in_order(samples: Outcomes, metric: Metric) -> _Draws:
    order = np.lexsort((samples.sample_S, samples.problem_S))
    problem_S = samples.problem_S[order].astype(np.int64)
    verdict_S = samples.answer_S if metric == "answer" or samples.process_S is None else samples.process_S
    n_P = np.bincount(problem_S)
    correct_S = verdict_S[order] == 1
    values = [column[order] for column in (samples.tokens_S, samples.score_S) if column is not None]
    return _Draws(
        n_P=n_P,
        problem_S=problem_S,
        correct_S=correct_S,
        label_S=_labels(samples, order),
        texts=samples.text_S is not None,
        seed_S=None if samples.seed_S is None else samples.seed_S[order],
        sorted_by_something=any(is_sorted(value_S, n_P) for value_S in (correct_S, *values)),
    )


def _labels(samples: Outcomes, order: IntArray) -> IntArray | None:
    """The text of each sample; without texts what else is known of it, as far as it tells samples apart."""
    if samples.text_S is not None:
        return samples.text_S[order]
    columns = (samples.logprob_S, samples.tokens_S, samples.predicted_S)
    label_S = np.zeros(order.size, dtype=np.int64)
    for column in columns:
        if column is not None:
            code_S = np.unique(column, return_inverse=True)[1]
            label_S = np.unique(label_S * (int(code_S.max()) + 1) + code_S, return_inverse=True)[1]
    return label_S[order] if label_S.any() else None


def _multiples(counts: Counts) -> str:
    factor, p = common_multiple(counts)
    if p > FALSE_ALARM:
        return ""
    return (
        f"All numbers of samples and of correct ones are multiples of {factor}, as where every sample is there "
        f"{factor} times: give each draw once."
    )


def _other_signs(draws: _Draws) -> str:
    return _repeated(draws) or _copies_in_order(draws) or _runs(draws)


def _same_seeds(draws: _Draws) -> str:
    if draws.seed_S is None:
        return ""
    label_S = draws.correct_S.astype(np.int64) if draws.label_S is None else draws.label_S
    seeds = repeated_seeds(draws.problem_S, draws.seed_S, label_S)
    if seeds is None or seeds.p > FALSE_ALARM:
        return ""
    what = "have one text" if draws.texts else "are alike"
    return (
        f"Samples drawn with one seed are one sample: {seeds.equal:,} of {seeds.pairs:,} such pairs {what}, where "
        f"{seeds.expected:,.0f} would by chance; draw each sample with a seed of its own."
    )


def _repeated(draws: _Draws) -> str:
    known_S = _known(draws)
    if draws.label_S is None or not known_S.any():
        return ""
    repeats = repeated_texts(draws.problem_S[known_S], draws.label_S[known_S])
    if repeats is None or repeats.p > FALSE_ALARM:
        return ""
    what = "texts are" if draws.texts else "samples with one length, log-probability and answer are"
    return (
        f"{repeats.texts:,} {what} there exactly {repeats.times} times in their problem, where the model's own repeats "
        f"explain about {repeats.explained:,.0f}: these are copies; give each draw once."
    )


def _copies_in_order(draws: _Draws) -> str:
    known_S = _known(draws)
    if draws.label_S is None or not known_S.any() or draws.sorted_by_something:
        return ""
    problem_S, label_S = draws.problem_S[known_S], draws.label_S[known_S]
    if _is_grouped(problem_S, label_S):
        return ""
    n_P = np.bincount(problem_S)
    found = agreement(_coin_of_each_label(problem_S, label_S), n_P[n_P > 0])
    if found is None or found.p > FALSE_ALARM or found.correlation < _SMALL:
        return ""
    return (
        f"Samples {found.distance} apart are equal more often than others of their problem (by "
        f"{found.correlation:.0%}, p = {found.p:.1g}), as copies are: give each draw once."
    )


def _runs(draws: _Draws) -> str:
    """Runs with rates of their own, or copies of which only the verdicts are known."""
    if draws.sorted_by_something:
        return ""
    advice = "give one run of each model, or each run as a model of its own (NAME=PATH)"
    near = agreement(draws.correct_S, draws.n_P)
    if near is not None and near.p <= FALSE_ALARM and near.correlation >= _COPIED:
        return (
            f"Verdicts of samples {near.distance} apart agree as copies do (correlation {near.correlation:.2f}, "
            f"p = {near.p:.1g}): give each draw once."
        )
    for how, order in (("The first and the second half of the draws", None), ("Every other draw", 2)):
        mark_S = draws.correct_S if order is None else _odd_after_even(draws)
        parts = halves(mark_S, draws.n_P)
        if parts is None:
            continue
        if parts.drift_p <= FALSE_ALARM and abs(parts.drift) >= _SMALL:
            return (
                f"{how} differ by {100 * abs(parts.drift):.1f} points of pass@1 (p = {parts.drift_p:.1g}): they are "
                f"not of one model, prompt or verifier; {advice}."
            )
        if parts.p <= FALSE_ALARM and parts.ratio >= 1 + _SMALL:
            return (
                f"{how} differ more than chance does ({parts.ratio:.2f} times the variance of independent draws, "
                f"p = {parts.p:.1g}), as runs with rates of their own do: {advice}."
            )
    if near is not None and near.p <= FALSE_ALARM and near.correlation >= _SMALL:
        return (
            f"Verdicts of samples {near.distance} apart agree more than others (correlation {near.correlation:.2f}, "
            f"p = {near.p:.1g}), as those of one run do: {advice}."
        )
    return ""


def _known(draws: _Draws) -> BoolArray:
    """Samples whose label is known: the texts of long files are read only as far as a bound."""
    if draws.label_S is None or not draws.texts:
        return np.ones(draws.problem_S.size, dtype=np.bool_)
    return np.asarray(draws.label_S != 0)


def _coin_of_each_label(problem_S: IntArray, label_S: IntArray) -> BoolArray:
    """A fair coin for each label of each problem, the same on every run whatever the labels are called."""
    code_S = np.unique(label_S, return_inverse=True)[1]
    _, first, place_S = np.unique(problem_S * (int(code_S.max()) + 1) + code_S, return_index=True, return_inverse=True)
    coin_L = np.empty(first.size, dtype=np.bool_)
    coin_L[np.argsort(first)] = np.random.default_rng(0).random(first.size) < 0.5
    return np.asarray(coin_L[place_S])


def _is_grouped(problem_S: IntArray, label_S: IntArray) -> bool:
    """Whether equal labels stand together in nearly all problems, so that the rows were sorted by them."""
    code_S = np.unique(label_S, return_inverse=True)[1]
    new_S = np.concatenate(([True], (np.diff(problem_S) != 0) | (np.diff(code_S) != 0)))
    distinct = np.unique(problem_S * (int(code_S.max()) + 1) + code_S).size
    return bool(new_S.sum() <= distinct * 1.01)


def _odd_after_even(draws: _Draws) -> BoolArray:
    """The marks with the samples at odd places of each problem after those at even ones."""
    starts_P = np.cumsum(draws.n_P) - draws.n_P
    place_S = np.arange(draws.problem_S.size) - starts_P[draws.problem_S]
    return draws.correct_S[np.lexsort((place_S % 2 == 0, draws.problem_S))]
