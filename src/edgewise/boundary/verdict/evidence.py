"""Evidence of a verdict: differences of pass@1 and pass@k, solved sets, and the power of the design."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from edgewise.boundary.inference.power import detectable, power_at, standard_error
from edgewise.boundary.inference.resampling import Estimate, unseen_share
from edgewise.boundary.measures.solved import SolvedSets


class PowerTest(NamedTuple):
    """A difference of the size `effect` to be seen with the standard error `se`, which is never below `least`."""

    effect: float
    se: float
    least: float


@dataclass(frozen=True)
class Evidence:
    """Delta pass@1, Delta pass@k and the solved sets at m = k, of the tuned model against the base.

    `p_1` and `p_k` are the sign-flip p-values of the two differences. All intervals are at `confidence` and rest on
    `units` independent problems or clusters of problems.
    """

    delta_1: Estimate
    delta_k: Estimate
    p_1: float
    p_k: float
    solved: SolvedSets
    k: int
    margin: float
    confidence: float
    units: int

    @property
    def expansion(self) -> Estimate:
        return self.solved.excess_expansion

    @property
    def shrinkage(self) -> Estimate:
        return self.solved.excess_shrinkage

    @property
    def alpha(self) -> float:
        """The largest p-value of a difference that counts."""
        return 1 - self.confidence

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
    def lost(self) -> bool:
        """Problems were lost, beyond the floor."""
        return self.shrinkage.low > 0

    @property
    def detectable(self) -> float:
        """The smallest Delta pass@k that this design sees with power 0.8."""
        return detectable(self.error(self.delta_k, self.unseen), self.confidence)

    @property
    def power_at_margin(self) -> float:
        """The power to see a Delta pass@k as large as the margin."""
        return power_at(self.margin, self.error(self.delta_k, self.unseen), self.confidence)

    @property
    def unseen(self) -> float:
        """The share of problems that may have changed without one of them being seen."""
        return unseen_share(self.units, self.confidence)

    def error(self, estimate: Estimate, least: float = 0.0) -> float:
        """The standard error of an estimate whose interval is taken to reach at least `least` to either side."""
        return standard_error(max((estimate.high - estimate.low) / 2, least), self.confidence)

    def test(self, effect: float, estimate: Estimate, least: float = 0.0) -> PowerTest:
        """The test that sees a difference of the size `effect` with the error of `estimate`."""
        return PowerTest(effect, self.error(estimate, least), standard_error(least, self.confidence))
