"""Fisher's exact test of each problem, and corrections for the number of tests: Holm, Benjamini-Hochberg, Storey."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import special, stats

from edgewise.boundary.inference.resampling import BLOCK
from edgewise.core.errors import InputError
from edgewise.outcomes.counts import FloatArray, IntArray, integers

# Probabilities as near as this are the same outcome's up to rounding, and so equally extreme.
TIE = 1e-7


def fisher_exact_p(
    base_n: npt.ArrayLike, base_c: npt.ArrayLike, tuned_n: npt.ArrayLike, tuned_c: npt.ArrayLike
) -> FloatArray:
    """Fisher's exact two-sided p-values of equal success rates, one for each problem.

    Given the successes of both arms together, the base's are hypergeometric when nothing changed; p is the
    probability of all outcomes that are no more probable than the one seen. Equal tables are computed once.

    Raises InputError for values that are not whole, negative, or with more correct samples than samples.
    """
    columns = [integers("base_n", base_n), integers("base_c", base_c)]
    columns += [integers("tuned_n", tuned_n), integers("tuned_c", tuned_c)]
    base_n_P, base_c_P, tuned_n_P, tuned_c_P = np.broadcast_arrays(*columns)
    if (base_c_P < 0).any() or (tuned_c_P < 0).any():
        raise InputError("base_c, tuned_c: a negative count; counts start at 0")
    if (base_c_P > base_n_P).any() or (tuned_c_P > tuned_n_P).any():
        raise InputError("base_c, tuned_c: more correct samples than samples; c must not exceed n")
    tables, code_P = np.unique(np.stack([base_n_P, base_c_P, tuned_n_P, tuned_c_P]), axis=1, return_inverse=True)
    base_n_U, base_c_U, tuned_n_U, tuned_c_U = tables
    correct_U = base_c_U + tuned_c_U
    least_U = np.maximum(0, correct_U - tuned_n_U)
    outcomes_U = np.minimum(base_n_U, correct_U) - least_U + 1
    p_U = np.empty(len(outcomes_U))
    # Tables with as many outcomes stand together, so that a block of them has few empty cells.
    order = np.argsort(outcomes_U)
    for block in np.split(order, _block_starts(outcomes_U[order])):
        p_U[block] = _two_sided(base_n_U[block], tuned_n_U[block], correct_U[block], least_U[block], base_c_U[block])
    return p_U[code_P]


def fisher_exact_tails(
    base_n: npt.ArrayLike, base_c: npt.ArrayLike, tuned_n: npt.ArrayLike, tuned_c: npt.ArrayLike
) -> tuple[FloatArray, FloatArray]:
    """Fisher's exact one-sided p-values of each problem: that its success rate fell, and that it rose.

    Given the successes of both arms together, the base's are hypergeometric when nothing changed; the first p is the
    probability of at least as many as were seen, the second of at most as many.
    """
    tables = np.stack(np.broadcast_arrays(base_n, base_c, tuned_n, tuned_c))
    (base_n_U, base_c_U, tuned_n_U, tuned_c_U), code_P = np.unique(tables, axis=1, return_inverse=True)
    margins = (base_n_U + tuned_n_U, base_n_U, base_c_U + tuned_c_U)
    fell_U = stats.hypergeom.sf(base_c_U - 1, *margins)
    rose_U = stats.hypergeom.cdf(base_c_U, *margins)
    return np.clip(fell_U, 0.0, 1.0)[code_P], np.clip(rose_U, 0.0, 1.0)[code_P]


def benjamini_hochberg(p: npt.ArrayLike) -> FloatArray:
    """Adjusted p-values for the false discovery rate (Benjamini and Hochberg 1995): those at most q are found.

    Raises InputError unless all lie between 0 and 1.
    """
    p_P = _p_values(p)
    order = np.argsort(p_P)
    ranked = p_P[order] * p_P.size / np.arange(1, p_P.size + 1)
    return _restored(np.minimum.accumulate(ranked[::-1])[::-1], order)


def holm(p: npt.ArrayLike) -> FloatArray:
    """Adjusted p-values for the family-wise error rate (Holm 1979), such as one for each model and benchmark.

    Those at most alpha are found, with probability at most alpha of a single false one, whatever their
    dependence. Raises InputError unless all lie between 0 and 1.
    """
    p_P = _p_values(p)
    order = np.argsort(p_P)
    return _restored(np.maximum.accumulate(p_P[order] * np.arange(p_P.size, 0, -1)), order)


def storey_pi0(p: npt.ArrayLike, above: float = 0.5) -> float:
    """Estimated share of true null hypotheses: the p-values over `above`, divided by 1 - above, at most 1.

    Storey 2002. NaN without p-values. Raises InputError unless all lie between 0 and 1.
    """
    p_P = _p_values(p)
    return min(1.0, float(np.mean(p_P > above)) / (1 - above)) if p_P.size else float("nan")


def _block_starts(outcomes_U: IntArray) -> list[int]:
    """Where to cut ascending numbers of outcomes so that a block's longest times its length is at most BLOCK."""
    starts, start = [], 0
    while start < len(outcomes_U):
        cells = outcomes_U[start:] * np.arange(1, len(outcomes_U) - start + 1)
        start += max(1, int(np.searchsorted(cells, BLOCK, side="right")))
        starts.append(start)
    return starts[:-1]


def _two_sided(
    base_n_U: IntArray, tuned_n_U: IntArray, correct_U: IntArray, least_U: IntArray, base_c_U: IntArray
) -> FloatArray:
    """The share of the outcomes' probability in those no likelier than `base_c_U`, for tables of fixed margins."""
    base_n, tuned_n, correct = base_n_U[:, None], tuned_n_U[:, None], correct_U[:, None]
    most_U = np.minimum(base_n_U, correct_U)
    outcome = least_U[:, None] + np.arange(int((most_U - least_U).max()) + 1)
    possible = outcome <= most_U[:, None]
    outcome = np.minimum(outcome, most_U[:, None])
    # The logarithm of 0!, 1!, 2!, ...; what depends on the margins alone cancels.
    log_factorial = special.gammaln(np.arange(1.0, int((base_n_U + tuned_n_U).max()) + 2))
    log_weight = -log_factorial[outcome] - log_factorial[base_n - outcome]
    log_weight -= log_factorial[correct - outcome] + log_factorial[tuned_n - correct + outcome]
    weight = np.where(possible, np.exp(log_weight - log_weight.max(axis=1, keepdims=True)), 0.0)
    seen = np.take_along_axis(weight, (base_c_U - least_U)[:, None], axis=1)
    # Rounding may put the share of all outcomes a hair above 1.
    share_U = np.sum(weight, axis=1, where=weight <= seen * (1 + TIE)) / weight.sum(axis=1)
    return np.asarray(np.minimum(share_U, 1.0))


def _p_values(p: npt.ArrayLike) -> FloatArray:
    p_P = np.asarray(p, dtype=np.float64)
    if p_P.ndim != 1 or not ((p_P >= 0) & (p_P <= 1)).all():
        raise InputError("p: a list of numbers between 0 and 1 is needed")
    return p_P


def _restored(adjusted: FloatArray, order: IntArray) -> FloatArray:
    result = np.empty_like(adjusted)
    result[order] = np.minimum(adjusted, 1.0)
    return result
