"""Posterior of a problem's success rate, from its own samples and the population it comes from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from edgewise.boundary.inference.betabinomial import Shape
from edgewise.outcomes.counts import FloatArray


@dataclass(frozen=True, eq=False)
class Posterior:
    """Distributions of success rates p, one for each element.

    p is 0 with probability `zero`, and else follows Beta(`a`, `b`). All methods give one number
    for each element, and broadcast.
    """

    zero: FloatArray
    a: FloatArray
    b: FloatArray

    @classmethod
    def of(cls, prior: Shape, n: npt.ArrayLike, c: npt.ArrayLike) -> Posterior:
        """After c correct of n samples, under the prior: Beta(a + c, b + n - c), and p = 0 only if c = 0."""
        n_, c_ = np.asarray(n, dtype=np.float64), np.asarray(c, dtype=np.float64)
        log_none: FloatArray = np.asarray(special.betaln(prior.a, prior.b + n_) - special.betaln(prior.a, prior.b))
        rarely: FloatArray = (1 - prior.unreached) * np.exp(log_none)
        never = prior.unreached
        zero = np.where(c_ == 0, never / np.maximum(never + rarely, np.finfo(float).tiny), 0.0)
        return cls(zero, prior.a + c_, prior.b + n_ - c_)

    def at(self, chosen: npt.NDArray[np.bool_]) -> Posterior:
        """The chosen elements."""
        return Posterior(self.zero[chosen], self.a[chosen], self.b[chosen])

    def mean(self) -> FloatArray:
        """Expected success rate."""
        return (1 - self.zero) * self.a / (self.a + self.b)

    def below(self, rate: npt.ArrayLike) -> FloatArray:
        """P(p < rate) for a rate above 0."""
        inside: FloatArray = np.asarray(special.betainc(self.a, self.b, np.asarray(rate, dtype=np.float64)))
        return self.zero + (1 - self.zero) * inside

    def quantile(self, share: npt.ArrayLike) -> FloatArray:
        """The rate that p is below with probability `share`; 0 where p = 0 alone has that much."""
        inside = (np.asarray(share) - self.zero) / np.maximum(1 - self.zero, np.finfo(float).tiny)
        return np.asarray(special.betaincinv(self.a, self.b, np.clip(inside, 0.0, 1.0)))

    def signal(self, rollouts: npt.ArrayLike) -> FloatArray:
        """Chance that a group of so many rollouts holds both a correct and a wrong one:
        1 - E[(1-p)^N] - E[p^N]. In any other group all rewards are equal and no advantage is left."""
        size = np.asarray(rollouts, dtype=np.float64)
        whole = special.betaln(self.a, self.b)
        none = np.exp(special.betaln(self.a, self.b + size) - whole)
        full = np.exp(special.betaln(self.a + size, self.b) - whole)
        return np.asarray(np.maximum((1 - self.zero) * (1 - none - full), 0.0))
