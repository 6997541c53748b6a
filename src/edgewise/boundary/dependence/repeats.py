"""Test whether texts repeat, or correct samples come in multiples, as copies make them and no model does.

A model of low entropy repeats its texts, so that the number of repeats says nothing. How often texts are there r times
does: whatever the probabilities of its texts, a_r = f_r / C(n, r), with f_r the expected number of texts that a problem
has r times in n draws, is log-convex in r, for it is a sequence of moments (E of p^r (1-p)^(n-r) over texts). Copies of
every draw leave texts that are there twice and none that are there once or three times.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from edgewise.boundary.dependence.labels import Labels
from edgewise.outcomes.counts import Counts, IntArray

# Multiples up to this are looked for.
_MOST_COPIES = 8
_VALUES = 3
# Numbers of samples of a problem that are looked at; leaving others out only raises the probability.
_SIZES = 100
# Problems with fewer samples than this quantile are left out of the comparison of multiplicities.
_FEW = 0.1


@dataclass(frozen=True)
class Repeats:
    """Texts that are there `times` times in their problem: how many (`texts`), how many could be by chance at most
    given those that are there once more and once less (`explained`), and the one-sided p-value of as many."""

    times: int
    texts: int
    explained: float
    p: float


def repeated_texts(texts: Labels) -> Repeats | None:
    """Test the multiplicities of texts within problems; None where no text repeats or samples are few.

    For each multiplicity r the test asks whether f_r^2 r (n-r) / ((r+1) (n-r+1)) <= f_(r-1) f_(r+1) can hold for the
    expected numbers, n being the least number of samples of the problems that are used. The three numbers are sums of
    negatively associated events, so that Poisson bounds hold for them; a third of the p-value is spent on each. The
    p-value is corrected for the multiplicities that are looked at.
    """
    n = int(np.quantile(texts.n_P, _FEW, method="lower"))
    most = min(_MOST_COPIES, n // 2)
    if most < 2 or not texts.repeat:
        return None
    times_T = texts.times_L[(texts.n_P >= n)[texts.problem_L]]
    f_R = np.bincount(np.minimum(times_T, most + 2), minlength=most + 3)
    found = [_too_many(f_R, times, n) for times in range(2, most + 1)]
    best = min(found, key=lambda repeats: repeats.p)
    return Repeats(best.times, best.texts, best.explained, min(1.0, best.p * len(found)))


def common_multiple(counts: Counts) -> tuple[int, float]:
    """The largest number of which all n and all c are multiples, and the probability of that by chance at most.

    For a problem of n independent draws the probability that c is a multiple, given 0 < c < n, is at most its largest
    value over all success rates: about 1/2 for even numbers. Counts with one or two values only were made by hand.
    """
    factor = int(np.gcd.reduce(np.concatenate((counts.n_P, counts.c_P))))
    if factor < 2:
        return factor, 1.0
    mixed_P = (counts.c_P > 0) & (counts.c_P < counts.n_P)
    if np.unique(counts.c_P[mixed_P]).size < min(_VALUES, counts.n // factor - 1):
        return factor, 1.0
    sizes, times = np.unique(counts.n_P[mixed_P], return_counts=True)
    log_p = sum(
        float(number) * np.log(_chance_of_multiple(size, factor))
        for size, number in zip(sizes[:_SIZES].tolist(), times[:_SIZES].tolist(), strict=True)
    )
    return factor, float(np.exp(log_p))


def _chance_of_multiple(n: int, factor: int) -> float:
    """The largest probability over success rates that c is a multiple, given 0 < c < n."""
    # By symmetry rates up to a half suffice.
    pmf_RC = np.asarray(stats.binom.pmf(np.arange(1, n), n, np.linspace(0.0, 0.5, 201)[1:, None]))
    return float((pmf_RC[:, factor - 1 :: factor].sum(axis=1) / pmf_RC.sum(axis=1)).max())


def _too_many(f_R: IntArray, times: int, n: int) -> Repeats:
    fewer, equal, more = (int(f_R[times + step]) for step in (-1, 0, 1))
    ratio = times * (n - times) / ((times + 1) * (n - times + 1))
    explained = float(np.sqrt(max(fewer, 1) * max(more, 1) / ratio))
    if equal * equal * ratio <= fewer * more:
        return Repeats(times, equal, explained, 1.0)
    low, high = -700.0, 0.0
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (low, middle) if _excluded(fewer, equal, more, ratio, middle) else (middle, high)
    return Repeats(times, equal, explained, min(1.0, 3 * float(np.exp(high))))


def _excluded(fewer: int, equal: int, more: int, ratio: float, log_alpha: float) -> bool:
    """Whether bounds at exp(log_alpha) each exclude that the expected numbers are log-convex."""
    alpha = float(np.exp(log_alpha))
    high_fewer, high_more = (float(stats.gamma.isf(alpha, count + 1)) for count in (fewer, more))
    low_equal = float(stats.gamma.ppf(alpha, equal)) if equal else 0.0
    return low_equal**2 * ratio > high_fewer * high_more
