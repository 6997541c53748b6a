"""Say in one line, and forbid claims, where the samples of a model are copies, of one seed, or of runs that differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from edgewise.boundary.audit.result import Concern
from edgewise.boundary.dependence.labels import Labels
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
# An odd number by which what is known of a sample is mixed into one.
_MIXER = np.int64(0x27D4EB2F165667C5)


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
    """Samples by problem, in the order of drawing. `labels` are equal where all that is known of two samples is: their
    `texts`, or only lengths, log-probabilities and answers; None where nothing is but verdicts."""

    n_P: IntArray
    problem_S: IntArray
    correct_S: BoolArray
    labels: Labels | None
    texts: bool
    seed_S: IntArray | None
    sorted_by_something: bool


def _in_order(samples: Outcomes, metric: Metric) -> _Draws:
    order = samples.order
    problem_S = samples.problem_S[order].astype(np.int64)
    verdict_S = samples.answer_S if metric == "answer" or samples.process_S is None else samples.process_S
    n_P = np.bincount(problem_S)
    correct_S = verdict_S[order] == 1
    values = [column[order] for column in (samples.tokens_S, samples.score_S) if column is not None]
    return _Draws(
        n_P=n_P,
        problem_S=problem_S,
        correct_S=correct_S,
        labels=_labels(samples, problem_S),
        texts=samples.text_S is not None,
        seed_S=None if samples.seed_S is None else samples.seed_S[order],
        sorted_by_something=any(is_sorted(value_S, n_P) for value_S in (correct_S, *values)),
    )


def _labels(samples: Outcomes, problem_S: IntArray) -> Labels | None:
    """By the texts, of which those of long files are read only as far as a bound; else by what tells samples apart."""
    order = samples.order
    if samples.text_S is not None:
        known = np.flatnonzero(samples.text_S[order])
        return Labels.of(problem_S[known], samples.text_S[order[known]]) if known.size else None
    label_S = np.zeros(order.size, dtype=np.int64)
    columns = [column for column in (samples.logprob_S, samples.tokens_S, samples.predicted_S) if column is not None]
    for column in columns:
        bits_S = column.view(np.int64) if column.dtype == np.float64 else column.astype(np.int64)
        label_S = (label_S ^ bits_S) * _MIXER
    return Labels.of(problem_S, label_S[order]) if columns else None


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
    labels = draws.labels
    if draws.seed_S is None:
        return ""
    if labels is None or labels.problem_S.size < draws.problem_S.size:
        labels = Labels.of(draws.problem_S, draws.correct_S.astype(np.int64))
    seeds = repeated_seeds(draws.seed_S, labels)
    if seeds is None or seeds.p > FALSE_ALARM:
        return ""
    return (
        f"Samples drawn with one seed are one sample: {seeds.equal:,} of {seeds.pairs:,} such pairs are equal, where "
        f"{seeds.expected:,.0f} would be by chance; draw each sample with a seed of its own."
    )


def _repeated(draws: _Draws) -> str:
    repeats = None if draws.labels is None else repeated_texts(draws.labels)
    if repeats is None or repeats.p > FALSE_ALARM:
        return ""
    what = "texts are" if draws.texts else "samples with one length, log-probability and answer are"
    return (
        f"{repeats.texts:,} {what} there exactly {repeats.times} times in their problem, where the model's own repeats "
        f"explain about {repeats.explained:,.0f}: these are copies; give each draw once."
    )


def _copies_in_order(draws: _Draws) -> str:
    labels = draws.labels
    # Rows that were sorted by their label are in no order of drawing.
    if labels is None or labels.is_grouped or draws.sorted_by_something:
        return ""
    found = agreement(labels.coins(), labels.n_P)
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
    for how, order in (("The first and the second half of the draws", None), ("Draws at odd and at even places", 2)):
        mark_S = draws.correct_S if order is None else _odd_after_even(draws)
        parts = halves(mark_S, draws.n_P)
        if parts is None:
            continue
        if parts.drift_p <= FALSE_ALARM and abs(parts.drift) >= _SMALL:
            return (
                f"{how} differ by {100 * abs(parts.drift):.1f} points of pass@1 (p = {parts.drift_p:.1g}), as those of "
                "two models, prompts or verifiers do, or rows in the order of finishing: give one run of each model, "
                "its samples numbered (sample_id) as they were drawn."
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


def _odd_after_even(draws: _Draws) -> BoolArray:
    """The marks with the samples at odd places of each problem after those at even ones."""
    starts_P = np.cumsum(draws.n_P) - draws.n_P
    place_S = np.arange(draws.problem_S.size) - starts_P[draws.problem_S]
    return draws.correct_S[np.lexsort((place_S % 2 == 0, draws.problem_S))]
