"""Interval of a mean over training seeds alone: Student's t of a number that each seed has, such as a crossover k.

For quantities that are no mean over problems. Where a quantity is one, `inference.two_way` is right: seeds alone omit
that other problems might have been asked.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import special

from edgewise.boundary.inference.means import SAME, Estimate, check_confidence
from edgewise.boundary.inference.two_way import LEAST_SEEDS
from edgewise.outcomes.counts import FloatArray


@dataclass(frozen=True, eq=False)
class SeedMean:
    """Mean of one number a training seed, which lies within `bounds`. NaN where a seed has none, infinite where it is.

    Its interval and p-value are NaN with fewer than three seeds, and where a seed's number is not finite.
    """

    value_R: FloatArray
    bounds: tuple[float, float] = (-math.inf, math.inf)

    @property
    def value(self) -> float:
        return float(np.mean(self.value_R))

    @property
    def seeds(self) -> int:
        return len(self.value_R)

    @property
    def p(self) -> float:
        """Two-sided p-value of a mean of 0. Seeds that all have one number have no spread: 1 for zeros, else 0."""
        if self._unknown:
            return math.nan
        if self._error <= SAME:
            return float(abs(self.value) <= SAME)
        return 2 * float(special.stdtr(self.seeds - 1, -abs(self.value) / self._error))

    def interval(self, confidence: float) -> Estimate:
        """The mean with its interval for new seeds."""
        check_confidence(confidence)
        if self._unknown:
            return Estimate(self.value, math.nan, math.nan)
        reach = -float(special.stdtrit(self.seeds - 1, (1 - confidence) / 2)) * self._error
        return Estimate(self.value, max(self.value - reach, self.bounds[0]), min(self.value + reach, self.bounds[1]))

    @property
    def _unknown(self) -> bool:
        return self.seeds < LEAST_SEEDS or not np.isfinite(self.value_R).all()

    @property
    def _error(self) -> float:
        return float(np.std(self.value_R, ddof=1)) / math.sqrt(self.seeds)
