"""Test whether problems that seem to share a template change together, so that they are no independent problems."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from edgewise.boundary.inference.estimators import none_at_k
from edgewise.boundary.inference.supported_k import usual_k
from edgewise.outcomes.counts import Counts, FloatArray, IntArray

# Problems are taken for independent unless this is shown; a false alarm costs power and makes no claim.
MOVING_TOGETHER = 0.01
# Draws that make a p-value, or fewer: it is known well enough where so many of them are as large as what is tested
# (Besag and Clifford 1991, Biometrika 78:301-304). Such a p-value is above MOVING_TOGETHER.
_DRAWS, _ENOUGH = 1999, 20


@dataclass(frozen=True)
class Moving:
    """How the changes of problems of one group go together: their correlation and its one-sided p-value."""

    correlation: float
    p: float


def moving_together(base: Counts, tuned: Counts, group_P: IntArray) -> Moving:
    """Test the correlation of the changes of pass@1 and of pass@k within groups of problems; the stronger of the two.

    Changes are taken less their mean over problems of one set and level. The statistic is the sum over groups of the
    products of the changes of two members. It is compared with those of up to 1,999 permutations of the problems, and
    as many random signs; p is the larger of the two p-values, doubled for the two changes. Signs hold where members of
    a group are alike in how much they vary, permutations where changes are lopsided.
    """
    k = usual_k(min(base.n, tuned.n))
    at_1_P = tuned.c_P / tuned.n_P - base.c_P / base.n_P
    changes = [_less_means(at_1_P, _strata(base))]
    if k > 1:
        at_k_P = none_at_k(base.n_P, base.c_P, k) - none_at_k(tuned.n_P, tuned.c_P, k)
        changes.append(_less_means(at_k_P, _strata(base)))
    found = [_together(change_P, group_P) for change_P in changes]
    best = min(found, key=lambda moving: moving.p)
    return Moving(best.correlation, min(1.0, len(found) * best.p))


def _together(change_P: FloatArray, group_P: IntArray) -> Moving:
    size_G = np.bincount(group_P)
    pairs = float((size_G * (size_G - 1)).sum())
    variance = float((change_P**2).mean())
    if not pairs or variance <= 0:
        return Moving(0.0, 1.0)

    def products(value_P: FloatArray) -> float:
        return float((np.bincount(group_P, value_P) ** 2).sum())

    def rarer(changed: Callable[[], FloatArray]) -> float:
        """How often the products are as large as they are, counted until _ENOUGH were or _DRAWS were drawn."""
        observed, larger = products(change_P) * (1 - 1e-9), 0
        for drawn in range(1, _DRAWS + 1):
            larger += products(changed()) >= observed
            if larger == _ENOUGH:
                return larger / drawn
        return (1 + larger) / (1 + _DRAWS)

    rng = np.random.default_rng(0)
    permuted = rarer(lambda: rng.permutation(change_P))
    # Where permutations already say that nothing is there, signs need not be asked.
    p = permuted
    if permuted <= MOVING_TOGETHER:
        p = max(p, rarer(lambda: change_P * rng.choice((-1.0, 1.0), change_P.size)))
    correlation = (products(change_P) - float((change_P**2).sum())) / pairs / variance
    return Moving(correlation, p)


def _less_means(value_P: FloatArray, stratum_P: IntArray) -> FloatArray:
    means = np.bincount(stratum_P, value_P) / np.bincount(stratum_P)
    return np.asarray(value_P - means[stratum_P])


def _strata(counts: Counts) -> IntArray:
    level_P = np.unique(counts.level, return_inverse=True)[1]
    if counts.set is None:
        return level_P
    set_P = np.unique(counts.set, return_inverse=True)[1]
    both_P: IntArray = np.unique(set_P * (int(level_P.max()) + 1) + level_P, return_inverse=True)[1]
    return both_P
