"""Power law of reward against RL compute, R = A - D/C^B: what a sigmoid is compared with.

The sigmoid is this law far beyond its midpoint, with D = (A - R_0) C_mid^B. It has no start: rewards fall without
bound towards compute 0, which is why early points pull its ceiling to 1 (arXiv:2510.13786: A = 1.0 on 1,500 to 50,000
GPU hours and 0.74 on 5,000 to 50,000, where more compute showed about 0.65).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from edgewise.outcomes.counts import FloatArray
from edgewise.scaling.fit import LawFit, fit_law
from edgewise.scaling.law import Law
from edgewise.scaling.points import Points
from edgewise.scaling.sigmoid import check_pass_rates

EXPONENT = (0.01, 20.0)


def power_law(points: Points) -> Law:
    """The law, its gap to the ceiling stated at the largest compute of these points, so that D = gap largest^B."""
    largest = float(points.x_N.max())

    def value(theta: FloatArray, x_N: FloatArray) -> FloatArray:
        return np.asarray(theta[0] - theta[1] * (x_N / largest) ** -np.exp(theta[2]))

    def jacobian(theta: FloatArray, x_N: FloatArray) -> FloatArray:
        exponent = np.exp(theta[2])
        fall_N = (x_N / largest) ** -exponent
        return np.stack([np.ones_like(x_N), -fall_N, theta[1] * fall_N * exponent * np.log(x_N / largest)], axis=1)

    def starts(points: Points, held: Mapping[int, float]) -> list[FloatArray]:
        exponents = [np.exp(held[2])] if 2 in held else np.geomspace(0.03, 6.0, 20)
        found = []
        for exponent in exponents:
            fall_N = (points.x_N / largest) ** -exponent
            ceiling = held.get(0)
            if ceiling is None:
                slope = np.cov(fall_N, points.y_N)[0, 1] / max(float(fall_N.var(ddof=1)), 1e-300)
                ceiling = float(np.clip(points.y_N.mean() - slope * fall_N.mean(), 0, 1))
            gap = held.get(1, float(np.clip(fall_N @ (ceiling - points.y_N) / (fall_N @ fall_N), 0, 1)))
            sse = float(np.square(ceiling - gap * fall_N - points.y_N).sum())
            found.append((sse, np.array([ceiling, gap, np.log(exponent)])))
        return [theta for _, theta in sorted(found, key=lambda pair: pair[0])[:3:2]]

    return Law(
        name="power law",
        formula="R = ceiling - gap (C/largest C)^-exponent",
        parameters=("ceiling", "gap", "exponent"),
        logged=frozenset(("exponent",)),
        value=value,
        jacobian=jacobian,
        lower=np.array([0.0, 0.0, np.log(EXPONENT[0])]),
        upper=np.array([1.0, 1.0, np.log(EXPONENT[1])]),
        starts=starts,
    )


def fit_power_law(points: Points, *, confidence: float = 0.95, intervals: bool = True) -> LawFit:
    """Fit the power law by least squares to the points above compute 0, its ceiling at most 1.

    Raises InputError for a reward outside 0 to 1, too few points, and a reward that does not change.
    """
    check_pass_rates(points)
    positive = points.where(points.x_N > 0)
    return fit_law(power_law(positive), positive, confidence=confidence, intervals=intervals)
