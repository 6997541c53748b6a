"""max@k: the expected best score of k samples, where scores are numbers rather than right or wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgewise.boundary.inference.means import mean_interval
from edgewise.boundary.inference.resampling import BOOTSTRAP, Bootstrap
from edgewise.boundary.inference.supported_k import k_grid
from edgewise.boundary.measures.panel import Column, Panel, PanelRow, Series, basis
from edgewise.boundary.measures.registry import Arm, Measure, Terms
from edgewise.core.errors import InputError
from edgewise.outcomes.counts import FloatArray, IntArray, integers
from edgewise.outcomes.outcomes import Outcomes


@dataclass(frozen=True, eq=False)
class BestScores:
    """Mean over problems of max@k, the expected best score of k samples, in units of the score.

    `low_K`, `high_K` are pointwise intervals over new problems. `n` is the smallest number
    of samples of a problem; values at k > n are NaN, values at k > n/2 are too noisy for claims.
    """

    k_K: IntArray
    value_K: FloatArray
    low_K: FloatArray
    high_K: FloatArray
    n: int
    problems: int
    bootstrap: Bootstrap


def best_scores(outcomes: Outcomes, ks: Sequence[int], *, bootstrap: Bootstrap = BOOTSTRAP) -> BestScores:
    """Mean over problems of the unbiased max@k of the scores, with a bootstrap interval over problems.

    Estimator as in `max_at_k`. Where every problem has the same max@k, the interval takes scores to
    lie in [0, 1] or in the range seen, whichever is wider; see `resampling.mean_interval`.

    Raises InputError when scores were not recorded or one is not finite, and for k < 1.
    """
    if outcomes.score_S is None:
        raise InputError("score: no sample has a score; max@k needs one for each")
    score_S, problem_S, k_K = _finite(outcomes.score_S), outcomes.problem_S, integers("ks", ks)
    n_P = np.bincount(problem_S)
    sorted_S = score_S[np.lexsort((score_S, problem_S))]
    start_P = np.cumsum(n_P) - n_P
    values_PK = np.empty((n_P.size, k_K.size))
    for n in np.unique(n_P):
        of_n = n_P == n
        weight_NK = np.stack([_weights(int(n), int(k)) for k in k_K], axis=1)
        values_PK[of_n] = sorted_S[start_P[of_n][:, None] + np.arange(n)] @ weight_NK

    bounds = min(0.0, float(score_S.min())), max(1.0, float(score_S.max()))
    low_K, high_K = mean_interval(values_PK, bootstrap.confidence, bounds, outcomes.cluster_P)
    return BestScores(
        k_K=k_K,
        value_K=values_PK.mean(axis=0),
        low_K=low_K,
        high_K=high_K,
        n=int(n_P.min()),
        problems=n_P.size,
        bootstrap=bootstrap,
    )


def max_at_k(scores: npt.ArrayLike, k: int) -> float:
    """Expected largest score of k samples of one problem, from its n >= k recorded scores.

    The sum over i = k..n of g_(i) C(i-1, k-1)/C(n, k), with g_(1) <= ... <= g_(n) the sorted scores:
    the mean over all k-subsets, unbiased (Walder and Karkhanis 2025, arXiv:2505.15201). For scores
    of 0 and 1 it is pass@k. NaN when n < k.

    Raises InputError when k < 1 or a score is not finite.
    """
    sorted_N = np.sort(_finite(np.asarray(scores, dtype=np.float64)))
    return float(sorted_N @ _weights(sorted_N.size, k)) if sorted_N.size else float("nan")


def _weights(n: int, k: int) -> FloatArray:
    """Probability that the i-th smallest of n is the largest of k drawn, for i = 1..n; NaN when n < k."""
    if k < 1:
        raise InputError(f"k: {k} samples; k starts at 1")
    if n < k:
        return np.full(n, np.nan)
    # C(n-1, k-1)/C(n, k) = k/n is the largest; the step from i to i-1 is the factor (i-k)/(i-1).
    i = np.arange(n, k, -1, dtype=np.float64)
    down = np.concatenate([[0.0], np.cumsum(np.log1p((1 - k) / (i - 1)))])
    return np.concatenate([np.zeros(k - 1), k / n * np.exp(down[::-1])])


def _finite(scores: FloatArray) -> FloatArray:
    if not np.isfinite(scores).all():
        where = int(np.argmin(np.isfinite(scores)))
        raise InputError(f"score: {scores[where]} in row {where}; every sample needs a finite score")
    return scores


def _best_scores(arm: Arm, terms: Terms) -> BestScores | None:
    return None if arm.samples is None else best_scores(arm.samples, k_grid(terms.n), bootstrap=terms.bootstrap)


def _panel(result: BestScores) -> Panel:
    best = Series("k", result.k_K, result.value_K, result.low_K, result.high_K)
    note = f"{basis(result)} Intervals hold at this k alone."
    return Panel((Column("max", "max@k", "number"),), (PanelRow((best,)),), note)


BEST_SCORES = Measure(
    name="best_scores",
    title="Best score",
    explanation="max@k is the expected best score of k samples, where scores are graded.",
    source="Walder and Karkhanis 2025, arXiv:2505.15201",
    unit="model",
    rank=56,
    needs=("scores",),
    compute=_best_scores,
    panel=_panel,
)
MEASURES = (BEST_SCORES,)
