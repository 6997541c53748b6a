"""Decide what tuning did to the boundary: two facts and the label that names them, by fixed rules.

A verdict speaks of k samples. It never says that a model cannot solve a problem: no number of
failures proves absence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from edgewise.boundary.inference.means import Estimate
from edgewise.boundary.inference.supported_k import SAMPLES_PER_K, largest_claimable_k, supports, usual_k_of
from edgewise.boundary.measures.solved import SolvedSets
from edgewise.boundary.verdict.evidence import evidence_of, hull
from edgewise.boundary.verdict.facts import Facts, combine_facts
from edgewise.boundary.verdict.labels import Label, label_of, shown_label
from edgewise.boundary.verdict.reservations import Reservations, reservations
from edgewise.boundary.verdict.rules import Case, decide
from edgewise.boundary.verdict.sentences import combined_sentence, evidence_line, sentence
from edgewise.boundary.verdict.ungraded import AS_COUNTED, Pair, scenarios, ungraded_share
from edgewise.core.errors import InputError
from edgewise.outcomes.counts import Counts, Metric, Rates, require_same_problems


@dataclass(frozen=True)
class BoundaryVerdict:
    """A label with the facts it names, the evidence and the rule it came from.

    `facts` states what happened at one sample and at k. `delta_1` and `delta_k` are mean pass@1 and pass@k of tuned
    minus base; their paired intervals are at `confidence_1` and `confidence_k`, those at which they were tested, and
    `p_1` and `p_k` are their p-values. `solved` holds the solved sets at m = k with intervals at `confidence` = 1 -
    alpha/comparisons. `n` is the smallest number of samples of a problem in either arm. `left_out`
    names the problems with fewer than 2k samples in an arm, of which the verdict says nothing. `sentence` says in plain
    language what the label means, in at most 25 words; `numbers` is the evidence in one line; `rule` states the rules
    that fired, and `readings` the label under each reading of samples that were not graded, "" where they agree.
    Printed, a verdict is these in order.

    `detectable` is the smallest Delta pass@k that the design sees with power 0.8; it vetoes nothing. `concerns` are the
    reasons from outside that forbid a claim, and `refused` is the label that they, or samples that were not graded,
    forbade.

    `reserved` is what the absence of a change must allow for (`reservations`); policies go by it.

    `training_seeds` is 1 for a verdict on one checkpoint. From two on it is one on a recipe (`recipe.recipe_verdict`):
    all numbers are means over the seeds, and intervals and p-values are for new seeds and new problems.
    """

    label: Label
    facts: Facts
    sentence: str
    numbers: str
    rule: str
    readings: str
    k: int
    delta_1: Estimate
    delta_k: Estimate
    p_1: float
    p_k: float
    confidence_1: float
    confidence_k: float
    detectable: float
    solved: SolvedSets
    concerns: tuple[str, ...]
    refused: Label | None
    reserved: Reservations
    base_rates: Rates
    tuned_rates: Rates
    metric: Metric
    n: int
    problems: int
    left_out: tuple[str, ...]
    alpha: float
    margin: float
    comparisons: int
    confidence: float
    training_seeds: int = 1

    def __str__(self) -> str:
        label = shown_label(self.label, self.k).capitalize()
        return f"{label}. {self.sentence} {self.numbers} Rule: {self.rule} {self.readings}".rstrip()


@dataclass(frozen=True)
class CombinedVerdict:
    """One label over several verdicts (of sets, say), with a sentence of at most 25 words, the rule, and the parts."""

    label: Label
    facts: Facts
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
) -> BoundaryVerdict:
    """Decide what tuning did to the boundary at k samples.

    A verdict states two facts, at one sample and at k (`facts`), and its label is the name of the pair
    (`labels.NAMES`). The two differences are tested by Holm at alpha/comparisons, each by the larger of the sign-flip
    p-value and that of its interval. What did not happen must be excluded by the interval, which reaches at least as
    far as the share of problems that may have changed unseen (about 3.7/problems at 95%). No power is asked for beyond
    that.

    Where problems that are each significantly down (Fisher, FDR 5%) lose the margin or more of pass@k together, the
    fact at k is "both", whatever the net change.

    Where samples were not graded (unscorable, or cut off without a right answer), differences and solved sets count
    them as not solved, and the intervals reach over what they would be were these samples left out, right in one arm
    alone, or in the other alone (`ungraded.scenarios`). So a fact holds where all of these readings show it.

    A label becomes "cannot tell" for each of `concerns`, reasons from outside that forbid a claim, and where none of an
    arm's samples could be scored.

    `k` defaults to the largest power of two up to n/4 and may not exceed n/2. Problems with fewer than 2k samples are
    left out; the default k leaves out a tenth of them at most. `margin` is the difference in pass@k
    regarded as none. Two independent draws of one model, judged alike, get a false change in at most a share `alpha` of
    audits; `comparisons` is the number of verdicts that share it. Nothing is resampled.

    Sources: Yue et al. 2025 (arXiv:2504.13837) for the question and the solved sets, with the
    noise floor, pairing and intervals their tables lack.

    The reasons for the rules are in docs/verdicts.md.

    Raises InputError when the arms do not hold the same problems or an argument is out of range.
    """
    require_same_problems(base, tuned)
    check_terms(alpha=alpha, margin=margin, comparisons=comparisons)
    judged = Judged.of([(base, tuned)], k)
    cases = {
        name: Case(pairs, evidence_of(*pairs[0], judged.k, margin=margin, alpha=alpha, comparisons=comparisons))
        for name, pairs in scenarios(judged.pairs, judged.k).items()
    }
    return verdict_of(cases, judged.left_out, alpha=alpha, comparisons=comparisons, concerns=concerns)


@dataclass(frozen=True)
class Judged:
    """The k of a claim, the pairs on the problems that have the samples for it, and the problems left out."""

    k: int
    pairs: Sequence[Pair]
    left_out: tuple[str, ...]

    @classmethod
    def of(cls, pairs: Sequence[Pair], k: int | None) -> Judged:
        """`k` defaults to the usual one of these problems. Raises InputError where no problem has the samples."""
        n_P = np.min([counts.n_P for pair in pairs for counts in pair], axis=0)
        k = usual_k_of(n_P) if k is None else k
        most = int(n_P.max())
        largest = max(1, largest_claimable_k(most))
        if not 1 <= k <= largest:
            raise InputError(f"k: {k}; a claim from n = {most} samples needs k from 1 to n/{SAMPLES_PER_K} = {largest}")
        enough_P = supports(n_P, k)
        if enough_P.all():
            return cls(k, pairs, ())
        left_out = tuple(pairs[0][0].problem[~enough_P].tolist())
        return cls(k, [(base.select(enough_P), tuned.select(enough_P)) for base, tuned in pairs], left_out)


def check_terms(*, alpha: float, margin: float, comparisons: int) -> None:
    """Raise InputError where a term of a verdict is out of range."""
    if not 0 < alpha < 1:
        raise InputError(f"alpha: {alpha}; a number between 0 and 1 is needed, such as 0.05")
    if not 0 < margin < 1:
        raise InputError(f"margin: {margin}; a difference in pass@k between 0 and 1 is needed")
    if comparisons < 1:
        raise InputError(f"comparisons: {comparisons}; a family has at least 1 verdict")


def verdict_of(
    cases: Mapping[str, Case], left_out: tuple[str, ...], *, alpha: float, comparisons: int, concerns: Sequence[str]
) -> BoundaryVerdict:
    """The verdict that all cases of `ungraded.scenarios` support, of one pair of models or of those of several training
    seeds."""
    pairs = cases[AS_COUNTED].pairs
    n, decision = _least_n(pairs), decide(cases, concerns)
    evidence = hull([case.evidence for case in cases.values()])
    bases, tuned = zip(*pairs, strict=True)
    ungraded = (ungraded_share(bases), ungraded_share(tuned))
    return BoundaryVerdict(
        label=decision.label,
        facts=decision.facts,
        sentence=sentence(decision, evidence),
        numbers=evidence_line(evidence, n, left_out, ungraded if len(cases) > 1 else None),
        rule=decision.rule,
        readings=decision.readings,
        k=evidence.k,
        delta_1=evidence.at_1.estimate,
        delta_k=evidence.at_k.estimate,
        p_1=evidence.at_1.p,
        p_k=evidence.at_k.p,
        confidence_1=evidence.at_1.confidence,
        confidence_k=evidence.at_k.confidence,
        detectable=evidence.detectable,
        solved=evidence.solved,
        concerns=tuple(concerns),
        refused=decision.refused,
        reserved=reservations(evidence, cases, concerns),
        base_rates=_mean_rates(bases),
        tuned_rates=_mean_rates(tuned),
        metric=bases[0].metric,
        n=n,
        problems=bases[0].problems,
        left_out=left_out,
        alpha=alpha,
        margin=evidence.margin,
        comparisons=comparisons,
        confidence=evidence.confidence,
        training_seeds=len(pairs),
    )


def combine(verdicts: Mapping[str, BoundaryVerdict]) -> CombinedVerdict:
    """One label over named verdicts of one family, such as one for each level.

    The facts are combined (`facts.combine_facts`): a change on any set is a change, that there was none needs every
    set. The label is the name of the combined facts.

    Raises InputError when there is no verdict, or one was not made with `comparisons` at least
    the number of verdicts, for then two draws of one model get a false change more often than alpha.
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
        return CombinedVerdict(only.label, only.facts, only.sentence, only.rule, dict(verdicts))
    parts = {name: verdict.facts for name, verdict in verdicts.items()}
    facts = combine_facts(list(parts.values()))
    ks = [verdict.k for verdict in verdicts.values()]
    text = combined_sentence(facts, parts, ks, max(verdict.margin for verdict in verdicts.values()))
    rule = "A change on any set is a change; that there was none needs every set."
    return CombinedVerdict(label_of(facts), facts, text, rule, dict(verdicts))


def _least_n(pairs: Sequence[Pair]) -> int:
    return min(counts.n for pair in pairs for counts in pair)


def _mean_rates(arm: Sequence[Counts]) -> Rates:
    """The rates of an arm over its training seeds."""
    rates = [counts.rates() for counts in arm]
    unscorable, truncated = (float(np.mean([getattr(r, name) for r in rates])) for name in ("unscorable", "truncated"))
    return Rates(unscorable, truncated, rates[0].problems)
