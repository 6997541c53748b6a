"""Test whether the order of samples tells something: independent draws of one problem agree alike at any distance.

Under independence every order of a problem's samples is equally likely, whatever its success rate and however often the
model repeats itself. Copies, and runs with rates of their own, make samples agree more at some distance, or the halves
of the draws scatter more than dealing the same samples at random would.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import fft, stats

from edgewise.boundary.inference.means import SAME
from edgewise.outcomes.counts import FloatArray, IntArray
from edgewise.outcomes.outcomes import BoolArray

# A problem has a pair of samples of the rarer kind where it has so many of them.
_PAIR = 2
# Cells that are transformed at a time.
_CELLS = 2**21
# Rows that were sorted by what is tested, or by something that goes with it, are in no order of drawing.
_SORTED = 0.9


@dataclass(frozen=True)
class OrderAgreement:
    """The distance at which samples of a problem agree most: their mean correlation and its one-sided p-value."""

    distance: int
    correlation: float
    p: float


@dataclass(frozen=True)
class Halves:
    """How the first and the second half of the draws differ.

    `ratio` is the scatter between them over that of samples dealt at random, `p` its one-sided p-value; `drift` is the
    mean success rate of the second half minus that of the first, `drift_p` its two-sided p-value.
    """

    ratio: float
    p: float
    drift: float
    drift_p: float


def agreement(mark_S: BoolArray, n_P: IntArray) -> OrderAgreement | None:
    """Test the correlation of marks at every distance; None where hardly a problem has both marks.

    `mark_S` holds the samples problem by problem, each in the order of drawing, `n_P` of each. Looked at are distances
    up to half of the samples. Counted are the pairs of samples so far apart that are both of the rarer kind of their
    problem. Mean and variance of their number are those over all orders of the samples of each problem (Wald and
    Wolfowitz 1943, Ann. Math. Stat. 14:378-388). It is compared with the gamma distribution of the same mean and
    variance, whose tail is longer than that of the Poisson distribution, which such numbers have where marks are rare.
    The p-value is that of the best distance, of which 1 alone has half of the weight and all others together the other
    half.
    """
    c_P = _per_problem(mark_S, n_P)
    rarer_P = np.minimum(c_P, n_P - c_P)
    used_P = (rarer_P >= _PAIR) & (n_P >= 2 * _PAIR)
    if not used_P.any():
        return None
    n_U, c_U = n_P[used_P], rarer_P[used_P]
    is_rarer_S = mark_S == np.repeat(2 * c_P <= n_P, n_P)
    distance_D = np.arange(1, int(n_U.max()) // 2 + 1)
    pairs_D = _pairs(_as_matrix(is_rarer_S[np.repeat(used_P, n_P)], n_U), distance_D.size)
    mean_D, variance_D = _moments(n_U.astype(np.float64), c_U.astype(np.float64), distance_D)
    weight_D = np.where(distance_D == 1, 2.0, 2.0 * max(distance_D.size - 1, 1))
    p_D = np.ones(distance_D.size)
    varied_D = variance_D > SAME
    mean, variance = mean_D[varied_D], variance_D[varied_D]
    p_D[varied_D] = stats.gamma.sf(pairs_D[varied_D], mean**2 / variance, scale=variance / mean)
    best = int(np.argmin(weight_D * p_D))
    rate_U = c_U / n_U
    most = float((np.maximum(n_U - distance_D[best], 0) * rate_U * (1 - rate_U)).sum())
    correlation = min(1.0, float(pairs_D[best] - mean_D[best]) / most)
    return OrderAgreement(best + 1, correlation, min(1.0, float(weight_D[best] * p_D[best])))


def halves(mark_S: BoolArray, n_P: IntArray) -> Halves | None:
    """Test whether the halves of the draws differ by more than chance; None where no problem has both marks.

    Given the marked samples of a problem, the number of them in its first half is hypergeometric. The squared
    deviations, each over its variance, are summed over problems; the sum is compared with a gamma distribution with its
    mean and variance.
    """
    c_P = _per_problem(mark_S, n_P)
    used_P = (c_P > 0) & (c_P < n_P)
    if not used_P.any():
        return None
    position_S = np.arange(mark_S.size) - np.repeat(np.cumsum(n_P) - n_P, n_P)
    early_S = position_S < np.repeat(n_P // 2, n_P)
    n_U, c_U, first_U = n_P[used_P], c_P[used_P], _per_problem(mark_S & early_S, n_P)[used_P]
    half_U = n_U // 2
    deviation_U = first_U - half_U * c_U / n_U
    variance_U = half_U * (n_U - half_U) * c_U * (n_U - c_U) / (n_U.astype(np.float64) ** 2 * (n_U - 1))
    scatter = float((deviation_U**2 / variance_U).sum())
    spread = float(_spread_of_squares(n_U, c_U, half_U).sum())
    mean = float(n_U.size)
    p = float(stats.gamma.sf(scatter, mean**2 / spread, scale=spread / mean)) if spread > 1e-9 else 1.0
    weight_U = 1 / half_U + 1 / (n_U - half_U)
    drift = -float((deviation_U * weight_U).sum()) / n_P.size
    drift_z = float(deviation_U.sum()) / float(np.sqrt(variance_U.sum()))
    return Halves(scatter / mean, p, drift, float(2 * stats.norm.sf(abs(drift_z))))


def is_sorted(value_S: FloatArray | IntArray | BoolArray, n_P: IntArray) -> bool:
    """Whether the samples of nearly all problems ascend, or descend, by a value, so that they were sorted by it."""
    step_S = np.diff(value_S.astype(np.float64))
    problem_S = np.repeat(np.arange(n_P.size), n_P)
    within_S = np.diff(problem_S) == 0
    up_P = np.bincount(problem_S[1:][within_S & (step_S > 0)], minlength=n_P.size)
    down_P = np.bincount(problem_S[1:][within_S & (step_S < 0)], minlength=n_P.size)
    varied_P = up_P + down_P > 0
    number = max(1, int(varied_P.sum()))
    return max(int((varied_P & (down_P == 0)).sum()), int((varied_P & (up_P == 0)).sum())) >= _SORTED * number


def _per_problem(mark_S: BoolArray, n_P: IntArray) -> IntArray:
    return np.add.reduceat(mark_S.astype(np.int64), np.cumsum(n_P) - n_P)


def _spread_of_squares(n_U: IntArray, c_U: IntArray, half_U: IntArray) -> FloatArray:
    """The variance of the squared standardised hypergeometric number: its excess kurtosis + 2."""
    n, c, h = (column.astype(np.float64) for column in (n_U, c_U, half_U))
    kinds = c * (n - c) * h * (n - h)
    above = (n - 1) * n**2 * (n * (n + 1) - 6 * c * (n - c) - 6 * h * (n - h)) + 6 * kinds * (5 * n - 6)
    below = kinds * np.maximum(n - 2, 1) * np.maximum(n - 3, 1)
    # Of two samples each half has one, and of three the first half has one.
    return np.where(n_U == 2, 0.0, np.where(n_U == 3, 0.5, np.maximum(above / below + 2, 0)))


def _as_matrix(mark_S: BoolArray, n_U: IntArray) -> FloatArray:
    """The marks of each problem in a row, 0 beyond its samples."""
    marks_US = np.zeros((n_U.size, int(n_U.max())))
    marks_US[np.arange(marks_US.shape[1]) < n_U[:, None]] = mark_S
    return marks_US


def _pairs(marks_US: FloatArray, distances: int) -> FloatArray:
    """For each distance from 1 on the number over problems of pairs of marked samples so far apart."""
    # Longer than the row and what is looked at, so that its ends do not meet.
    length = fft.next_fast_len(marks_US.shape[1] + distances, real=True)
    step = max(1, _CELLS // length)
    power = np.zeros(length // 2 + 1)
    for first in range(0, len(marks_US), step):
        power += (np.abs(fft.rfft(marks_US[first : first + step], length, axis=1)) ** 2).sum(axis=0)
    return np.asarray(np.rint(fft.irfft(power, length)[1 : distances + 1]))


def _moments(n_U: FloatArray, c_U: FloatArray, distance_D: IntArray) -> tuple[FloatArray, FloatArray]:
    """Mean and variance over all orders of the number of pairs of marked samples at each distance."""
    # The probability that two, three and four given samples are marked.
    two_U = c_U * (c_U - 1) / (n_U * (n_U - 1))
    three_U = two_U * (c_U - 2) / (n_U - 2)
    four_U = three_U * (c_U - 3) / (n_U - 3)
    mean_D, variance_D = np.zeros(distance_D.size), np.zeros(distance_D.size)
    for place, distance in enumerate(distance_D.tolist()):
        pairs_U = np.maximum(n_U - distance, 0)
        sharing_U = 2 * np.maximum(n_U - 2 * distance, 0)
        mean_U = pairs_U * two_U
        second_U = mean_U + sharing_U * three_U + (pairs_U * (pairs_U - 1) - sharing_U) * four_U
        mean_D[place] = mean_U.sum()
        variance_D[place] = np.maximum(second_U - mean_U**2, 0).sum()
    return mean_D, variance_D
