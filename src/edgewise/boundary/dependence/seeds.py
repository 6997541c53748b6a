"""Test whether samples that were drawn with one seed are one sample: the same seed again gives the same completion."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from edgewise.boundary.dependence.labels import Labels
from edgewise.outcomes.counts import IntArray


@dataclass(frozen=True)
class RepeatedSeeds:
    """Of `pairs` of samples of one problem and seed, `equal` have equal labels, where `expected` would by chance; `p`
    is one-sided."""

    pairs: int
    equal: int
    expected: float
    p: float


def repeated_seeds(seed_S: IntArray, labels: Labels) -> RepeatedSeeds | None:
    """Test whether samples of one seed are equal more often than others of their problem; None without a pair.

    One pair is taken for each problem and seed that is there twice or more. If the seed told nothing, such a pair would
    be equal with the probability that two samples of the problem are. p is the Chernoff bound for that many equal
    pairs, at the mean of these probabilities (Hoeffding 1956, Ann. Math. Stat. 27:713-721).
    """
    by_seed = Labels.of(labels.problem_S, seed_S)
    if not by_seed.repeat:
        return None
    group_S = np.empty(seed_S.size, dtype=np.int64)
    group_S[labels.row_S] = np.repeat(np.arange(labels.times_L.size), labels.times_L)
    starts = by_seed.start_L[by_seed.times_L > 1]
    first, second = by_seed.row_S[starts], by_seed.row_S[starts + 1]
    equal = int((group_S[first] == group_S[second]).sum())
    pairs_P = np.bincount(labels.problem_L, weights=labels.times_L * (labels.times_L - 1))
    rate_P = pairs_P / np.maximum(labels.n_P * (labels.n_P - 1), 1)
    expected_rate = float(rate_P[labels.problem_S[first]].mean())
    pairs = int(first.size)
    share = equal / pairs
    p = 1.0
    if share > expected_rate:
        divergence = special.rel_entr(share, expected_rate) + special.rel_entr(1 - share, 1 - expected_rate)
        p = float(np.exp(-pairs * divergence))
    return RepeatedSeeds(pairs, equal, pairs * expected_rate, p)
