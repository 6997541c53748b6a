"""Test whether samples that were drawn with one seed are one sample: the same seed again gives the same completion."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from edgewise.outcomes.counts import FloatArray, IntArray


@dataclass(frozen=True)
class RepeatedSeeds:
    """Of `pairs` of samples of one problem and seed, `equal` have equal labels, where `expected` would by chance; `p`
    is one-sided."""

    pairs: int
    equal: int
    expected: float
    p: float


def repeated_seeds(problem_S: IntArray, seed_S: IntArray, label_S: IntArray) -> RepeatedSeeds | None:
    """Test whether samples of one seed are equal more often than others of their problem; None without a pair.

    One pair is taken for each problem and seed that is there twice or more. If the seed told nothing, such a pair would
    be equal with the probability that two samples of the problem are. p is the Chernoff bound for that many equal
    pairs, at the mean of these probabilities (Hoeffding 1956, Ann. Math. Stat. 27:713-721).
    """
    order = np.lexsort((seed_S, problem_S))
    same = (np.diff(problem_S[order]) == 0) & (np.diff(seed_S[order]) == 0)
    opens = same & ~np.concatenate(([False], same[:-1]))
    first, second = order[:-1][opens], order[1:][opens]
    if not first.size:
        return None
    equal = int((label_S[first] == label_S[second]).sum())
    expected_rate = float(_equal_rate(problem_S, label_S)[problem_S[first]].mean())
    pairs = int(first.size)
    share = equal / pairs
    p = 1.0
    if share > expected_rate:
        divergence = special.rel_entr(share, expected_rate) + special.rel_entr(1 - share, 1 - expected_rate)
        p = float(np.exp(-pairs * divergence))
    return RepeatedSeeds(pairs, equal, pairs * expected_rate, p)


def _equal_rate(problem_S: IntArray, label_S: IntArray) -> FloatArray:
    """For each problem the probability that two of its samples have equal labels."""
    code_S = np.unique(label_S, return_inverse=True)[1]
    labels = int(code_S.max()) + 1
    keys, times = np.unique(problem_S * labels + code_S, return_counts=True)
    n_P = np.bincount(problem_S)
    equal_P = np.bincount(keys // labels, weights=times * (times - 1), minlength=n_P.size)
    return np.asarray(equal_P / np.maximum(n_P * (n_P - 1), 1))
