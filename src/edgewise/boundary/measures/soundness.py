"""CoT-pass@k: pass@k of right answers with sound reasoning, corrected for the errors of the verifier.

Any verifier passes some unsound chains. Among many samples of a problem that is often answered rightly by luck one
such error is nearly certain, so that CoT-pass@k at large k measures the verifier unless its errors are known.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from edgewise.boundary.inference.estimators import pass_at_k
from edgewise.boundary.inference.means import Estimate, units
from edgewise.boundary.inference.resampling import BLOCK, BOOTSTRAP, Bootstrap, bootstrap_means, resampled_estimate
from edgewise.boundary.measures.panel import Cell, Column, Panel, PanelRow, basis
from edgewise.boundary.measures.registry import Arm, Measure, Terms
from edgewise.boundary.measures.verifier_errors import VerifierLabels, corrected_share
from edgewise.core.errors import InputError
from edgewise.outcomes.counts import FloatArray, IntArray, StrArray, integers
from edgewise.outcomes.outcomes import Outcomes

# Beyond e^50 a value says only that nothing can be told; powers of it must still fit a float.
LARGEST_LOG = 50.0


@dataclass(frozen=True, eq=False)
class SoundCounts:
    """Per problem: n samples, those with the right answer, and those of these whose reasoning was verified as sound.

    Raises InputError when lengths differ or not 0 <= sound <= correct <= n.
    """

    problem: StrArray
    n_P: IntArray
    correct_P: IntArray
    sound_P: IntArray
    cluster_P: IntArray | None = None

    @classmethod
    def of(cls, outcomes: Outcomes) -> SoundCounts:
        """From the verdicts on answer and process; reasoning that could not be verified is not sound.

        Raises InputError when the process was not verified.
        """
        answer, process = outcomes.counts("answer"), outcomes.process_S
        if process is None:
            raise InputError("process: the reasoning was not verified; CoT-pass@k needs its verdicts")
        both = (outcomes.answer_S == 1) & (process == 1)
        sound_P = np.bincount(outcomes.problem_S[both], minlength=answer.problems).astype(np.int64)
        return cls(answer.problem, answer.n_P, answer.c_P, sound_P, answer.cluster_P)

    def __post_init__(self) -> None:
        columns = [integers(name, getattr(self, name)) for name in ("n_P", "correct_P", "sound_P")]
        if not self.problem.size or any(column.shape != self.problem.shape for column in columns):
            raise InputError(f"n_P, correct_P, sound_P: they need one number for each of {self.problem.size} problems")
        _check_counts(*columns)
        if self.n_P.min() < 1:
            raise InputError(f"n_P: problem {self.problem[np.argmin(self.n_P)]} has no sample")


@dataclass(frozen=True)
class CorrectedCot:
    """Mean CoT-pass@k as observed, and corrected for the errors of the verifier.

    `observed` takes the verifier at its word. `corrected` is what a verifier without errors would give; its interval
    holds for new problems and for the unknown rates of the verifier together. `verifier_floor` is what `observed` would
    be if no chain were sound: errors of this verifier alone. `sound_share` is the corrected share of sound chains
    among all right answers of these problems (NaN where no answer is right), `fpr` and `tpr` are the verifier's rates;
    `bootstrap` says how all intervals were made.
    """

    k: int
    observed: Estimate
    corrected: Estimate
    verifier_floor: float
    sound_share: Estimate
    fpr: Estimate
    tpr: Estimate
    problems: int
    bootstrap: Bootstrap


def cot_pass_at_k(n: npt.ArrayLike, correct: npt.ArrayLike, sound: npt.ArrayLike, k: npt.ArrayLike) -> FloatArray:
    """Probability that one of k samples has a right answer and reasoning verified as sound: 1 - C(n-D, k)/C(n, k).

    D = `sound` of the `correct` samples among n were verified as sound (Wen et al. 2025, arXiv:2506.14245). Broadcasts;
    NaN where n < k. Raises InputError unless sound <= correct <= n, and as `pass_at_k` does.
    """
    n_, correct_, sound_ = integers("n", n), integers("correct", correct), integers("sound", sound)
    _check_counts(n_, correct_, sound_)
    return np.asarray(pass_at_k(n_, sound_, k))


def corrected_cot_pass_at_k(
    counts: SoundCounts,
    k: int,
    labels: VerifierLabels,
    *,
    bootstrap: Bootstrap = BOOTSTRAP,
) -> CorrectedCot:
    """Mean over problems of pass@k by right answers with truly sound reasoning, for a verifier of measured errors.

    A sample contributes x = 0 if its answer is wrong, (1-FPR)/(TPR-FPR) if right and verified as sound, and
    -FPR/(TPR-FPR) if right and refused as unsound; the mean of x is the Rogan-Gladen estimate of p, the rate of right
    answers with sound reasoning. The mean over all k-subsets of the product of 1 - x is therefore unbiased for
    (1-p)^k given the verifier's rates, and is C(n-D, k)/C(n, k) for a verifier without errors. It is not clipped for a
    problem, only in the mean: clipped at 0, chance would make sound solutions where there are none. Its noise grows
    with k sqrt(FPR right answers)/n; the interval says when nothing can be told any more.

    The interval reaches from the lowest to the highest end over the corners of the Clopper-Pearson intervals of FPR
    and TPR, within 0 and 1; problems, FPR and TPR have a third of the error each (Bonferroni), so it is
    conservative. It is the whole range when these intervals overlap.

    Raises InputError unless 1 <= k <= n for every problem.
    """
    check_k_of(k, counts)
    part = 1 - (1 - bootstrap.confidence) / 3
    fprs = _exact_interval(labels.false_positives, labels.unsound, part)
    tprs = _exact_interval(labels.true_positives, labels.sound, part)
    corners = [(fpr, tpr) for fpr in fprs for tpr in tprs] if fprs[1] < tprs[0] else []
    rates = [(labels.fpr, labels.tpr), *corners]
    observed_P = cot_pass_at_k(counts.n_P, counts.correct_P, counts.sound_P, k)
    values_PK = np.stack([observed_P, *(corrected_P(counts, k, *pair) for pair in rates)], axis=1)
    means_RK = bootstrap_means(values_PK, bootstrap, counts.cluster_P)
    # The value stands in the first row, its resamples below it. A mean beyond 0 or 1 is one at 0 or 1.
    clipped_RK = np.clip(np.vstack([values_PK.mean(axis=0), means_RK]), 0.0, 1.0)
    most = units(len(counts.n_P), counts.cluster_P)
    confidences = [bootstrap.confidence, *[part] * len(rates)]
    observed, *corrected = (
        resampled_estimate(mean_R[0], mean_R[1:], (0.0, 1.0), at, most)
        for mean_R, at in zip(clipped_RK.T, confidences, strict=True)
    )
    low, high = (min(end.low for end in corrected), max(end.high for end in corrected)) if corners else (0.0, 1.0)
    return CorrectedCot(
        k=k,
        observed=observed,
        corrected=Estimate(corrected[0].value, low, high),
        verifier_floor=verifier_floor(counts, k, labels.fpr),
        sound_share=corrected_share(
            int(counts.sound_P.sum()),
            int(counts.correct_P.sum()),
            labels,
            bootstrap=bootstrap,
        ),
        fpr=Estimate(labels.fpr, *_exact_interval(labels.false_positives, labels.unsound, bootstrap.confidence)),
        tpr=Estimate(labels.tpr, *_exact_interval(labels.true_positives, labels.sound, bootstrap.confidence)),
        problems=len(counts.n_P),
        bootstrap=bootstrap,
    )


def verifier_floor(counts: SoundCounts, k: int, fpr: float) -> float:
    """Mean CoT-pass@k that a verifier with this FPR reports when no chain at all is sound: 1 - (1 - FPR p)^k.

    p is the rate of right answers of a problem; unbiased, as each right answer would be passed with probability
    FPR. Raises InputError unless 0 <= fpr <= 1 and 1 <= k <= n for every problem.
    """
    if not 0 <= fpr <= 1:
        raise InputError(f"fpr: {fpr}; a number from 0 to 1 is needed")
    check_k_of(k, counts)
    return float(np.mean(1 - mean_product_P(counts.n_P, counts.correct_P, 1 - fpr, np.zeros_like(counts.n_P), 1.0, k)))


def corrected_P(counts: SoundCounts, k: int, fpr: float, tpr: float) -> FloatArray:
    """Estimate pass@k by right answers with sound reasoning, [P], for a verifier of known rates.

    Unbiased for each problem and not clipped, so that a value may lie outside 0 to 1.
    """
    unsound_P = counts.correct_P - counts.sound_P
    weights = tpr / (tpr - fpr), (tpr - 1) / (tpr - fpr)
    return 1 - mean_product_P(counts.n_P, unsound_P, weights[0], counts.sound_P, weights[1], k)


def mean_product_P(
    n_P: IntArray, first_P: IntArray, first_weight: float, second_P: IntArray, second_weight: float, k: int
) -> FloatArray:
    """Mean over all k-subsets of n samples of the product of their weights: a for u of them, b for v, 1 for others.

    u and a are `first_P` and `first_weight`, v and b are `second_P` and `second_weight`.

    The coefficient of t^k in (1+t)^(n-u-v) (1+at)^u (1+bt)^v, divided by C(n, k): by Cauchy's formula at more than n
    points, which is exact for a polynomial of degree n, on the circle of radius k/(n-k), where rounding is least.
    """
    result_P = np.empty(n_P.shape)
    whole_P = n_P == k
    result_P[whole_P] = np.power(first_weight, first_P[whole_P]) * np.power(second_weight, second_P[whole_P])
    for n in np.unique(n_P[~whole_P]).tolist():
        # The lower half of the circle mirrors the upper, and no point is real, as all zeros of the factors are.
        points = n // 2 + 1
        angle = np.pi * (np.arange(points) + 0.5) / points
        log_t = math.log(k / (n - k)) + 1j * angle
        factors = np.log(1 + np.multiply.outer([1.0, first_weight, second_weight], np.exp(log_t)))
        log_subsets = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
        mine = np.flatnonzero(n_P == n)
        for rows in np.array_split(mine, math.ceil(mine.size * points / BLOCK)):
            first, second = first_P[rows], second_P[rows]
            powers = np.stack([n - first - second, first, second], axis=1).astype(np.complex128)
            log_terms = powers @ factors - k * log_t - log_subsets
            peak = log_terms.real.max(axis=1, keepdims=True)
            mean = np.exp(log_terms - peak).real.mean(axis=1)
            result_P[rows] = mean * np.exp(np.minimum(peak[:, 0], LARGEST_LOG))
    return result_P


def _exact_interval(passed: int, of: int, confidence: float) -> tuple[float, float]:
    """Two-sided Clopper-Pearson."""
    interval = stats.binomtest(passed, of).proportion_ci(confidence, "exact")
    return float(interval.low), float(interval.high)


def _check_counts(n: IntArray, correct: IntArray, sound: IntArray) -> None:
    if (sound < 0).any() or (sound > correct).any() or (correct > n).any():
        raise InputError("n, correct, sound: 0 <= sound <= correct <= n is needed; sound counts right answers only")


def check_k_of(k: int, counts: SoundCounts) -> None:
    """Raise InputError unless 1 <= k <= n for every problem."""
    if not 1 <= k <= counts.n_P.min():
        raise InputError(f"k: {k} samples; every problem has {counts.n_P.min()}, so k must be from 1 to that")


def _sound(arm: Arm, terms: Terms) -> CorrectedCot | None:
    if arm.samples is None or terms.verifier is None:
        return None
    return corrected_cot_pass_at_k(SoundCounts.of(arm.samples), terms.k, terms.verifier, bootstrap=terms.bootstrap)


def _sound_panel(result: CorrectedCot) -> Panel:
    columns = (
        Column("observed", f"CoT-pass@{result.k}, observed", "percent"),
        Column("corrected", "Corrected", "percent"),
        Column("verifier_floor", "If nothing were sound", "percent"),
        Column("sound_share", "Sound, of right answers", "percent"),
        Column("fpr", "Verifier's FPR", "percent"),
        Column("tpr", "Verifier's TPR", "percent"),
    )
    cells = (
        Cell.of(result.observed),
        Cell.of(result.corrected),
        Cell(result.verifier_floor),
        Cell.of(result.sound_share),
        Cell.of(result.fpr),
        Cell.of(result.tpr),
    )
    note = f"Rogan and Gladen's correction. {basis(result)}"
    return Panel(columns, (PanelRow(cells),), note)


SOUND = Measure(
    name="sound",
    title="Sound reasoning",
    explanation="CoT-pass@k asks for a right answer with sound reasoning; errors of the verifier are taken out.",
    source="Wen et al. 2025, arXiv:2506.14245; Rogan and Gladen 1978",
    unit="model",
    rank=80,
    needs=("process", "verifier labels"),
    compute=_sound,
    panel=_sound_panel,
)
MEASURES = (SOUND,)
