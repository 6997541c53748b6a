"""Sensitivity of CoT-pass@k to errors of the verifier: the difference of two arms at every false positive rate."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgewise.boundary.inference.means import units
from edgewise.boundary.inference.resampling import BOOTSTRAP, Bootstrap, bootstrap_means, resampled_estimate
from edgewise.boundary.measures.panel import Cell, Column, Panel, PanelRow, Series, basis
from edgewise.boundary.measures.registry import Arm, Measure, Terms
from edgewise.boundary.measures.soundness import SoundCounts, check_k_of, corrected_P
from edgewise.boundary.measures.verifier_errors import check_verifier_rates
from edgewise.core.errors import InputError
from edgewise.outcomes.counts import FloatArray

# Differences smaller than this are rounding.
ROUNDING = 1e-9


@dataclass(frozen=True, eq=False)
class Sensitivity:
    """Corrected CoT-pass@k of tuned minus base for each false positive rate (`_F`) that the verifier might have.

    `low_F` and `high_F` are the paired interval. `sign_lost_at` is the smallest rate on the grid at
    which the difference no longer has the sign it has at the first, and `interval_lost_at` the smallest at which the
    interval does not lie on that side of 0; NaN where that happens nowhere on the grid.
    """

    k: int
    tpr: float
    fpr_F: FloatArray
    difference_F: FloatArray
    low_F: FloatArray
    high_F: FloatArray
    sign_lost_at: float
    interval_lost_at: float
    problems: int
    bootstrap: Bootstrap


def sensitivity(
    base: SoundCounts,
    tuned: SoundCounts,
    k: int,
    *,
    tpr: float = 1.0,
    fprs: Sequence[float] | FloatArray | None = None,
    bootstrap: Bootstrap = BOOTSTRAP,
) -> Sensitivity:
    """The difference in corrected CoT-pass@k for every FPR the verifier might have, the same for both arms.

    A conclusion that is lost at a false positive rate the verifier could well have is no conclusion. `fprs` ascend and
    default to 0, 0.01, ..., 0.2. The correction is that of `corrected_cot_pass_at_k`, with the
    mean of each arm held within 0 and 1: where the verifier would pass no more than its errors, nothing sound is left.

    Raises InputError when the arms do not hold the same problems, an FPR is not below tpr, or not 1 <= k <= n.
    """
    if not np.array_equal(base.problem, tuned.problem):
        raise InputError("problem: other ones in tuned than in base; both arms must be sampled on the same problems")
    check_k_of(k, base)
    check_k_of(k, tuned)
    fpr_F = np.linspace(0.0, 0.2, 21) if fprs is None else np.asarray(fprs, dtype=np.float64)
    if fpr_F.ndim != 1 or not fpr_F.size or (np.diff(fpr_F) <= 0).any():
        raise InputError("fprs: false positive rates must ascend")
    for fpr in (fpr_F[0], fpr_F[-1]):
        check_verifier_rates(float(fpr), tpr)
    values_PK = np.stack([corrected_P(arm, k, float(fpr), tpr) for arm in (tuned, base) for fpr in fpr_F], axis=1)
    means_RK = bootstrap_means(values_PK, bootstrap, base.cluster_P)
    # The value stands in the first row, its resamples below it. A mean beyond 0 or 1 is one at 0 or 1.
    tuned_RF, base_RF = np.split(np.clip(np.vstack([values_PK.mean(axis=0), means_RK]), 0.0, 1.0), 2, axis=1)
    most = units(len(base.n_P), base.cluster_P)
    differences = [
        resampled_estimate(mean_R[0], mean_R[1:], (-1.0, 1.0), bootstrap.confidence, most)
        for mean_R in (tuned_RF - base_RF).T
    ]
    difference_F, low_F, high_F = np.array(
        [(difference.value, difference.low, difference.high) for difference in differences]
    ).T
    sign = np.sign(difference_F[0])
    return Sensitivity(
        k=k,
        tpr=tpr,
        fpr_F=fpr_F,
        difference_F=difference_F,
        low_F=low_F,
        high_F=high_F,
        sign_lost_at=_first(fpr_F, sign * difference_F <= ROUNDING),
        interval_lost_at=_first(fpr_F, np.minimum(sign * low_F, sign * high_F) <= ROUNDING),
        problems=len(base.n_P),
        bootstrap=bootstrap,
    )


def _first(fpr_F: FloatArray, lost_F: npt.NDArray[np.bool_]) -> float:
    return float(fpr_F[np.argmax(lost_F)]) if lost_F.any() else math.nan


def _soundness(base: Arm, tuned: Arm, terms: Terms) -> Sensitivity | None:
    if base.samples is None or tuned.samples is None or terms.verifier is None:
        return None
    arms = SoundCounts.of(base.samples), SoundCounts.of(tuned.samples)
    return sensitivity(*arms, terms.k, tpr=terms.verifier.tpr, bootstrap=terms.bootstrap)


def _soundness_panel(result: Sensitivity) -> Panel:
    columns = (
        Column("sign_lost_at", "Sign of the difference holds to FPR", "percent"),
        Column("interval_lost_at", "Interval excludes 0 to FPR", "percent"),
        Column("difference", f"Difference in CoT-pass@{result.k}, points", "points"),
    )
    lost = [
        Cell(rate, beside="at all tried" if math.isnan(rate) else "")
        for rate in (result.sign_lost_at, result.interval_lost_at)
    ]
    difference = Series("fpr", result.fpr_F, result.difference_F, result.low_F, result.high_F)
    return Panel(columns, (PanelRow((*lost, difference)),), basis(result))


SOUNDNESS = Measure(
    name="soundness",
    title="What errors of the verifier could explain",
    explanation="The difference in corrected CoT-pass@k for every false positive rate that the verifier might have.",
    source="Wen et al. 2025, arXiv:2506.14245; Rogan and Gladen 1978",
    unit="comparison",
    rank=82,
    needs=("process", "verifier labels"),
    compute=_soundness,
    panel=_soundness_panel,
)
MEASURES = (SOUNDNESS,)
