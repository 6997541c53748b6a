"""Entropy law of RL, R = -a e^H + b: reward as it is traded from the policy's entropy, and the ceiling at H = 0.

Source: The Entropy Mechanism of RL for Reasoning Language Models (arXiv:2505.22617). Written as
R = ceiling - a (e^H - 1), so that ceiling = b - a is what is reached when no entropy is left.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgewise.boundary.inference.means import Estimate
from edgewise.core.errors import InputError
from edgewise.outcomes.counts import FloatArray
from edgewise.scaling.fit import LawFit, fit_law
from edgewise.scaling.held_out import HeldOut, predict_rest
from edgewise.scaling.law import Law
from edgewise.scaling.points import Points

# The law is fitted to this first share of the compute, and scored on the rest.
FIRST_THIRD = 1 / 3
# An extrapolation is refused when its mean error is so many times the scatter of the fitted points.
_TOO_FAR_OFF = 2.0


@dataclass(frozen=True, eq=False)
class EntropyFit:
    """The fitted law, its ceiling at entropy 0, and how the first third predicted the rest.

    `ceiling` is None where `refusal` says why. `b` is that of the published form. `reach` is how far e^H still has to
    fall to 1, over how far it was seen to vary.
    """

    fit: LawFit
    b: float
    ceiling: Estimate | None
    reach: float
    held_out: HeldOut | str
    refusal: str


ENTROPY_LAW = Law(
    name="entropy law",
    formula="R = ceiling - a (e^H - 1)",
    parameters=("ceiling", "a"),
    logged=frozenset(),
    value=lambda theta, x_N: np.asarray(theta[0] - theta[1] * np.expm1(x_N)),
    jacobian=lambda theta, x_N: np.stack([np.ones_like(x_N), -np.expm1(x_N)], axis=1),
    lower=np.array([-1e3, -1e3]),
    upper=np.array([1e3, 1e3]),
    starts=lambda points, held: [_line(points, held)],
)


def fit_entropy_law(
    entropy: npt.ArrayLike,
    reward: npt.ArrayLike,
    compute: npt.ArrayLike,
    seed: npt.ArrayLike | None = None,
    *,
    confidence: float = 0.95,
) -> EntropyFit:
    """Fit R = -a e^H + b to the entropies (nats a token) and rewards of runs, each with the compute spent by then.

    Raises InputError for an entropy below 0, too few points, and a reward that does not change.
    """
    in_time = Points.of(compute, reward, seed)
    entropy_N = np.asarray(entropy, np.float64)[np.argsort(np.asarray(compute, np.float64), kind="stable")]
    points = Points(entropy_N, in_time.y_N, in_time.seed_N, "entropy", "reward")
    if (entropy_N < 0).any():
        raise InputError(f"entropy: {entropy_N.min():g} is below 0; nats a token are needed")
    fit = fit_law(ENTROPY_LAW, points, confidence=confidence)
    cut = FIRST_THIRD * in_time.window
    early_N = in_time.x_N <= cut
    predicted = predict_rest(
        points.where(early_N), points.where(~early_N), lambda part: fit_law(ENTROPY_LAW, part, intervals=False), cut
    )
    fall_N = np.expm1(entropy_N)
    reach = float(fall_N.min() / max(float(np.ptp(fall_N)), 1e-300))
    refusal = _refusal(fit, reach, predicted)
    ceiling, a = fit.estimates["ceiling"], fit.estimates["a"]
    return EntropyFit(fit, ceiling.value + a.value, None if refusal else ceiling, reach, predicted, refusal)


def _refusal(fit: LawFit, reach: float, predicted: HeldOut | str) -> str:
    a = fit.estimates["a"]
    if a.low <= 0:
        return f"No ceiling is stated: a may be 0 or below ({a.low:.3g}), so reward was not traded from entropy here."
    if reach > 1:
        return f"No ceiling is stated: e^H has {reach:.2g} times as far to fall to 1 as it was seen to vary."
    if isinstance(predicted, str):
        return f"No ceiling is stated: the law could not be checked. {predicted}"
    if abs(predicted.bias) > _TOO_FAR_OFF * predicted.scatter:
        return (
            f"No ceiling is stated: fitted to the first third of the run the law is off by {predicted.bias:+.3g} on "
            f"the rest, beyond twice the scatter of {predicted.scatter:.2g}."
        )
    return ""


def _line(points: Points, held: Mapping[int, float]) -> FloatArray:
    """Least squares of a line, with what is held."""
    fall_N = -np.expm1(points.x_N)
    if 0 in held and 1 in held:
        return np.array([held[0], held[1]])
    if 0 in held:
        return np.array([held[0], fall_N @ (points.y_N - held[0]) / max(float(fall_N @ fall_N), 1e-300)])
    spread = max(float(fall_N.var()), 1e-300)
    a = held.get(1, float(np.mean((fall_N - fall_N.mean()) * points.y_N)) / spread)
    return np.array([points.y_N.mean() - a * fall_N.mean(), a])
