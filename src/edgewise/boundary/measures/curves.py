"""pass@k as a function of k: one arm's curve, and the difference of two on the same problems."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from edgewise.boundary.inference.estimators import pass_at_k, pass_at_k_variance
from edgewise.boundary.inference.means import Estimate, mean_interval, mean_p, sign_flip_p
from edgewise.boundary.inference.resampling import BOOTSTRAP, Bootstrap, studentised
from edgewise.core.errors import InputError
from edgewise.outcomes.counts import Counts, FloatArray, IntArray, integers, require_same_problems


@dataclass(frozen=True, eq=False)
class Band:
    """A mean over problems at each k, with its intervals.

    For new problems of the same kind: `low_K`, `high_K` hold each value alone, and `band_low_K`, `band_high_K` hold all
    of them at once. For this fixed set of problems, sampled anew: `fixed_low_K`, `fixed_high_K` hold each value alone;
    NaN where n < 2k.

    `n` is the smallest number of samples of any problem; values at k > n are NaN, values at k > n/2 are too noisy for
    claims.
    """

    k_K: IntArray
    value_K: FloatArray
    low_K: FloatArray
    high_K: FloatArray
    band_low_K: FloatArray
    band_high_K: FloatArray
    fixed_low_K: FloatArray
    fixed_high_K: FloatArray
    n: int
    problems: int
    bootstrap: Bootstrap

    def at(self, k: int) -> Estimate:
        """The value at k with the interval that holds it alone; NaN where the grid does not hold k."""
        (where,) = np.nonzero(self.k_K == k)
        columns = (self.value_K, self.low_K, self.high_K)
        return Estimate(*(float(column_K[where[0]]) if where.size else math.nan for column_K in columns))


@dataclass(frozen=True, eq=False)
class Curve(Band):
    """Mean pass@k of one arm at each k."""


@dataclass(frozen=True, eq=False)
class Difference(Band):
    """Mean pass@k of tuned minus base on the same problems at each k; read the band when looking along k.

    `p_K` is the two-sided p-value of each difference alone: the larger of the sign-flip test's and of that at which the
    interval ends at 0. `n` is the smallest number of samples in either
    arm.
    """

    p_K: FloatArray


def problem_pass_at_k(counts: Counts, ks: Sequence[int] | IntArray) -> FloatArray:
    """The unbiased pass@k of every problem at every k: shape (problems, K). NaN where n < k.

    Raises InputError for ks that do not ascend from at least 1.
    """
    k_K = _grid(ks)
    n_D, c_D, which_P = _distinct(counts)
    return pass_at_k(n_D[:, None], c_D[:, None], k_K)[which_P]


def curve(
    counts: Counts,
    ks: Sequence[int],
    *,
    bootstrap: Bootstrap = BOOTSTRAP,
) -> Curve:
    """pass@k curve: the mean over problems of the unbiased pass@k, with intervals for new and for fixed problems.

    What would new problems of the same kind give? Problems, or clusters where `counts` has them,
    are resampled (`resampling.studentised`, which also says what stands in the interval's place
    when nearly all problems have the same value); the band rises with k, as pass@k does, and the
    interval at one k lies within it. What would new samples of this fixed set of
    problems give? The mean of T unbiased estimates has the variance sum_i v_i / T^2, with v_i the
    `pass_at_k_variance` of problem i; the interval is normal, and never narrower than no success
    in all N samples leaves open, 1 - ((1-confidence)/2)^(k/N), for v_i is 0 for problems that were
    never solved. A k that some problem has fewer samples for gives NaN.

    Raises InputError for ks that do not ascend from at least 1.
    """
    k_K = _grid(ks)
    values_PK = problem_pass_at_k(counts, k_K)
    intervals = studentised(values_PK, bootstrap, (0.0, 1.0), counts.cluster_P)
    value_K, reach_K = values_PK.mean(axis=0), _fixed_reach([counts], k_K, bootstrap.confidence)
    # pass@k does not fall with k, so where the band holds at every k, so does its tightest rising part.
    band_low_K = np.fmax.accumulate(intervals.band_low_K) + 0 * intervals.band_low_K
    band_high_K = np.fmin.accumulate(intervals.band_high_K[::-1])[::-1] + 0 * intervals.band_high_K
    return Curve(
        k_K=k_K,
        value_K=value_K,
        low_K=np.maximum(intervals.low_K, band_low_K),
        high_K=np.minimum(intervals.high_K, band_high_K),
        band_low_K=band_low_K,
        band_high_K=band_high_K,
        fixed_low_K=np.maximum(value_K - reach_K, 0.0),
        fixed_high_K=np.minimum(value_K + reach_K, 1.0),
        n=counts.n,
        problems=counts.problems,
        bootstrap=bootstrap,
    )


def paired_difference(
    base: Counts,
    tuned: Counts,
    ks: Sequence[int],
    *,
    bootstrap: Bootstrap = BOOTSTRAP,
) -> Difference:
    """Mean over problems of pass@k of tuned minus base, with paired intervals.

    Problems (or the base's clusters of them) are resampled together with both of their values, so
    what both arms find hard cancels. Gives the interval of each difference alone and its p-value, which are those of
    verdicts and hang on no resampling (`means`), and the simultaneous band over the whole grid (`resampling`). For the
    fixed set of problems the variances of the arms, which are sampled independently, add up.

    Raises InputError when the arms do not hold the same problems, and as in `curve`.
    """
    require_same_problems(base, tuned)
    k_K = _grid(ks)
    values_PK = problem_pass_at_k(tuned, k_K) - problem_pass_at_k(base, k_K)
    intervals = studentised(values_PK, bootstrap, (-1.0, 1.0), base.cluster_P)
    low_K, high_K = mean_interval(values_PK, bootstrap.confidence, (-1.0, 1.0), base.cluster_P)
    value_K, reach_K = values_PK.mean(axis=0), _fixed_reach([base, tuned], k_K, bootstrap.confidence)
    return Difference(
        k_K=k_K,
        value_K=value_K,
        low_K=low_K,
        high_K=high_K,
        band_low_K=np.minimum(intervals.band_low_K, low_K),
        band_high_K=np.maximum(intervals.band_high_K, high_K),
        fixed_low_K=np.maximum(value_K - reach_K, -1.0),
        fixed_high_K=np.minimum(value_K + reach_K, 1.0),
        p_K=np.fmax(mean_p(values_PK, base.cluster_P), sign_flip_p(values_PK, base.cluster_P)),
        n=min(base.n, tuned.n),
        problems=base.problems,
        bootstrap=bootstrap,
    )


def _fixed_reach(arms: Sequence[Counts], k_K: IntArray, confidence: float) -> FloatArray:
    """Half the width of the fixed-set interval of a curve, or of the difference of two arms."""
    variance_K, least_K = np.zeros(len(k_K)), np.zeros(len(k_K))
    for counts in arms:
        n_D, c_D, which_P = _distinct(counts)
        variance_DK = pass_at_k_variance(n_D[:, None], c_D[:, None], k_K)
        variance_K += np.bincount(which_P) @ variance_DK / counts.problems**2
        least_K = np.maximum(least_K, 1 - ((1 - confidence) / 2) ** (k_K / counts.n_P.sum()))
    return np.maximum(stats.norm.ppf((1 + confidence) / 2) * np.sqrt(variance_K), least_K)


def _distinct(counts: Counts) -> tuple[IntArray, IntArray, IntArray]:
    """n and c of every distinct pair of them, and which pair each problem has: a million problems
    have few."""
    step = int(counts.n_P.max()) + 1
    pair_D, which_P = np.unique(counts.n_P * step + counts.c_P, return_inverse=True)
    return pair_D // step, pair_D % step, which_P


def _grid(ks: Sequence[int] | IntArray) -> IntArray:
    k_K = integers("ks", ks)
    if k_K.ndim != 1 or not k_K.size or k_K[0] < 1 or (k_K[1:] <= k_K[:-1]).any():
        raise InputError(f"ks: {list(ks)}; numbers of samples must ascend from at least 1")
    return k_K
