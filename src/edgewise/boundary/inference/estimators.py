"""Unbiased estimators of pass@k and its variance from n >= k recorded samples of one problem."""

from __future__ import annotations

from typing import overload

import numpy as np
import numpy.typing as npt

from edgewise.core.errors import InputError
from edgewise.outcomes.counts import FloatArray, IntArray, integers


@overload
def pass_at_k(n: int, c: int, k: int) -> float: ...
@overload
def pass_at_k(n: npt.ArrayLike, c: npt.ArrayLike, k: npt.ArrayLike) -> FloatArray: ...
def pass_at_k(n: npt.ArrayLike, c: npt.ArrayLike, k: npt.ArrayLike) -> float | FloatArray:
    """Probability that at least one of k samples is correct, from c correct among n.

    1 - C(n-c, k)/C(n, k), the unbiased estimator of 1 - (1-p)^k (Chen et al. 2021,
    arXiv:2107.03374, eq. 1). Numbers or arrays, broadcast together; a float when all three are
    numbers. NaN where n < k, where no unbiased estimator exists. Relative error below 1e-12 for n
    up to 16384.

    Raises InputError for values that are not whole, k < 1, n < 0, c < 0 or c > n.
    """
    # Not 1 - f_k: near f_k = 1 the subtraction would lose the digits of a rare success.
    return _as_given(-np.expm1(_log_none_at_k(n, c, k)))


@overload
def none_at_k(n: int, c: int, k: int) -> float: ...
@overload
def none_at_k(n: npt.ArrayLike, c: npt.ArrayLike, k: npt.ArrayLike) -> FloatArray: ...
def none_at_k(n: npt.ArrayLike, c: npt.ArrayLike, k: npt.ArrayLike) -> float | FloatArray:
    """Probability that none of k samples is correct: f_k = C(n-c, k)/C(n, k) = 1 - pass@k.

    Unbiased for (1-p)^k. It is also the share of all k-subsets of the recorded samples that hold
    no correct one. Arguments, NaN and errors as in `pass_at_k`.
    """
    return _as_given(np.exp(_log_none_at_k(n, c, k)))


@overload
def pass_at_k_variance(n: int, c: int, k: int) -> float: ...
@overload
def pass_at_k_variance(n: npt.ArrayLike, c: npt.ArrayLike, k: npt.ArrayLike) -> FloatArray: ...
def pass_at_k_variance(n: npt.ArrayLike, c: npt.ArrayLike, k: npt.ArrayLike) -> float | FloatArray:
    """Unbiased estimate of the variance of `pass_at_k` over redraws of the n samples.

    f_k^2 - f_2k with f_k = C(n-c, k)/C(n, k): E[f_k^2] is the second moment, and E[f_2k] =
    (1-p)^2k is the square of the mean. It is this problem's sampling noise only; the spread
    between problems is not in it. NaN where n < 2k, where no unbiased estimator exists.
    Arguments and errors as in `pass_at_k`.
    """
    once = np.exp(2 * _log_none_at_k(n, c, k))
    twice = np.exp(_log_none_at_k(n, c, 2 * integers("k", k)))
    # Non-negative, as (1 - k/j)^2 >= 1 - 2k/j for every factor; only rounding can go below.
    return _as_given(np.maximum(once - twice, 0.0))


def _log_none_at_k(n: npt.ArrayLike, c: npt.ArrayLike, k: npt.ArrayLike) -> FloatArray:
    """log f_k = sum over j = n-c+1..n of log(1 - k/j); -inf where n - c < k; NaN where n < k."""
    n_, c_, k_ = np.broadcast_arrays(integers("n", n), integers("c", c), integers("k", k))
    if (k_ < 1).any():
        raise InputError(f"k: {k_.min()} samples; k starts at 1")
    if (n_ < 0).any() or (c_ < 0).any():
        raise InputError("n, c: a negative count; counts start at 0")
    if (c_ > n_).any():
        where = np.unravel_index(np.argmax(c_ > n_), c_.shape)
        raise InputError(f"c: {c_[where]} correct of n = {n_[where]} samples; c must not exceed n")

    result = np.where(c_ == 0, 0.0, -np.inf)
    result[n_ < k_] = np.nan
    finite = (n_ >= k_) & (c_ > 0) & (n_ - c_ >= k_)
    # Few distinct (n, k) occur, so one table over c for each beats a sum for each element.
    n_F, c_F, k_F = n_[finite], c_[finite], k_[finite]
    order = np.lexsort((k_F, n_F))
    changes = np.flatnonzero(np.diff(n_F[order]) | np.diff(k_F[order])) + 1
    logs = np.empty(order.size)
    for mine in np.split(order, changes):
        if mine.size:
            logs[mine] = _table(int(n_F[mine[0]]), int(k_F[mine[0]]), c_F[mine])
    result[finite] = logs
    return result


def _table(n: int, k: int, c: IntArray) -> FloatArray:
    factors = np.arange(n, n - int(c.max()), -1, dtype=np.float64)
    sums: FloatArray = np.cumsum(np.log1p(-k / factors))
    return sums[c - 1]


def _as_given(values: FloatArray) -> float | FloatArray:
    return float(values) if values.ndim == 0 else values
