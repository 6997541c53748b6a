"""Flip analysis: the smallest error rates of the verifier at which the label of a verdict would be another.

A verifier that passes 1% of the wrong answers of the base and 4% of those of the tuned model makes a boundary look
extended without any new skill: among many samples of a problem one false pass is nearly certain.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import stats

from edgewise.boundary.inference.means import Estimate, mean_interval
from edgewise.boundary.inference.resampling import Bootstrap
from edgewise.boundary.measures.panel import Cell, Column, Panel, PanelRow
from edgewise.boundary.measures.registry import Arm, Measure, Terms
from edgewise.boundary.measures.solved import SHARES, SolvedSets, shares_of
from edgewise.boundary.measures.soundness import mean_product_P
from edgewise.boundary.measures.verifier_errors import check_verifier_rates
from edgewise.boundary.verdict.evidence import evidence_from
from edgewise.boundary.verdict.facts import Facts, facts_of
from edgewise.boundary.verdict.labels import CANNOT_TELL, Label, label_of, shown_label
from edgewise.boundary.verdict.rules import HIDING, significantly_down
from edgewise.outcomes.counts import Counts, FloatArray, IntArray

Errors = Literal["false positives", "false negatives"]
Where = Literal["both", "base", "tuned"]

KINDS: tuple[tuple[Errors, Where], ...] = (
    ("false positives", "both"),
    ("false positives", "base"),
    ("false positives", "tuned"),
    ("false negatives", "both"),
    ("false negatives", "base"),
    ("false negatives", "tuned"),
)
# Rates that are tried, in this order; where the label first is another, the step to there is halved so often.
RATES = (0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3)
HALVINGS = 4
# Confidence of the largest rate that the counts allow.
CONFIDENCE = 0.975


class ErrorRates(NamedTuple):
    """How often a verifier passes wrong answers, and how often it refuses right ones."""

    fpr: float = 0.0
    fnr: float = 0.0


@dataclass(frozen=True)
class Flip:
    """The smallest `rate` of these errors, in both arms alike or in one alone, at which the label is `label`.

    NaN and None where no rate up to `allowed` changes it, the largest that the counts allow, at most 0.3: a verifier
    that errs as often on every problem leaves at most (1 - rate)^n of them with no sample passed (or none refused).
    """

    errors: Errors
    where: Where
    rate: float
    label: Label | None
    allowed: float


@dataclass(frozen=True)
class VerifierFlips:
    """What errors of the verifier would change the label at k; `label` is that of a verifier without errors.

    `at_measured` is the label at the measured rates `fpr` and `fnr`, the same for both arms; None where none were
    given.
    """

    label: Label
    k: int
    flips: tuple[Flip, ...]
    at_measured: Label | None
    fpr: float
    fnr: float
    problems: int


def verifier_flips(
    base: Counts,
    tuned: Counts,
    k: int,
    *,
    alpha: float = 0.05,
    margin: float = 0.05,
    comparisons: int = 1,
    measured: ErrorRates | None = None,
) -> VerifierFlips:
    """Find what false positive and false negative rates of the verifier would change the label at k.

    The facts are recomputed from estimates of (1-p)^k that are unbiased for a verifier of the given rates: a sample
    stands for (1-FPR)/(TPR-FPR) right ones if it passed and for -FPR/(TPR-FPR) if not (Rogan and Gladen 1978), and
    the mean over all k-subsets of the product of 1 minus these is taken, as in `soundness`. They are not cut to 0 to 1
    for a problem, so they are noisy at large k: a label also falls where the samples no longer tell. Errors are taken
    as independent of the problem and of each other. Nothing is random.

    Where nothing is claimed there are no `flips`. Raises InputError where the measured rates are those of no verifier.
    """
    level = alpha / comparisons
    down_P = significantly_down(base, tuned)
    none: dict[tuple[int, ErrorRates], FloatArray] = {}

    def label_at(of_base: ErrorRates, of_tuned: ErrorRates) -> Label:
        for arm, (counts, rates) in enumerate(((base, of_base), (tuned, of_tuned))):
            if (arm, rates) not in none:
                none[arm, rates] = none_right(counts, (1, k, 2 * k) if arm == 0 else (1, k), rates)
        return _label(none[0, of_base], none[1, of_tuned], down_P, k, margin, level, base.cluster_P)

    label = label_at(ErrorRates(), ErrorRates())
    flips = []
    for errors, where in KINDS if label != CANNOT_TELL else ():

        def flipped(rate: float, errors: Errors = errors, where: Where = where) -> Label:
            rates = ErrorRates(fpr=rate) if errors == "false positives" else ErrorRates(fnr=rate)
            return label_at(*(rates if where in ("both", arm) else ErrorRates() for arm in ("base", "tuned")))

        arms = [counts for arm, counts in (("base", base), ("tuned", tuned)) if where in ("both", arm)]
        allowed = min(_allowed(arm.n_P, arm.c_P if errors == "false positives" else arm.n_P - arm.c_P) for arm in arms)
        rate, becomes = _smallest(flipped, label, allowed)
        flips.append(Flip(errors, where, rate, becomes, allowed))
    return VerifierFlips(
        label=label,
        k=k,
        flips=tuple(flips),
        at_measured=None if measured is None else label_at(measured, measured),
        fpr=math.nan if measured is None else measured.fpr,
        fnr=math.nan if measured is None else measured.fnr,
        problems=base.problems,
    )


def none_right(counts: Counts, ks: Sequence[int], rates: ErrorRates) -> FloatArray:
    """The probability that none of k samples is right, at every k: shape (problems, K). Unbiased, and not cut to 0 to
    1, for a verifier of these rates.

    Raises InputError unless the verifier passes right samples more often than wrong ones.
    """
    tpr = 1 - rates.fnr
    check_verifier_rates(rates.fpr, tpr)
    # A problem's estimate depends on n and c alone.
    width = int(counts.n_P.max()) + 1
    code_D, which_P = np.unique(counts.n_P * width + counts.c_P, return_inverse=True)
    n_D, c_D = code_D // width, code_D % width
    wrong, right = tpr / (tpr - rates.fpr), (tpr - 1) / (tpr - rates.fpr)
    columns = [mean_product_P(n_D, n_D - c_D, wrong, c_D, right, k) for k in ks]
    return np.stack(columns, axis=1)[which_P]


def _label(
    base_PK: FloatArray,
    tuned_PK: FloatArray,
    down_P: npt.NDArray[np.bool_],
    k: int,
    margin: float,
    level: float,
    cluster_P: IntArray | None,
) -> Label:
    """The label by the probabilities that none is right: of 1, k and 2k samples of the base, 1 and k of the tuned."""
    values_PK = (base_PK[:, :2] - tuned_PK)[:, : 1 if k == 1 else 2]
    shares_PK = shares_of(base_PK[:, 1], base_PK[:, 2], tuned_PK[:, 1])
    evidence = evidence_from(
        values_PK,
        lambda confidence: _solved(shares_PK, k, confidence, cluster_P),
        k,
        margin=margin,
        level=level,
        cluster_P=cluster_P,
        reach=max(1.0, float(np.abs(values_PK).max())),
    )
    facts = facts_of(evidence)
    lost = float((tuned_PK - base_PK[:, :2])[down_P, 1].sum() / len(base_PK))
    return label_of(Facts(facts.at_1, "both") if facts.at_k in HIDING and lost >= margin else facts)


def _solved(shares_PK: FloatArray, k: int, confidence: float, cluster_P: IntArray | None) -> SolvedSets:
    """Solved sets whose shares may lie outside 0 to 1 for a problem."""
    problems, reach = len(shares_PK), max(1.0, float(np.abs(shares_PK).max()))
    low_K, high_K = mean_interval(shares_PK, confidence, (-reach, reach), cluster_P)
    cells = {
        name: Estimate(*(problems * float(end) for end in ends))
        for name, *ends in zip(SHARES, shares_PK.mean(axis=0), low_K, high_K, strict=True)
    }
    return SolvedSets(
        m=k, **cells, realised=None, mcnemar_p=math.nan, problems=problems, bootstrap=Bootstrap(confidence=confidence)
    )


def _smallest(label_at: Callable[[float], Label], label: Label, most: float) -> tuple[float, Label | None]:
    """The smallest rate up to `most` at which the label is another, and which; NaN and None where there is none."""
    below = 0.0
    for rate in (*(rate for rate in RATES if rate < most), most):
        becomes = label_at(rate)
        if becomes != label:
            for _ in range(HALVINGS):
                middle = (below + rate) / 2
                between = label_at(middle)
                below, rate, becomes = (middle, rate, becomes) if between == label else (below, middle, between)
            return rate, becomes
        below = rate
    return math.nan, None


def _allowed(n_P: IntArray, passed_P: IntArray) -> float:
    """The largest rate of errors with which as many problems without an error are likely as there are; at most 0.3."""
    spared = int((passed_P == 0).sum())
    if not spared:
        return RATES[-1]
    share = float(stats.beta.ppf(1 - CONFIDENCE, spared, len(n_P) - spared + 1))
    return min(RATES[-1], float(1 - share ** (1 / int(n_P.min()))))


def _flips(base: Arm, tuned: Arm, terms: Terms) -> VerifierFlips:
    measured = None if terms.verifier is None else ErrorRates(terms.verifier.fpr, 1 - terms.verifier.tpr)
    return verifier_flips(
        base.counts,
        tuned.counts,
        terms.k,
        alpha=terms.alpha,
        margin=terms.margin,
        comparisons=terms.comparisons,
        measured=measured,
    )


def _panel(result: VerifierFlips) -> Panel:
    columns = (
        Column("rate", f"{shown_label(result.label, result.k).capitalize()} falls from", "percent"),
        Column("label", "It is then", "text"),
        Column("allowed", "The counts allow up to", "percent"),
    )
    where = {"both": "both models alike", "base": "base alone", "tuned": "tuned model alone"}
    rows = [
        PanelRow(
            (
                Cell(flip.rate, beside="" if flip.label else f"holds up to {flip.allowed:.1%}"),
                Cell(shown_label(flip.label, result.k) if flip.label else None),
                Cell(flip.allowed),
            ),
            label=f"{flip.errors}, {where[flip.where]}",
        )
        for flip in result.flips
    ]
    if not rows:
        rows.append(PanelRow((Cell(None), Cell(None), Cell(None)), label="no claim is made that errors could explain"))
    if result.at_measured is not None:
        name = f"as measured: {result.fpr:.1%} false positives, {result.fnr:.1%} false negatives"
        rows.append(PanelRow((Cell(None), Cell(shown_label(result.at_measured, result.k)), Cell(None)), label=name))
    note = (
        f"{result.problems} problems. Smallest error rates of the verifier at which the label is another, all facts "
        f"being recomputed. Rates above the last column, or {RATES[-1]:.0%}, are not tried: a verifier that errs so "
        "often, on every problem alike, would leave fewer problems without a sample passed (or refused). Give measured "
        "rates with --verifier-fpr and --verifier-fnr."
    )
    return Panel(columns, tuple(rows), note)


VERIFIER_FLIPS = Measure(
    name="verifier_flips",
    title="Errors of the verifier that would change the label",
    explanation="With which false positive and false negative rates of the verifier, alike in both models or not, the "
    "label would be another.",
    source="Rogan and Gladen 1978",
    unit="comparison",
    rank=79,
    needs=("two samples",),
    compute=_flips,
    panel=_panel,
)
MEASURES = (VERIFIER_FLIPS,)
