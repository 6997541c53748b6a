"""A law of scaling, and its least-squares fit: a formula, its parameters, their bounds, and where a search starts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from scipy import optimize

from edgewise.outcomes.counts import FloatArray
from edgewise.scaling.points import Points

# A parameter within this of its bound is at it.
_AT_BOUND = 1e-6
_MOST_STEPS = 200

Starts = Callable[[Points, Mapping[int, float]], list[FloatArray]]


@dataclass(frozen=True)
class Law:
    """A formula y(x) and the parameters that are fitted.

    Inside, a parameter that is named in `logged` is its logarithm. `value` and `jacobian` take (theta, x_N) and return
    shapes (N,) and (N, parameters). `starts` takes the points and the parameters that are held, and returns where to
    search from.
    """

    name: str
    formula: str
    parameters: tuple[str, ...]
    logged: frozenset[str]
    value: Callable[[FloatArray, FloatArray], FloatArray]
    jacobian: Callable[[FloatArray, FloatArray], FloatArray]
    lower: FloatArray
    upper: FloatArray
    starts: Starts

    def inside(self, held: Mapping[str, float]) -> dict[int, float]:
        """Parameters that are held, by their place, as they are inside."""
        return {
            self.parameters.index(name): float(np.log(value)) if name in self.logged else float(value)
            for name, value in held.items()
        }

    def is_bound(self, place: int, value: float) -> bool:
        """Whether a parameter, as it is inside, has run to a bound."""
        return bool(min(abs(value - self.lower[place]), abs(value - self.upper[place])) <= _AT_BOUND)

    def shown(self, place: int, value: float) -> float:
        """A parameter as it is shown."""
        return float(np.exp(value)) if self.parameters[place] in self.logged else float(value)


def least_squares(
    law: Law, points: Points, fixed: Mapping[int, float], starts: list[FloatArray]
) -> tuple[FloatArray, float]:
    """The parameters with the least sum of squares reached from `starts`, and that sum."""
    free = [place for place in range(len(law.parameters)) if place not in fixed]
    results = [_from_start(law, points, free, _with_fixed(law, start, fixed)) for start in starts]
    return min(results, key=lambda result: result[1])


def _with_fixed(law: Law, start: FloatArray, fixed: Mapping[int, float]) -> FloatArray:
    theta: FloatArray = np.clip(start, law.lower, law.upper)
    for place, value in fixed.items():
        theta[place] = value
    return theta


def _from_start(law: Law, points: Points, free: list[int], theta: FloatArray) -> tuple[FloatArray, float]:
    def whole(part_F: FloatArray) -> FloatArray:
        filled = theta.copy()
        filled[free] = part_F
        return filled

    def residuals(part_F: FloatArray) -> FloatArray:
        return law.value(whole(part_F), points.x_N) - points.y_N

    def jacobian(part_F: FloatArray) -> FloatArray:
        return law.jacobian(whole(part_F), points.x_N)[:, free]

    part_F = theta[free]
    if free:
        bounds = law.lower[free], law.upper[free]
        # The search starts inside of the bounds.
        part_F = np.clip(part_F, bounds[0] + 1e-10, bounds[1] - 1e-10)
        part_F = optimize.least_squares(
            residuals, part_F, jac=jacobian, bounds=bounds, x_scale="jac", max_nfev=_MOST_STEPS
        ).x
    return whole(part_F), float(np.square(residuals(part_F)).sum())
