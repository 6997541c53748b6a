"""Mean over problems with its interval and its p-values: exact or analytic, so the same on every run.

The estimand is the mean over new problems of the same kind (not over this fixed set), so problems are what varies; the
noise of the finite number of samples is contained in their spread. Where problems come in clusters (variants of one
template, say), whole clusters vary together. A unit, here, is a problem or, where clusters are given, a cluster.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special, stats

from edgewise.core.errors import InputError
from edgewise.outcomes.counts import FloatArray, IntArray

# Values that differ by less than this are one value up to rounding.
SAME = 1e-12
# The signs of so many units, the largest, are enumerated; the sum of the others is taken to be normal.
_ENUMERATED = 14


@dataclass(frozen=True)
class Estimate:
    """A number with its interval; the object that holds it says at which confidence."""

    value: float
    low: float
    high: float

    def inside(self, margin: float) -> bool:
        """Whether the whole interval lies strictly within -margin and +margin."""
        return -margin < self.low and self.high < margin


def check_confidence(confidence: float) -> None:
    """Raise InputError unless 0 < confidence < 1."""
    if not 0 < confidence < 1:
        raise InputError(f"confidence: {confidence}; a number between 0 and 1 is needed, such as 0.95")


def units(problems: int, cluster_P: IntArray | None) -> int:
    """Number of independent units that are resampled: the problems, or their clusters where these are given."""
    return problems if cluster_P is None else len(np.unique(cluster_P))


def mean_interval(
    values_PK: FloatArray, confidence: float, bounds: tuple[float, float], cluster_P: IntArray | None = None
) -> tuple[FloatArray, FloatArray]:
    """Interval at `confidence` for the mean of each column alone.

    Mean +- t se (1 + g^2 (t^4 + 2 t^2 - 3)/18) with t the Student quantile for U units, se the standard error and g
    the skewness of the mean: the term by which skewness widens a symmetric interval (Hall 1988, On symmetric
    bootstrap confidence intervals, J. R. Stat. Soc. B 50:35-45). `resampling.studentised` takes all further terms from
    resamples; from about 60 units on the two cover alike, at 30 this one covers 91% where half of the problems have
    p = 0.

    Ends never pass what the number of units with an unusual value allows: when j of U units differ from the median, the
    share of such units lies below its Clopper-Pearson limit s, and the mean within s of the way from the median to
    either of `bounds`. That is the whole answer for a column with one value throughout (s is about 3.7/U at 95%). NaN
    columns stay NaN.
    """
    check_confidence(confidence)
    totals_UK = unit_totals(values_PK, cluster_P)
    moments = unit_moments(totals_UK)
    t = float(stats.t.ppf((1 + confidence) / 2, max(len(totals_UK) - 1, 1)))
    reach_K = np.where(moments.varied_K, moments.error_K * _widened(t, moments.skew_K), np.inf)
    return within(moments.mean_K, reach_K, limits(totals_UK, confidence, bounds))


def mean_p(values_PK: FloatArray, cluster_P: IntArray | None = None) -> FloatArray:
    """Two-sided p-value of each column's mean: 1 minus the confidence at which `mean_interval` ends at 0.

    A column with one value throughout has no spread to compare with: p is 1 for zeros and 0 for another value, for
    which `limits` alone decide. NaN columns give NaN.
    """
    totals_UK = unit_totals(values_PK, cluster_P)
    moments = unit_moments(totals_UK)
    p_K = np.where(np.isnan(moments.mean_K), np.nan, (np.abs(moments.mean_K) <= SAME).astype(np.float64))
    for column in np.flatnonzero(moments.varied_K):
        wanted = abs(moments.mean_K[column]) / moments.error_K[column]
        low, high = 0.0, wanted + 1.0
        for _ in range(100):
            t = (low + high) / 2
            low, high = (t, high) if _widened(t, moments.skew_K[column]) < wanted else (low, t)
        p_K[column] = 2 * stats.t.sf(low, max(len(totals_UK) - 1, 1))
    return p_K


def sign_flip_p(values_PK: FloatArray, cluster_P: IntArray | None = None) -> FloatArray:
    """Two-sided p-value of each column's mean under sign changes of its units.

    The null says that every unit's total is as likely to be its negative, which holds when no problem changed and both
    arms have equally many samples. All signs of the 14 largest units are enumerated, so p is exact where no others
    differ from 0; the signed sum of the others is taken to be normal, corrected for continuity where all totals are
    multiples of the least. NaN columns give NaN.
    """
    totals_UK = unit_totals(values_PK, cluster_P)[:, :-1]
    return np.array([math.nan if np.isnan(total_U).any() else _sign_flip_p(total_U) for total_U in totals_UK.T])


def unseen_share(units: float, confidence: float) -> float:
    """The largest share of problems (or clusters) that may have changed without any of `units` showing it.

    All of them miss a share q with probability (1-q)^units, so q <= 1 - ((1-confidence)/2)^(1/units), which is about
    3.7/units at 95% (Clopper-Pearson at zero events). A difference that is nearly the same for all problems seen has
    a narrow interval, and yet this is left open.
    """
    check_confidence(confidence)
    return float(1 - ((1 - confidence) / 2) ** (1 / units))


def with_unseen(estimate: Estimate, units: float, confidence: float, size: float = 1.0) -> Estimate:
    """The estimate with an interval that reaches to either side at least as far as `unseen_share` x `size`."""
    unseen = size * unseen_share(units, confidence)
    value = estimate.value
    return Estimate(value, min(estimate.low, value - unseen), max(estimate.high, value + unseen))


@dataclass(frozen=True, eq=False)
class UnitMoments:
    """Of each column: mean, standard error and skewness of the mean, and whether units differ at all."""

    mean_K: FloatArray
    error_K: FloatArray
    skew_K: FloatArray
    varied_K: npt.NDArray[np.bool_]


def unit_totals(values_PK: FloatArray, cluster_P: IntArray | None) -> FloatArray:
    """For each unit the sum of its values in each column, and in one more column its size."""
    columns = np.column_stack([values_PK, np.ones(len(values_PK))])
    return columns if cluster_P is None else sums_by(columns, np.unique(cluster_P, return_inverse=True)[1])


def sums_by(columns: FloatArray, code: IntArray) -> FloatArray:
    """Sums of the rows that have the same code."""
    return np.stack([np.bincount(code, weights=column) for column in columns.T], axis=1)


def unit_moments(totals_UK: FloatArray) -> UnitMoments:
    """Moments of the mean of each column, which is a ratio of totals where units are clusters."""
    count, size_U = len(totals_UK), totals_UK[:, -1]
    mean_K = totals_UK[:, :-1].sum(axis=0) / size_U.sum()
    residual_UK = totals_UK[:, :-1] - mean_K * size_U[:, None]
    square_K = (residual_UK**2).sum(axis=0)
    error_K = np.sqrt(square_K * count / max(count - 1, 1)) / size_U.sum()
    varied_K = np.abs(residual_UK).max(axis=0) > SAME
    cube_K = (residual_UK**3).sum(axis=0) / np.where(varied_K, square_K, 1.0) ** 1.5
    # Few units show too little of the skewness (Joanes and Gill 1998, The Statistician 47:183-189).
    skew_K = np.where(varied_K, cube_K * math.sqrt(count * (count - 1)) / max(count - 2, 1), 0.0)
    return UnitMoments(mean_K, error_K, skew_K, varied_K)


def limits(totals_UK: FloatArray, confidence: float, bounds: tuple[float, float]) -> tuple[FloatArray, FloatArray]:
    """How low and how high the mean of each column can be, by the number of units with an unusual value alone."""
    value_UK, size_U = totals_UK[:, :-1] / totals_UK[:, -1:], totals_UK[:, -1]
    usual_K: FloatArray = np.median(value_UK, axis=0)
    unusual_K = (np.abs(value_UK - usual_K) > SAME).sum(axis=0)
    others_K = len(size_U) - unusual_K
    share_K = np.where(others_K > 0, stats.beta.ppf((1 + confidence) / 2, unusual_K + 1, np.maximum(others_K, 1)), 1.0)
    # The unusual clusters may be the large ones.
    share_K = np.minimum(share_K * size_U.max() / size_U.mean(), 1.0)
    return usual_K - share_K * (usual_K - bounds[0]), usual_K + share_K * (bounds[1] - usual_K)


def within(
    mean_K: FloatArray, reach_K: FloatArray, ends: tuple[FloatArray, FloatArray]
) -> tuple[FloatArray, FloatArray]:
    """Mean +- reach, cut to the ends."""
    return np.maximum(mean_K - reach_K, ends[0]), np.minimum(mean_K + reach_K, ends[1])


def _widened(t: float, skew: FloatArray | float) -> FloatArray:
    """The critical value t as skewness of the mean widens it. It rises with t, from a value below 0 at t = 0."""
    return np.asarray(t * (1 + np.square(skew) * (t**4 + 2 * t**2 - 3) / 18))


def _sign_flip_p(total_U: FloatArray) -> float:
    size_U = np.sort(np.abs(total_U[np.abs(total_U) > SAME]))[::-1]
    observed = abs(float(total_U.sum()))
    if observed <= SAME * max(1, size_U.size):
        return 1.0
    sum_S = np.zeros(1)
    for size in size_U[:_ENUMERATED]:
        sum_S = np.concatenate([sum_S + size, sum_S - size])
    rest_U = size_U[_ENUMERATED:]
    if not rest_U.size:
        return float(np.mean(np.abs(sum_S) >= observed - SAME * size_U.size))
    multiple_U = size_U / size_U[-1]
    # Sums of multiples of the least size lie two of it apart: the tail begins half-way below the observed sum.
    step = float(size_U[-1]) if np.abs(multiple_U - np.round(multiple_U)).max() < 1e-6 else 0.0
    beyond_S = (observed - step - sum_S) / math.sqrt(float(np.square(rest_U).sum()))
    return min(1.0, 2 * float(special.ndtr(-beyond_S).mean()))
