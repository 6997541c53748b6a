"""Reliability over several samples: pass^k, G-Pass@k and mG-Pass@k.

pass@k asks for one correct sample of k; the measures here ask for many or for all. Arrays over
thresholds tau end in `_H`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np
import numpy.typing as npt
from scipy import special

from edgewise.boundary.inference.estimators import none_at_k
from edgewise.boundary.inference.means import mean_interval
from edgewise.boundary.inference.resampling import BLOCK, BOOTSTRAP, Bootstrap
from edgewise.boundary.inference.supported_k import k_grid
from edgewise.boundary.measures.panel import Column, Panel, PanelRow, Series, basis
from edgewise.boundary.measures.registry import Arm, Measure, Terms
from edgewise.core.errors import InputError
from edgewise.outcomes.counts import Counts, FloatArray, IntArray, integers

# 0.07 of 100 is 7.000000000000001 in floating point, which would ask for 8.
ROUNDING = 1e-9


@dataclass(frozen=True, eq=False)
class Reliability:
    """Means over problems of what the k samples of one problem achieve together, each with its interval.

    `pass_hat_K` (pass^k: all k correct), `g_pass_HK` (G-Pass@k: at least ceil(tau k) correct, and at
    least 1) and `mean_g_pass_K` (mG-Pass@k: its average over tau from 1/2 to 1), with pointwise
    intervals over new problems. `n` is the smallest number of samples of a problem;
    values at k > n are NaN, values at k > n/2 are too noisy for claims.
    """

    k_K: IntArray
    tau_H: FloatArray
    pass_hat_K: FloatArray
    pass_hat_low_K: FloatArray
    pass_hat_high_K: FloatArray
    g_pass_HK: FloatArray
    g_pass_low_HK: FloatArray
    g_pass_high_HK: FloatArray
    mean_g_pass_K: FloatArray
    mean_g_pass_low_K: FloatArray
    mean_g_pass_high_K: FloatArray
    n: int
    problems: int
    bootstrap: Bootstrap


def reliability(
    counts: Counts,
    ks: Sequence[int],
    taus: Sequence[float] = (0.25, 0.5, 0.75, 1.0),
    *,
    bootstrap: Bootstrap = BOOTSTRAP,
) -> Reliability:
    """Mean over problems of pass^k, G-Pass@k at each tau, and mG-Pass@k, with bootstrap intervals.

    All share the same resampled problems (or clusters of problems). Estimators as in `pass_hat_k`,
    `g_pass_at_k` and `mean_g_pass_at_k`; intervals as in `resampling.mean_interval`.

    Raises InputError for k < 1 or a tau outside [0, 1].
    """
    k_K, tau_H = integers("ks", ks), np.asarray(taus, dtype=np.float64)
    n_P1, c_P1 = counts.n_P[:, None], counts.c_P[:, None]
    g_pass_PHK = g_pass_at_k(n_P1[:, None], c_P1[:, None], k_K, tau_H[:, None])
    parts = [pass_hat_k(n_P1, c_P1, k_K), mean_g_pass_at_k(n_P1, c_P1, k_K), g_pass_PHK]
    values_PK = np.concatenate([part.reshape(counts.problems, -1) for part in parts], axis=1)
    low_K, high_K = mean_interval(values_PK, bootstrap.confidence, (0.0, 1.0), counts.cluster_P)

    size, shape = k_K.size, (tau_H.size, k_K.size)
    value, low, high = (np.split(all_K, [size, 2 * size]) for all_K in (values_PK.mean(axis=0), low_K, high_K))
    return Reliability(
        k_K=k_K,
        tau_H=tau_H,
        pass_hat_K=value[0],
        pass_hat_low_K=low[0],
        pass_hat_high_K=high[0],
        g_pass_HK=value[2].reshape(shape),
        g_pass_low_HK=low[2].reshape(shape),
        g_pass_high_HK=high[2].reshape(shape),
        mean_g_pass_K=value[1],
        mean_g_pass_low_K=low[1],
        mean_g_pass_high_K=high[1],
        n=counts.n,
        problems=counts.problems,
        bootstrap=bootstrap,
    )


@overload
def pass_hat_k(n: int, c: int, k: int) -> float: ...
@overload
def pass_hat_k(n: npt.ArrayLike, c: npt.ArrayLike, k: npt.ArrayLike) -> FloatArray: ...
def pass_hat_k(n: npt.ArrayLike, c: npt.ArrayLike, k: npt.ArrayLike) -> float | FloatArray:
    """Probability that all of k samples are correct, from c correct among n: pass^k = C(c, k)/C(n, k).

    Unbiased for p^k (Yao et al. 2024, arXiv:2406.12045). Numbers or arrays, broadcast together; a
    float when all are numbers. NaN where n < k.

    Raises InputError for values that are not whole, k < 1, n < 0, c < 0 or c > n.
    """
    n_, c_, k_ = _checked(n, c, k)
    return none_at_k(n_, n_ - c_, k_)


@overload
def g_pass_at_k(n: int, c: int, k: int, tau: float) -> float: ...
@overload
def g_pass_at_k(n: npt.ArrayLike, c: npt.ArrayLike, k: npt.ArrayLike, tau: npt.ArrayLike) -> FloatArray: ...
def g_pass_at_k(n: npt.ArrayLike, c: npt.ArrayLike, k: npt.ArrayLike, tau: npt.ArrayLike) -> float | FloatArray:
    """Probability that at least max(1, ceil(tau k)) of k samples are correct: G-Pass@k.

    The sum over j from there to k of C(c, j) C(n-c, k-j)/C(n, k), unbiased (Liu et al. 2024,
    arXiv:2412.13147). tau = 0 is pass@k, tau = 1 is pass^k. A tau k within 1e-9 above a whole
    number is that number, so that 0.07 of 100 is 7. Numbers or arrays, broadcast together; a float
    when all are numbers. NaN where n < k. Relative error below 1e-9 for n up to 16384.

    Raises InputError as `pass_hat_k` does, and for a tau outside [0, 1].
    """
    n_, c_, k_, tau_ = np.broadcast_arrays(*_checked(n, c, k), check_tau(tau))
    least = np.maximum(1, np.ceil(tau_ * k_ - ROUNDING)).astype(np.int64).ravel()
    return _over_subsets(n_, c_, k_, lambda at_least, row, where: at_least[row, least[where]])


@overload
def mean_g_pass_at_k(n: int, c: int, k: int) -> float: ...
@overload
def mean_g_pass_at_k(n: npt.ArrayLike, c: npt.ArrayLike, k: npt.ArrayLike) -> FloatArray: ...
def mean_g_pass_at_k(n: npt.ArrayLike, c: npt.ArrayLike, k: npt.ArrayLike) -> float | FloatArray:
    """mG-Pass@k: G-Pass@k averaged over the thresholds above one half.

    (2/k) times the sum over j > k/2 of (j - ceil(k/2)) P(j of k samples are correct) (Liu et al. 2024,
    arXiv:2412.13147). It reaches 1 only for even k, and is 0 at k = 1. Arguments, NaN, precision
    and errors as in `g_pass_at_k`.
    """
    n_, c_, k_ = np.broadcast_arrays(*_checked(n, c, k))

    def read(at_least: FloatArray, row: IntArray, where: IntArray) -> FloatArray:
        # The mean of the excess of X over m is the sum over j > m of P(X >= j).
        k = at_least.shape[1] - 1
        excess: FloatArray = 2 / k * at_least[:, (k + 1) // 2 + 1 :].sum(axis=1)
        return excess[row]

    return _over_subsets(n_, c_, k_, read)


def _checked(n: npt.ArrayLike, c: npt.ArrayLike, k: npt.ArrayLike) -> tuple[IntArray, IntArray, IntArray]:
    n_, c_, k_ = integers("n", n), integers("c", c), integers("k", k)
    if (c_ < 0).any() or (c_ > n_).any():
        raise InputError("c: a number of correct samples below 0 or above n; c is from 0 to n")
    if (k_ < 1).any():
        raise InputError(f"k: {k_.min()} samples; k starts at 1")
    return n_, c_, k_


def check_tau(tau: npt.ArrayLike) -> FloatArray:
    tau_ = np.asarray(tau, dtype=np.float64)
    if not ((tau_ >= 0) & (tau_ <= 1)).all():
        raise InputError(f"tau: {tau_}; a share from 0 to 1 is needed")
    return tau_


def _over_subsets(
    n_: IntArray, c_: IntArray, k_: IntArray, read: Callable[[FloatArray, IntArray, IntArray], FloatArray]
) -> FloatArray:
    """A value for each element of n_, c_, k_ (one shape): NaN where n < k, else what `read` takes from
    the rows of a table of `_at_least` for elements at flat positions `where`."""
    n, c, k = n_.ravel(), c_.ravel(), k_.ravel()
    values = np.full(n.shape, np.nan)
    enough = np.flatnonzero(n >= k)
    pairs, code = np.unique(np.stack([n[enough], k[enough]]), axis=1, return_inverse=True)
    for pair in range(pairs.shape[1]):
        of_pair = enough[code == pair]
        distinct, row = np.unique(c[of_pair], return_inverse=True)
        samples, size = int(pairs[0, pair]), int(pairs[1, pair])
        step = max(1, BLOCK // (size + 1))
        for start in range(0, distinct.size, step):
            here = (row >= start) & (row < start + step)
            at_least = _at_least(samples, distinct[start : start + step], size)
            values[of_pair[here]] = read(at_least, row[here] - start, of_pair[here])
    return values.reshape(n_.shape)[()]


def _at_least(n: int, c_C: IntArray, k: int) -> FloatArray:
    """P(at least j of k samples are correct) at j = 0..k, the k drawn from n of which c are: shape (C, k+1)."""
    log_factorial = special.gammaln(np.arange(n + 1) + 1.0)

    def log_choose(a: IntArray, b: IntArray) -> FloatArray:
        logs = log_factorial[a] - log_factorial[np.minimum(b, n)] - log_factorial[np.maximum(a - b, 0)]
        return np.where(b <= a, logs, -np.inf)

    j, c_C1 = np.arange(k + 1), c_C[:, None]
    logs = log_choose(c_C1, j) + log_choose(n - c_C1, k - j)
    # Dividing by the sum, which is C(n, k), cancels the rounding that all terms share.
    chances = np.exp(logs - logs.max(axis=1, keepdims=True))
    tails: FloatArray = np.cumsum(chances[:, ::-1], axis=1)[:, ::-1]
    return tails / tails[:, :1]


def _reliability(arm: Arm, terms: Terms) -> Reliability:
    return reliability(arm.counts, k_grid(terms.n), bootstrap=terms.bootstrap)


def _reliability_panel(result: Reliability) -> Panel:
    k_K = result.k_K
    columns = [Column("pass_hat", "pass^k", "percent")]
    cells = [Series("k", k_K, result.pass_hat_K, result.pass_hat_low_K, result.pass_hat_high_K)]
    for tau, *along_K in zip(
        result.tau_H.tolist(), result.g_pass_HK, result.g_pass_low_HK, result.g_pass_high_HK, strict=True
    ):
        columns.append(Column(f"g_pass_{tau:g}", f"G-Pass@k, tau = {tau:g}", "percent"))
        cells.append(Series("k", k_K, *along_K))
    columns.append(Column("mean_g_pass", "mG-Pass@k", "percent"))
    cells.append(Series("k", k_K, result.mean_g_pass_K, result.mean_g_pass_low_K, result.mean_g_pass_high_K))
    note = f"{basis(result)} Intervals hold at this k alone. mG-Pass averages tau from 1/2 to 1."
    return Panel(tuple(columns), (PanelRow(tuple(cells)),), note)


RELIABILITY = Measure(
    name="reliability",
    title="Reliability",
    explanation="pass^k asks that all of k samples are right, and G-Pass@k that a share of them is.",
    source="Yao et al. 2024, arXiv:2406.12045; Liu et al. 2024, arXiv:2412.13147",
    unit="model",
    rank=50,
    compute=_reliability,
    panel=_reliability_panel,
)
MEASURES = (RELIABILITY,)
