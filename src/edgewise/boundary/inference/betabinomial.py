"""Fit a zero-inflated beta-binomial by maximum likelihood: how success rates are spread over problems.

A share `unreached` of problems has success rate 0, the rates of the others follow Beta(a, b).
Inside, parameters are theta = (unreached, log a, log b).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy import optimize, special, stats

from edgewise.outcomes.counts import FloatArray, IntArray

# A fit that runs to these has no optimum: the rates are all one rate, or all 0 and 1.
LEAST_SHAPE, LARGEST_SHAPE = 1e-4, 1e6
LOWER = np.array([0.0, np.log(LEAST_SHAPE), np.log(LEAST_SHAPE)])
UPPER = np.array([1 - 1e-9, np.log(LARGEST_SHAPE), np.log(LARGEST_SHAPE)])
# An optimum is where a Newton step would gain less log-likelihood than this.
GAIN = 1e-9
# Probabilities below these are taken as these, lest a far start overflow.
TINY, SMALLEST = 1e-300, 1e-12
LARGEST_STEP = np.array([0.25, 2.0, 2.0])


class Shape(NamedTuple):
    """Success rates of a population of problems: a share `unreached` at 0, the others Beta(a, b)."""

    unreached: float
    a: float
    b: float

    def pass_at_k(self, k: int) -> float:
        """Expected pass@k of a problem: (1 - unreached) (1 - B(a, b+k)/B(a, b))."""
        none = special.betaln(self.a, self.b + k) - special.betaln(self.a, self.b)
        return float((1 - self.unreached) * -np.expm1(none))

    def histogram(self, n_N: IntArray) -> FloatArray:
        """Probability of c = 0, 1, ... correct samples among each n: shape (N, largest n + 1)."""
        n, c = n_N[:, None], np.arange(n_N.max() + 1)[None, :]
        rest = np.maximum(n - c, 0)
        log = special.gammaln(n + 1) - special.gammaln(c + 1) - special.gammaln(rest + 1)
        log = log + special.betaln(self.a + c, self.b + rest) - special.betaln(self.a, self.b)
        share_NC = np.where(c <= n, np.exp(log), 0.0)
        share_NC *= (1 - self.unreached) / share_NC.sum(axis=1, keepdims=True)
        share_NC[:, 0] += self.unreached
        return share_NC


@dataclass(frozen=True, eq=False)
class Tally:
    """The counts in the form that the likelihood needs.

    A beta-binomial probability is a product over j of (a+j), (b+j) and 1/(a+b+j), so the solved
    problems (c > 0) enter only by how many of them have c > j (`correct_J`), n - c > j
    (`wrong_J`) and n > j (`n_J`). Problems with c = 0 enter by their n (`zero_n_Z`), each
    `zero_Z` times. `constant` is the sum of log C(n, c), which no parameter changes.

    With `shrink` the log density of a hyperprior proportional to (a+b)^(-5/2) is added, as a
    density of log a and log b (Gelman et al. 2013, section 5.3), which keeps a maximum from lying
    at one rate for all problems or at rates of 0 and 1 alone; it weighs as much as about two problems.
    """

    correct_J: FloatArray
    wrong_J: FloatArray
    n_J: FloatArray
    zero_n_Z: IntArray
    zero_Z: FloatArray
    constant: float
    shrink: bool = False

    @classmethod
    def of(cls, n_G: IntArray, c_G: IntArray, weight_G: FloatArray, shrink: bool = False) -> Tally:
        """The tally of `weight_G` problems with each (n, c)."""
        largest, solved_G = int(n_G.max()), c_G > 0

        def above(count_G: IntArray) -> FloatArray:
            at = np.bincount(count_G[solved_G], weights=weight_G[solved_G], minlength=largest + 1)
            return at[::-1].cumsum()[::-1][1:]

        zero = np.bincount(n_G[~solved_G], weights=weight_G[~solved_G], minlength=1).astype(np.float64)
        zero_n_Z = np.flatnonzero(zero)
        log = special.gammaln(n_G + 1) - special.gammaln(c_G + 1) - special.gammaln(n_G - c_G + 1)
        return cls(above(c_G), above(n_G - c_G), above(n_G), zero_n_Z, zero[zero_n_Z], float(weight_G @ log), shrink)

    def likelihood(self, theta: FloatArray) -> tuple[float, FloatArray, FloatArray]:
        """Log-likelihood without `constant`, its gradient, and its Hessian, in theta."""
        unreached, (a, b) = float(theta[0]), np.exp(theta[1:])
        j = np.arange(self.n_J.size)
        in_a, in_b, in_s = 1 / (a + j), 1 / (b + j), 1 / (a + b + j)
        solved = self.n_J[0]

        value = self.correct_J @ -np.log(in_a) + self.wrong_J @ -np.log(in_b) - self.n_J @ -np.log(in_s)
        value += solved * np.log1p(-unreached)
        both = self.n_J @ in_s**2
        gradient = np.array([-solved / (1 - unreached), self.correct_J @ in_a, self.wrong_J @ in_b])
        gradient[1:] -= self.n_J @ in_s
        hessian = np.diag([-solved / (1 - unreached) ** 2, -(self.correct_J @ in_a**2), -(self.wrong_J @ in_b**2)])
        hessian[1:, 1:] += both

        if self.zero_Z.size:
            # log P(c = 0) = sum over j < n of log((b+j)/(a+b+j)), and its derivatives, at each n.
            at = self.zero_n_Z - 1
            log_none = np.log1p(-a * in_s).cumsum()[at]
            of_a, of_b = -in_s.cumsum()[at], (in_b - in_s).cumsum()[at]
            of_ab = (in_s**2).cumsum()[at]
            of_bb = of_ab - (in_b**2).cumsum()[at]
            none = np.exp(log_none)
            log_reached = np.log1p(-unreached) + log_none
            log_total = np.logaddexp(np.log(max(unreached, TINY)), log_reached)
            total = np.maximum(np.exp(log_total), SMALLEST)
            reached = np.exp(log_reached - log_total)  # chance that an unsolved problem has a rate above 0
            value += self.zero_Z @ log_total
            at_zero, mixed = (1 - none) / total, -none / total**2
            spread = reached * (1 - reached)
            gradient += [self.zero_Z @ part_Z for part_Z in (at_zero, reached * of_a, reached * of_b)]
            zero_a, zero_b = self.zero_Z @ (mixed * of_a), self.zero_Z @ (mixed * of_b)
            zero_ab = self.zero_Z @ (reached * of_ab + spread * of_a * of_b)
            hessian += [
                [-(self.zero_Z @ at_zero**2), zero_a, zero_b],
                [zero_a, self.zero_Z @ (reached * of_ab + spread * of_a**2), zero_ab],
                [zero_b, zero_ab, self.zero_Z @ (reached * of_bb + spread * of_b**2)],
            ]
        scale = np.array([1.0, a, b])
        gradient *= scale
        hessian = hessian * np.outer(scale, scale) + np.diag([0.0, *gradient[1:]])
        if self.shrink:
            value += np.log(a) + np.log(b) - 2.5 * np.log(a + b)
            gradient[1:] += 1 - 2.5 * scale[1:] / (a + b)
            hessian[1:, 1:] += 2.5 * a * b / (a + b) ** 2 * np.array([[-1.0, 1.0], [1.0, -1.0]])
        return float(value), gradient, hessian


@dataclass(frozen=True, eq=False)
class Fit:
    """A maximum of the likelihood: its parameters `theta`, its height, and whether the search converged."""

    theta: FloatArray
    log_likelihood: float
    converged: bool

    @property
    def shape(self) -> Shape:
        """The fitted population."""
        unreached, log_a, log_b = self.theta
        return Shape(float(unreached), float(np.exp(log_a)), float(np.exp(log_b)))

    @property
    def at_bound(self) -> bool:
        """Whether a or b ran to within a factor of 2 of a bound of the search."""
        return bool((np.abs(self.theta[1:, None] - np.stack([LOWER, UPPER], axis=1)[1:]) < np.log(2)).any())


def fit_both(tally: Tally, starts: Sequence[FloatArray]) -> tuple[Fit, Fit]:
    """The maximum, and the maximum without a point mass, searched from `starts`."""
    plain = fit(tally, [np.array([0.0, *starts[0][1:]])], fixed=(0,))
    return fit(tally, [plain.theta, *starts]), plain


def fit(tally: Tally, starts: Sequence[FloatArray], fixed: tuple[int, ...] = ()) -> Fit:
    """The highest maximum reached from `starts`, with the parameters numbered in `fixed` held."""
    return max((_climb(tally, start, fixed) for start in starts), key=lambda fitted: fitted.log_likelihood)


def starts(n_G: IntArray, c_G: IntArray, weight_G: FloatArray) -> list[FloatArray]:
    """Where to search from: Beta by moments, with none, half, or nearly all of the zeros unreached."""
    zero = float(weight_G @ (c_G == 0) / weight_G.sum())
    rate_G = c_G / n_G

    def moments(share: float) -> FloatArray:
        kept_G = weight_G * np.where(c_G == 0, 1 - share, 1.0)
        mean = np.average(rate_G, weights=kept_G) if kept_G.sum() else 0.5
        mean = min(max(mean, 0.01), 0.99)
        variance = np.average((rate_G - mean) ** 2, weights=kept_G) if kept_G.sum() else 1.0
        size = min(max(mean * (1 - mean) / max(variance, 1e-6) - 1, 0.2), 1000.0)
        return np.array([share * zero, np.log(mean * size), np.log((1 - mean) * size)])

    return [moments(share) for share in (0.0, 0.5, 0.95)]


def profile_interval(tally: Tally, best: Fit, parameter: int, confidence: float) -> tuple[float, float]:
    """The values of theta[parameter] at which the likelihood ratio against `best` is not significant.

    In the parameter's own units; an end beyond the bounds of the search is 0, or 1 or infinity.
    """
    critical = stats.chi2.ppf(confidence, 1)
    top, other = best.theta[parameter], 3 - parameter

    def profile(value: float) -> Fit:
        # With a and b moved by one factor the mean stays, which is where the likelihood falls least.
        start = best.theta + (0.0 if parameter == 0 else value - top) * np.array([0.0, 1.0, 1.0])
        start[parameter] = value
        return fit(tally, [start], (parameter,))

    def excess(value: float) -> float:
        return float(2 * (best.log_likelihood - profile(value).log_likelihood) - critical)

    def end(bound: float, unbounded: float) -> float:
        step = np.sign(bound - top) * LARGEST_STEP[parameter] / 8
        inner, outer = top, top
        while outer != bound:
            inner, outer = outer, (outer + step if abs(outer + step - top) < abs(bound - top) else bound)
            step *= 2
            if excess(outer) > 0:
                root = optimize.brentq(excess, inner, outer, xtol=1e-6, rtol=1e-6)
                if parameter == 0:
                    return float(root)
                # Where only a bound on the other one makes the likelihood fall, the end is open.
                stopped = profile(root).theta[other] in (LOWER[other], UPPER[other])
                return unbounded if stopped else float(np.exp(root))
        return unbounded

    return end(LOWER[parameter], 0.0), end(UPPER[parameter], 1.0 if parameter == 0 else np.inf)


def _climb(tally: Tally, start: FloatArray, fixed: tuple[int, ...]) -> Fit:
    """Newton's method within the bounds, damped until every step goes up."""
    theta = np.clip(start, LOWER, UPPER)
    value, gradient, hessian = tally.likelihood(theta)
    damping = 1e-3
    for _ in range(200):
        free = ~((theta <= LOWER) & (gradient <= 0) | (theta >= UPPER) & (gradient >= 0))
        free[list(fixed)] = False
        if not free.any():
            return Fit(theta, value, True)
        curvature, axes = np.linalg.eigh(-hessian[np.ix_(free, free)])
        # The size of a negative curvature still says how far to go along it.
        along = axes.T @ gradient[free]
        scale = np.abs(curvature) + 1e-12
        if along**2 @ (1 / scale) < GAIN and (curvature > 0).all():
            return Fit(theta, value, True)
        while True:
            step = np.zeros(3)
            step[free] = axes @ (along / (scale + damping * scale.max()))
            step /= max(1.0, float(np.max(np.abs(step) / LARGEST_STEP)))
            tried = np.clip(theta + step, LOWER, UPPER)
            higher = tally.likelihood(tried)
            if higher[0] > value:
                theta, (value, gradient, hessian) = tried, higher
                damping = max(damping / 10, 1e-12)
                break
            damping *= 10
            if damping > 1e12:
                return Fit(theta, value, bool(along**2 @ (1 / scale) < 1e-4))
    return Fit(theta, value, False)
