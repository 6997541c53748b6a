"""Decide what tuning did to the boundary: one label by fixed rules, with its evidence.

A verdict speaks of k samples. It never says that a model cannot solve a problem: no number of
failures proves absence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edgewise.boundary.inference.resampling import Bootstrap, Estimate, enough_resamples, units
from edgewise.boundary.inference.supported_k import largest_claimable_k, usual_k
from edgewise.boundary.measures.curves import paired_difference
from edgewise.boundary.measures.solved import SolvedSets, solved_sets
from edgewise.boundary.verdict.evidence import Evidence
from edgewise.boundary.verdict.labels import LABELS, Label
from edgewise.boundary.verdict.rules import decide
from edgewise.boundary.verdict.sentences import combined_sentence, evidence_line, sentence
from edgewise.core.errors import InputError
from edgewise.outcomes.counts import Counts, Metric, Rates, require_same_problems


@dataclass(frozen=True)
class BoundaryVerdict:
    """A label with the evidence and the rule it came from.

    `delta_1` and `delta_k` are mean pass@1 and pass@k of tuned minus base, with paired intervals
    at `confidence` = 1 - alpha/comparisons; `p_1` and `p_k` are their sign-flip p-values. `solved`
    holds the solved sets at m = k with intervals at the same confidence. `n` is the smallest number of
    samples of a problem in either arm. `sentence` says in plain language what the label means, in at
    most 25 words; `numbers` is the evidence in one line; `rule` states the rule that fired. Printed,
    a verdict is these in order.

    `power` is the probability that this design repeated would see what the label rests on: a
    difference as large as the observed one for changes, as large as the margin for absences, and
    the smaller where it rests on several. For "cannot tell" it is that of the label refused, or
    the power at the margin where there was none. `detectable` is the smallest Delta pass@k that
    the design sees with power 0.8. `concerns` are the reasons from outside that forbid a claim.
    """

    label: Label
    sentence: str
    numbers: str
    rule: str
    k: int
    delta_1: Estimate
    delta_k: Estimate
    p_1: float
    p_k: float
    power: float
    detectable: float
    solved: SolvedSets
    concerns: tuple[str, ...]
    base_rates: Rates
    tuned_rates: Rates
    metric: Metric
    n: int
    problems: int
    alpha: float
    margin: float
    comparisons: int
    confidence: float
    resamples: int
    seed: int

    def __str__(self) -> str:
        return f"{self.label.capitalize()} at k = {self.k}. {self.sentence} {self.numbers} Rule: {self.rule}"


@dataclass(frozen=True)
class CombinedVerdict:
    """One label over several verdicts (of sets, say), with a sentence of at most 25 words, the rule, and the parts."""

    label: Label
    sentence: str
    rule: str
    parts: Mapping[str, BoundaryVerdict]


def boundary_verdict(
    base: Counts,
    tuned: Counts,
    *,
    k: int | None = None,
    alpha: float = 0.05,
    margin: float = 0.05,
    comparisons: int = 1,
    concerns: Sequence[str] = (),
    resamples: int = 2000,
    seed: int = 0,
) -> BoundaryVerdict:
    """Decide what tuning did to the boundary at k samples.

    The labels of `labels.LABELS` are tried in the order of the table, and the first whose condition holds is taken;
    with k < 2, where there is nothing but pass@1, the label is "cannot tell". Intervals are at confidence 1 -
    alpha/comparisons (Bonferroni). A difference counts as above (below) 0 when its paired interval does and its
    sign-flip p-value is at most alpha/comparisons.

    A label whose claim has `excludes_hidden_loss` becomes "mixed" when problems that are each significantly down
    (Fisher, FDR 5%) lose the margin or more of pass@k together.

    A label becomes "cannot tell" when one of its tests has a power below 0.8: to see again a difference as large as
    the observed one, for a difference; to see one as large as the margin, for the absence of one. At k, and for
    absences, an interval is taken to reach at least as far as the share of problems that may have changed unseen
    (about 3.7/problems at 95%). A claim with `tried_last_if_weak` then stands behind the others.

    It is so where none of an arm's samples could be scored. It becomes so for each of `concerns`, reasons from
    outside that forbid a claim, and when the arms differ in their unscorable or truncated share by enough to explain
    the label (`Claim.explained`).

    `k` defaults to the largest power of two up to n/4 and may not exceed n/4. `margin` is the
    difference in pass@k regarded as none. `comparisons` is the number of verdicts of the family
    this one belongs to. More than `resamples` resamples are made where the confidence needs them.

    Sources: Yue et al. 2025 (arXiv:2504.13837) for the question and the solved sets, with the
    noise floor, pairing and intervals their tables lack.

    The reasons for the rules are in docs/verdicts.md.

    Raises InputError when the arms do not hold the same problems or an argument is out of range.
    """
    require_same_problems(base, tuned)
    if not 0 < alpha < 1:
        raise InputError(f"alpha: {alpha}; a number between 0 and 1 is needed, such as 0.05")
    if not 0 < margin < 1:
        raise InputError(f"margin: {margin}; a difference in pass@k between 0 and 1 is needed")
    if comparisons < 1:
        raise InputError(f"comparisons: {comparisons}; a family has at least 1 verdict")
    n = min(base.n, tuned.n)
    largest = max(1, largest_claimable_k(n))
    k = usual_k(n) if k is None else k
    if not 1 <= k <= largest:
        raise InputError(f"k: {k}; a claim from n = {n} samples needs k from 1 to n/4 = {largest}")

    confidence = 1 - alpha / comparisons
    resamples = max(resamples, enough_resamples(confidence))
    bootstrap = Bootstrap(resamples, seed, confidence)
    difference = paired_difference(base, tuned, sorted({1, k}), bootstrap=bootstrap)
    solved = solved_sets(base, tuned, k, bootstrap=bootstrap)
    evidence = Evidence(
        delta_1=difference.at(1),
        delta_k=difference.at(k),
        p_1=float(difference.p_K[0]),
        p_k=float(difference.p_K[-1]),
        solved=solved,
        k=k,
        margin=margin,
        confidence=confidence,
        units=units(base.problems, base.cluster_P),
    )
    decision = decide(evidence, base, tuned, concerns)
    return BoundaryVerdict(
        label=decision.label,
        sentence=sentence(decision, k, margin),
        numbers=evidence_line(evidence, n),
        rule=decision.rule,
        k=k,
        delta_1=evidence.delta_1,
        delta_k=evidence.delta_k,
        p_1=evidence.p_1,
        p_k=evidence.p_k,
        power=decision.power,
        detectable=evidence.detectable,
        solved=solved,
        concerns=tuple(concerns),
        base_rates=base.rates(),
        tuned_rates=tuned.rates(),
        metric=base.metric,
        n=n,
        problems=base.problems,
        alpha=alpha,
        margin=margin,
        comparisons=comparisons,
        confidence=confidence,
        resamples=resamples,
        seed=seed,
    )


def combine(verdicts: Mapping[str, BoundaryVerdict]) -> CombinedVerdict:
    """One label over named verdicts of one family, such as one for each level.

    The label is the first of `labels.LABELS` whose `combined` holds for the labels of the parts. A label of `absence`
    needs every part: the boundary stayed only if it stayed everywhere.

    Raises InputError when there is no verdict, or one was not made with `comparisons` at least
    the number of verdicts, for then the family's error rate is not alpha.
    """
    if not verdicts:
        raise InputError("verdicts: none given; at least one is needed")
    for name, verdict in verdicts.items():
        if verdict.comparisons < len(verdicts):
            raise InputError(
                f"verdicts: {name} was made with comparisons = {verdict.comparisons}; "
                f"a family of {len(verdicts)} needs comparisons >= {len(verdicts)}"
            )
    if len(verdicts) == 1:
        (only,) = verdicts.values()
        return CombinedVerdict(only.label, only.sentence, only.rule, dict(verdicts))
    labels_present = {verdict.label for verdict in verdicts.values()}
    label, entry = next((label, entry) for label, entry in LABELS.items() if entry.combined(labels_present))
    parts = verdicts.values()
    labels = {name: part.label for name, part in verdicts.items()}
    text = combined_sentence(label, labels, [part.k for part in parts], max(part.margin for part in parts))
    return CombinedVerdict(label, text, entry.combined_rule, dict(verdicts))
