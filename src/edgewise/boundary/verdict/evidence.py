"""Evidence of a verdict: differences of pass@1 and pass@k, each with its test, and the solved sets at k."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from edgewise.boundary.inference.means import Estimate, mean_interval, mean_p, sign_flip_p, units, with_unseen
from edgewise.boundary.inference.power import detectable, standard_error
from edgewise.boundary.inference.resampling import Bootstrap
from edgewise.boundary.measures.curves import problem_pass_at_k
from edgewise.boundary.measures.solved import SHARES, SolvedSets, solved_sets
from edgewise.outcomes.counts import Counts, FloatArray, IntArray

# The ends of the intervals of all differences at a confidence.
IntervalsAt = Callable[[float], tuple[FloatArray, FloatArray]]

# "Gains and losses" needs both excesses above 0, each at this share of alpha: their sum says nothing about either.
BOTH_SHARE = 0.2


@dataclass(frozen=True)
class DifferenceTest:
    """A difference of tuned minus base, its p-value, and whether it is shown to differ from 0.

    The interval is at `confidence`, that at which the difference was tested: 1 - alpha where the other difference of
    the verdict was shown before, 1 - alpha/2 where not (Holm). So it leaves out 0 exactly where `shown` is true.
    """

    estimate: Estimate
    p: float
    confidence: float
    shown: bool

    @property
    def direction(self) -> int:
        """1 where a rise is shown, -1 where a fall is, else 0."""
        return 0 if not self.shown else 1 if self.estimate.value > 0 else -1


@dataclass(frozen=True)
class Evidence:
    """Delta pass@1, Delta pass@k and the solved sets at m = k, of the tuned model against the base.

    `solved` has intervals at `confidence`, and `strict` is the same at the confidence that a gain beside a loss needs.
    All rest on `units` independent problems or clusters of problems, and on no resampling.
    """

    at_1: DifferenceTest
    at_k: DifferenceTest
    solved: SolvedSets
    strict: SolvedSets
    k: int
    margin: float
    confidence: float
    units: int

    @property
    def expansion(self) -> Estimate:
        """Problems newly solved, beyond what two draws of the base differ by."""
        return self.solved.excess_expansion

    @property
    def shrinkage(self) -> Estimate:
        """Problems no longer solved, beyond what two draws of the base differ by."""
        return self.solved.excess_shrinkage

    @property
    def margin_in_problems(self) -> float:
        return self.margin * self.solved.problems

    @property
    def gained(self) -> bool:
        """Problems were newly solved, beyond the floor, and not by greater sureness alone.

        Delta pass@k is (expansion - shrinkage)/problems: what is gained on problems that a draw of the base left
        unsolved, and what is gained (-shrinkage) on problems that it solved. An expansion is the greater part of
        the gain, or as large as the margin by itself.
        """
        greater = self.expansion.value >= -self.shrinkage.value
        return self.expansion.low > 0 and (greater or self.expansion.low >= self.margin_in_problems)

    @property
    def gained_and_lost(self) -> bool:
        """Problems were newly solved and others no longer solved, both beyond the floor."""
        return self.strict.excess_expansion.low > 0 and self.strict.excess_shrinkage.low > 0

    @property
    def detectable(self) -> float:
        """The smallest Delta pass@k that this design sees with power 0.8."""
        wide = self.widened(self.at_k.estimate)
        reach = max(wide.high - wide.value, wide.value - wide.low)
        return detectable(standard_error(reach, self.at_k.confidence), self.at_k.confidence)

    def widened(self, estimate: Estimate, size: float = 1.0) -> Estimate:
        """The interval as the absence of a change needs it: to either side it reaches at least as far as the share of
        problems, of `size` in all, that may have changed without one of them being seen."""
        return with_unseen(estimate, self.units, self.confidence, size)


def evidence_of(base: Counts, tuned: Counts, k: int, *, margin: float, alpha: float, comparisons: int) -> Evidence:
    """Test both differences by Holm at alpha/comparisons, and compute the solved sets at k.

    The p-value of a difference is the larger of the sign-flip test's and that at which its interval ends at 0.
    """
    level = alpha / comparisons
    ks = np.array(sorted({1, k}))
    return evidence_from(
        problem_pass_at_k(tuned, ks) - problem_pass_at_k(base, ks),
        lambda confidence: solved_sets(base, tuned, k, bootstrap=Bootstrap(confidence=confidence)),
        k,
        margin=margin,
        level=level,
        cluster_P=base.cluster_P,
    )


def evidence_from(
    values_PK: FloatArray,
    solved_at: Callable[[float], SolvedSets],
    k: int,
    *,
    margin: float,
    level: float,
    cluster_P: IntArray | None,
    reach: float = 1.0,
) -> Evidence:
    """Evidence from the differences of every problem at 1 and at k, no larger than `reach`, and from the solved sets at
    a confidence."""
    p_K = np.fmax(mean_p(values_PK, cluster_P), sign_flip_p(values_PK, cluster_P))
    count = units(len(values_PK), cluster_P)
    at_1, at_k = test_by_holm(
        values_PK.mean(axis=0),
        p_K,
        lambda confidence: mean_interval(values_PK, confidence, (-reach, reach), cluster_P),
        level,
        count,
    )
    return Evidence(
        at_1=at_1,
        at_k=at_k,
        solved=solved_at(1 - level),
        strict=solved_at(1 - BOTH_SHARE * level),
        k=k,
        margin=margin,
        confidence=1 - level,
        units=count,
    )


def hull(cases: Sequence[Evidence]) -> Evidence:
    """What all cases show together: values of the first, intervals that hold those of all, and the largest p-values."""
    first = cases[0]
    if len(cases) == 1:
        return first

    def tested(tests: Sequence[DifferenceTest]) -> DifferenceTest:
        shown = all(test.shown for test in tests) and len({test.direction for test in tests}) == 1
        return DifferenceTest(
            _widest([test.estimate for test in tests]),
            max(test.p for test in tests),
            max(test.confidence for test in tests),
            shown,
        )

    def solved(sets: Sequence[SolvedSets]) -> SolvedSets:
        cells: dict[str, Any] = {name: _widest([getattr(of_case, name) for of_case in sets]) for name in SHARES}
        return replace(sets[0], **cells)

    return replace(
        first,
        at_1=tested([case.at_1 for case in cases]),
        at_k=tested([case.at_k for case in cases]),
        solved=solved([case.solved for case in cases]),
        strict=solved([case.strict for case in cases]),
    )


def _widest(estimates: Sequence[Estimate]) -> Estimate:
    lows, highs = zip(*((estimate.low, estimate.high) for estimate in estimates), strict=True)
    return Estimate(estimates[0].value, min(lows), max(highs))


def test_by_holm(
    value_K: FloatArray, p_K: FloatArray, intervals_at: IntervalsAt, level: float, independent: int
) -> tuple[DifferenceTest, DifferenceTest]:
    """Test the difference of pass@1, the first, and that of pass@k, the last, by Holm at `level`.

    The interval of a difference that is not shown holds 0 and what `independent` units may not have shown (`widened`).
    """
    count = len(value_K)
    last = count - 1

    def tested(column: int) -> DifferenceTest:
        p, other_p = float(p_K[column]), float(p_K[last - column])
        # With k = 1 there is one difference, and nothing to share alpha with.
        at = level if count == 1 or (other_p <= level / 2 and other_p <= p) else level / 2
        low_K, high_K = intervals_at(1 - at)
        estimate = Estimate(float(value_K[column]), float(low_K[column]), float(high_K[column]))
        # Few units with an unusual value can bound a mean away from 0 where the tests do not show it.
        shown = p <= at and not estimate.low <= 0 <= estimate.high
        if not shown and not math.isnan(estimate.low):
            wide = with_unseen(estimate, independent, 1 - level)
            estimate = Estimate(wide.value, min(wide.low, 0.0), max(wide.high, 0.0))
        return DifferenceTest(estimate, p, 1 - at, shown)

    return tested(0), tested(last)
