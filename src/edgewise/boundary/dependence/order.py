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

# Problems of which fewer samples are of the rarer kind tell little about distances, and rarely much at once.
_LEAST = 2
# Cells that are transformed at a time, and that are permuted.
_CELLS, _PERMUTED = 2**21, 2**17
_PERMUTATIONS = 200
_SKEWNESS_ERROR = (6 / _PERMUTATIONS) ** 0.5
# Below this the normal distribution is not trusted.
_SUSPECT = 0.02
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
    up to half of the samples. Within a problem the mean and the variance of the sum of products at a distance are those
    over all orders of its samples (Wald and Wolfowitz 1943, Ann. Math. Stat. 14:378-388). Over problems the sum has
    about a Pearson type III distribution, whose skewness is that of 200 permutations within problems. The p-value is
    that of the best distance, of which 1 alone has half of the weight and all others together the other half.
    """
    c_P = _per_problem(mark_S, n_P)
    used_P = (np.minimum(c_P, n_P - c_P) >= _LEAST) & (n_P >= 4)
    if not used_P.any():
        return None
    n_U, c_U = n_P[used_P], c_P[used_P]
    marks_US = _as_matrix(mark_S[np.repeat(used_P, n_P)], n_U, c_U)
    distance_D = np.arange(1, int(n_U.max()) // 2 + 1)
    product_D = _products(marks_US, distance_D.size)
    mean_D, variance_D = _moments(n_U.astype(np.float64), c_U.astype(np.float64), distance_D)
    error_D = np.sqrt(np.maximum(variance_D, SAME))
    z_D = np.where(variance_D > SAME, (product_D - mean_D) / error_D, 0.0)
    weight_D = np.where(distance_D == 1, 2.0, 2.0 * max(distance_D.size - 1, 1))
    p_D = weight_D * stats.norm.sf(z_D)
    if p_D.min() < _SUSPECT:
        p_D = weight_D * stats.pearson3.sf(z_D, _skewness(marks_US, n_U, mean_D, error_D))
    best = int(np.argmin(p_D))
    pairs = np.maximum(n_U - distance_D[best], 0).sum()
    correlation = min(1.0, float((product_D - mean_D)[best] / pairs))
    return OrderAgreement(best + 1, correlation, min(1.0, float(p_D[best])))


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


def _as_matrix(mark_S: BoolArray, n_U: IntArray, c_U: IntArray) -> FloatArray:
    """The standardised marks of each problem in a row, 0 beyond its samples."""
    rate_U = c_U / n_U
    standardised_S = (mark_S - np.repeat(rate_U, n_U)) / np.repeat(np.sqrt(rate_U * (1 - rate_U)), n_U)
    marks_US = np.zeros((n_U.size, int(n_U.max())))
    marks_US[np.arange(marks_US.shape[1]) < n_U[:, None]] = standardised_S
    return marks_US


def _products(marks_US: FloatArray, distances: int) -> FloatArray:
    """For each distance from 1 on the sum over problems of the products of marks so far apart."""
    # Longer than the row and what is looked at, so that its ends do not meet.
    length = fft.next_fast_len(marks_US.shape[1] + distances, real=True)
    step = max(1, _CELLS // length)
    power = np.zeros(length // 2 + 1)
    for first in range(0, len(marks_US), step):
        power += (np.abs(fft.rfft(marks_US[first : first + step], length, axis=1)) ** 2).sum(axis=0)
    return np.asarray(fft.irfft(power, length)[1 : distances + 1])


def _skewness(marks_US: FloatArray, n_U: IntArray, mean_D: FloatArray, error_D: FloatArray) -> FloatArray:
    """The skewness of the sum at each distance, over permutations of the samples within problems; at least 0.01."""
    rng = np.random.default_rng(0)
    step = -(-len(marks_US) // max(1, _PERMUTED // marks_US.shape[1]))
    # Of many problems every so-manieth is permuted; the skewness of the sum of all is less by the root of their number.
    some_US, n_U = marks_US[::step], n_U[::step]
    inside_US = np.arange(some_US.shape[1]) < n_U[:, None]
    sums_ID = np.empty((_PERMUTATIONS, mean_D.size))
    for draw in range(_PERMUTATIONS):
        key_US = np.where(inside_US, rng.random(some_US.shape), 2.0)
        sums_ID[draw] = _products(np.take_along_axis(some_US, np.argsort(key_US, axis=1), axis=1), mean_D.size)
    centred_ID = sums_ID - sums_ID.mean(axis=0)
    spread_D = np.maximum(centred_ID.std(axis=0), SAME)
    skew_D = (centred_ID**3).mean(axis=0) / spread_D**3
    return np.asarray(np.maximum(skew_D + _SKEWNESS_ERROR, 0.01) / np.sqrt(step))


def _moments(n_U: FloatArray, c_U: FloatArray, distance_D: IntArray) -> tuple[FloatArray, FloatArray]:
    """Mean and variance over all orders of the sum of products of standardised marks at each distance."""
    rate_U = c_U / n_U
    square_U = n_U
    fourth_U = (c_U * (1 - rate_U) ** 4 + (n_U - c_U) * rate_U**4) / (rate_U * (1 - rate_U)) ** 2
    orders_U = n_U * (n_U - 1)
    one = (square_U**2 - fourth_U) / orders_U
    shared = (2 * fourth_U - square_U**2) / (orders_U * (n_U - 2))
    apart = (3 * square_U**2 - 6 * fourth_U) / (orders_U * (n_U - 2) * (n_U - 3))
    mean_D, variance_D = np.zeros(distance_D.size), np.zeros(distance_D.size)
    for place, distance in enumerate(distance_D.tolist()):
        pairs_U = np.maximum(n_U - distance, 0)
        sharing_U = 2 * np.maximum(n_U - 2 * distance, 0)
        mean_U = -pairs_U / (n_U - 1)
        second_U = pairs_U * one + sharing_U * shared + (pairs_U * (pairs_U - 1) - sharing_U) * apart
        mean_D[place] = mean_U.sum()
        variance_D[place] = np.maximum(second_U - mean_U**2, 0).sum()
    return mean_D, variance_D
