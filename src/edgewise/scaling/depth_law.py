"""Depth law T ~ D^gamma: steps (or compute) until problems of depth D are learned, against D.

Source: ScaleLogic, Can RL teach long-horizon reasoning? (arXiv:2605.06638): gamma of 1.04 to 2.60, rising with the
expressiveness of the logic. Fitted as a line of log T against log D.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import optimize

from edgewise.core.errors import InputError
from edgewise.outcomes.counts import FloatArray
from edgewise.scaling.fit import LawFit, fit_law
from edgewise.scaling.held_out import HeldOut, predict_rest
from edgewise.scaling.law import Law
from edgewise.scaling.points import Points

# Twice the difference of log-likelihoods from which on one law is preferred to the other (about 7 to 1 in odds).
_PREFERRED = 4.0


@dataclass(frozen=True, eq=False)
class DepthFit:
    """The fitted exponent `gamma`, and what stands beside it.

    `fit` is of logarithms: its scatter is that of log T. `r_squared` is the share of the variance of log T that the
    line explains. `exponential_gain` is twice the log-likelihood by which T = c e^(rate D) fits better than the power
    (below 0: worse); `between` says what that decides. `held_out` is the prediction of the deeper half from the others,
    in log T.
    `censored` counts runs that did not get there; `depths` are the fitted ones, all shallower than the first at which a
    run did not get there.
    """

    fit: LawFit
    r_squared: float
    exponential_gain: float
    between: str
    held_out: HeldOut | str
    depths: tuple[float, ...]
    censored: int


DEPTH_LAW = Law(
    name="depth law",
    formula="T = scale D^gamma",
    parameters=("scale", "gamma"),
    logged=frozenset(("scale",)),
    value=lambda theta, x_N: np.asarray(theta[0] + theta[1] * x_N),
    jacobian=lambda theta, x_N: np.stack([np.ones_like(x_N), x_N], axis=1),
    lower=np.array([-500.0, -100.0]),
    upper=np.array([500.0, 100.0]),
    starts=lambda points, held: [_line(points, held)],
)


def fit_depth_law(
    depth: npt.ArrayLike, steps: npt.ArrayLike, seed: npt.ArrayLike | None = None, *, confidence: float = 0.95
) -> DepthFit:
    """Fit T = scale D^gamma; `steps` is NaN for a run that did not get there within its budget.

    A depth at which some run did not get there is left out with all deeper ones: the runs that did are the fast ones,
    and would make gamma too small. Raises InputError for a depth or a number of steps that is not above 0, and fewer
    than three depths that all runs learned.
    """
    depth_N, steps_N = np.asarray(depth, np.float64), np.asarray(steps, np.float64)
    for name, value_N in (("depth", depth_N), ("steps", steps_N)):
        if (value_N <= 0).any() or np.isinf(value_N).any():
            wrong = value_N[(value_N <= 0) | np.isinf(value_N)][0]
            raise InputError(f"{name}: {wrong:g}; a finite number above 0 is needed")
    missing_N = np.isnan(steps_N)
    known_N = depth_N < depth_N[missing_N].min() if missing_N.any() else np.ones(len(depth_N), bool)
    depths = np.unique(depth_N[known_N])
    if len(depths) < 3:
        raise InputError(f"depth: {len(depths)} depths that all runs learned; 3 or more are needed for an exponent")
    seed_N = np.zeros(len(depth_N), np.int64) if seed is None else np.asarray(seed, np.int64)
    points = Points.of(np.log(depth_N[known_N]), np.log(steps_N[known_N]), seed_N[known_N], ("log depth", "log steps"))
    fit = fit_law(DEPTH_LAW, points, confidence=confidence)
    linear = Points(np.exp(points.x_N), points.y_N, points.seed_N, "depth", "log steps")
    exponential = fit_law(DEPTH_LAW, linear, intervals=False)
    gain = len(points.x_N) * float(np.log(max(fit.sse, 1e-300) / max(exponential.sse, 1e-300)))
    middle = float(np.log(depths[(len(depths) - 1) // 2]))
    shallow_N = points.x_N <= middle + 1e-9
    return DepthFit(
        fit=fit,
        r_squared=1 - fit.sse / float(np.square(points.y_N - points.y_N.mean()).sum()),
        exponential_gain=gain,
        between=_between(gain),
        held_out=predict_rest(
            points.where(shallow_N),
            points.where(~shallow_N),
            lambda part: fit_law(DEPTH_LAW, part, intervals=False),
            middle,
        ),
        depths=tuple(depths.tolist()),
        censored=int(missing_N.sum()),
    )


def compute_to_reach(points: Points, target: float = 0.5) -> dict[int, float]:
    """The compute at which each seed's reward reaches `target`, NaN where it does not: the T of a depth.

    By linear interpolation of the rising curve nearest to the points (isotonic regression), so that one lucky
    evaluation is no crossing.
    """
    reached = {}
    for seed in points.seeds:
        alone = points.of_seed(seed)
        rising_N = optimize.isotonic_regression(alone.y_N).x
        at = int(np.searchsorted(rising_N, target))
        if at == len(rising_N):
            reached[seed] = np.nan
        elif at == 0:
            reached[seed] = float(alone.x_N[0])
        else:
            share = (target - rising_N[at - 1]) / (rising_N[at] - rising_N[at - 1])
            reached[seed] = float(alone.x_N[at - 1] + share * (alone.x_N[at] - alone.x_N[at - 1]))
    return reached


def _between(gain: float) -> str:
    if gain > _PREFERRED:
        return "An exponential in depth fits better than a power."
    if gain < -_PREFERRED:
        return "A power of depth fits better than an exponential."
    return "These depths do not tell a power of depth from an exponential."


def _line(points: Points, held: Mapping[int, float]) -> FloatArray:
    """Least squares of a line, with what is held."""
    spread = max(float(points.x_N.var()), 1e-300)
    slope = float(np.mean((points.x_N - points.x_N.mean()) * points.y_N)) / spread
    slope = held.get(1, slope)
    return np.array([held.get(0, float(points.y_N.mean() - slope * points.x_N.mean())), slope])
