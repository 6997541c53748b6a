"""Intervals for means over problems: bootstrap, simultaneous band, and a sign-flip test.

The estimand is the mean over new problems of the same kind (not over this fixed set), so problems
are what is resampled; the noise of the finite number of samples is contained in their spread.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from edgewise.boundary.counts import FloatArray
from edgewise.errors import InputError

# Cells of one block of resampling weights: keeps memory flat however many problems there are.
BLOCK = 4_000_000
# Columns whose values differ by less than this hold one value up to rounding.
SAME = 1e-12


@dataclass(frozen=True)
class Estimate:
    """A number with its interval; the level stands in the object that holds it."""

    value: float
    low: float
    high: float

    def inside(self, margin: float) -> bool:
        """Whether the whole interval lies strictly within -margin and +margin."""
        return -margin < self.low and self.high < margin


def enough_resamples(level: float) -> int:
    """The number of resamples that leaves 20 beyond each end of an interval at `level`."""
    return math.ceil(40 / (1 - level) - 1e-9)


def bootstrap_means(values_PK: FloatArray, resamples: int, seed: int) -> FloatArray:
    """Column means of `resamples` resamples of the rows, with replacement: shape (resamples, K).

    All columns share the same resampled rows, so that joint statements over columns hold.
    Raises InputError when resamples < 1.
    """
    if resamples < 1:
        raise InputError(f"resamples: {resamples}; at least 1 is needed")
    problems, rng = len(values_PK), np.random.default_rng((seed, 0))
    means = np.empty((resamples, values_PK.shape[1]))
    step = max(1, BLOCK // problems)
    for start in range(0, resamples, step):
        rows = min(step, resamples - start)
        draws = rng.integers(problems, size=(rows, problems))
        draws += problems * np.arange(rows)[:, None]
        weights = np.bincount(draws.ravel(), minlength=rows * problems)
        means[start : start + rows] = weights.reshape(rows, problems) @ values_PK / problems
    return means


def interval(
    values_PK: FloatArray, means_RK: FloatArray, level: float, bounds: tuple[float, float]
) -> tuple[FloatArray, FloatArray]:
    """Pointwise interval at `level` for the mean of each column whose values lie in `bounds`.

    Expanded percentile bootstrap: the percentiles are taken at Phi(-sqrt(P/(P-1)) t) with t the
    Student quantile, which removes the narrowness of the plain percentile interval at small P
    (Hesterberg 2015, arXiv:1411.5279) and keeps its asymmetry and its range.

    A column with one value throughout has no spread to resample, yet its mean is not known
    exactly: if a share q of new problems had another value, P problems would all miss it with
    probability (1-q)^P, so q <= 1 - ((1-level)/2)^(1/P) (Clopper-Pearson at zero events; about
    3.7/P at 95%), and the interval reaches as far as that share at a bound could pull the mean.
    """
    tail = _expanded_tail(level, len(values_PK))
    low_K, high_K = np.quantile(means_RK, [tail, 1 - tail], axis=0)
    return _widen_constant(values_PK, low_K, high_K, level, bounds)


def band(
    values_PK: FloatArray, means_RK: FloatArray, level: float, bounds: tuple[float, float]
) -> tuple[FloatArray, FloatArray]:
    """Band that contains the means of all columns at once with probability `level`.

    Mean +- crit * se with one critical value for all columns, the quantile of the largest
    |mean* - mean| / se over columns (max-t, Westfall and Young 1993), expanded for small P as in
    `interval`. Columns with one value throughout are bounded as in `interval`, at the
    Bonferroni level for K columns, and take no part in the maximum; nor do NaN columns.
    """
    problems, columns = values_PK.shape
    mean_K, se_K = values_PK.mean(axis=0), means_RK.std(axis=0)
    varied_K = np.ptp(values_PK, axis=0) > SAME
    low_K, high_K = mean_K.copy(), mean_K.copy()
    if varied_K.any():
        largest_R = np.max(np.abs(means_RK[:, varied_K] - mean_K[varied_K]) / se_K[varied_K], axis=1)
        reach_K = np.quantile(largest_R, 1 - 2 * _expanded_tail(level, problems)) * se_K
        low_K[varied_K] = np.maximum(mean_K - reach_K, bounds[0])[varied_K]
        high_K[varied_K] = np.minimum(mean_K + reach_K, bounds[1])[varied_K]
    return _widen_constant(values_PK, low_K, high_K, 1 - (1 - level) / columns, bounds)


def sign_flip_p(values_PK: FloatArray, resamples: int, seed: int) -> FloatArray:
    """Two-sided p-value of each column's mean under random sign changes of its rows.

    Exact (up to `resamples` random sign vectors; the smallest value is 1/(resamples+1)) when no
    problem changed and both arms have equally many samples, for then every difference is
    symmetric about 0. It guards where the bootstrap is too sure: four problems up and none down
    is a bootstrap interval above 0 but a p-value of 0.125. NaN columns give NaN.
    """
    problems, rng = len(values_PK), np.random.default_rng((seed, 1))
    reached_K = np.ones(values_PK.shape[1])
    observed_K = np.abs(values_PK.sum(axis=0)) * (1 - SAME) - SAME
    step = max(1, BLOCK // problems)
    for start in range(0, resamples, step):
        rows = min(step, resamples - start)
        signs = 2.0 * rng.integers(2, size=(rows, problems), dtype=np.int8) - 1.0
        reached_K += (np.abs(signs @ values_PK) >= observed_K).sum(axis=0)
    return np.where(np.isnan(observed_K), np.nan, reached_K / (resamples + 1))


def check_level(level: float) -> None:
    """Raise InputError unless 0 < level < 1."""
    if not 0 < level < 1:
        raise InputError(f"level: {level}; a number between 0 and 1 is needed, such as 0.95")


def _expanded_tail(level: float, problems: int) -> float:
    if problems < 2:
        return (1 - level) / 2
    student = stats.t.ppf((1 + level) / 2, problems - 1)
    return float(stats.norm.cdf(-math.sqrt(problems / (problems - 1)) * student))


def _widen_constant(
    values_PK: FloatArray,
    low_K: FloatArray,
    high_K: FloatArray,
    level: float,
    bounds: tuple[float, float],
) -> tuple[FloatArray, FloatArray]:
    unseen = 1 - ((1 - level) / 2) ** (1 / len(values_PK))
    constant_K: npt.NDArray[np.bool_] = np.ptp(values_PK, axis=0) <= SAME
    value_K = values_PK.mean(axis=0)
    low_K = np.where(constant_K, value_K - unseen * (value_K - bounds[0]), low_K)
    high_K = np.where(constant_K, value_K + unseen * (bounds[1] - value_K), high_K)
    return low_K, high_K
