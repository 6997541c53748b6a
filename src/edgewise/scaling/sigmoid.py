"""ScaleRL's sigmoid of reward against RL compute: R = R_0 + (A - R_0) / (1 + (C_mid/C)^B).

R is the pass rate on held-out problems of the training distribution, R_0 that of the start, A the ceiling, B the
steepness, C_mid the compute of half the gain. Source: The Art of Scaling RL Compute for LLMs (arXiv:2510.13786).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy import special

from edgewise.core.errors import InputError
from edgewise.outcomes.counts import FloatArray
from edgewise.scaling.fit import LawFit, fit_law
from edgewise.scaling.law import Law
from edgewise.scaling.points import Points

# Steepness that is searched; published ones are 1.09 to 4.55.
STEEPNESS = (0.1, 20.0)
# C_mid is searched from a thousandth of the least compute to a thousand times the largest.
_BEYOND = 1e3
# Points of the search for a start, and how many starts are followed.
_MOST_POINTS = 200
_FOLLOWED = 2


def sigmoid(compute_N: FloatArray, start: float, ceiling: float, steepness: float, midpoint: float) -> FloatArray:
    """The reward at each compute; at compute 0 it is `start`."""
    return start + (ceiling - start) * gain_share(compute_N, steepness, midpoint)


def gain_share(compute_N: FloatArray, steepness: FloatArray | float, midpoint: FloatArray | float) -> FloatArray:
    """The share of the gain, 1 / (1 + (C_mid/C)^B), by arrays that broadcast."""
    with np.errstate(divide="ignore"):
        share: FloatArray = special.expit(steepness * (np.log(compute_N) - np.log(midpoint)))
    return share


def sigmoid_law(points: Points) -> Law:
    """The law with the bounds that these points ask for; rewards are pass rates, so R_0 and A lie in 0 to 1."""
    positive_N = points.x_N[points.x_N > 0]
    nearest, farthest = np.log(positive_N.min() / _BEYOND), np.log(positive_N.max() * _BEYOND)
    return Law(
        name="sigmoid",
        formula="R = start + (ceiling - start) / (1 + (midpoint/C)^steepness)",
        parameters=("start", "ceiling", "steepness", "midpoint"),
        logged=frozenset(("steepness", "midpoint")),
        value=lambda theta, x_N: sigmoid(x_N, theta[0], theta[1], np.exp(theta[2]), np.exp(theta[3])),
        jacobian=_jacobian,
        lower=np.array([0.0, 0.0, np.log(STEEPNESS[0]), nearest]),
        upper=np.array([1.0, 1.0, np.log(STEEPNESS[1]), farthest]),
        starts=_starts,
    )


def fit_sigmoid(
    points: Points,
    *,
    start: float | None = None,
    ceiling: float | None = None,
    confidence: float = 0.95,
    intervals: bool = True,
) -> LawFit:
    """Fit the sigmoid by least squares, with profile intervals; `start` or `ceiling` where it is known.

    Points at compute 0 are rewards of the start, and determine it. Raises InputError for a reward outside 0 to 1, a
    compute below 0, too few points, and a reward that does not change.
    """
    check_pass_rates(points)
    held = {name: value for name, value in (("start", start), ("ceiling", ceiling)) if value is not None}
    for name, value in held.items():
        if not 0 <= value <= 1:
            raise InputError(f"{name}: {value:g}; a pass rate between 0 and 1 is needed")
    return fit_law(sigmoid_law(points), points, held, confidence=confidence, intervals=intervals)


def check_pass_rates(points: Points) -> None:
    """InputError unless y lies in 0 to 1, x is nowhere below 0 and somewhere above."""
    for bad_N, what in ((points.y_N > 1, "above 1"), (points.y_N < 0, "below 0")):
        if bad_N.any():
            raise InputError(
                f"{points.y}: {points.y_N[bad_N][0]:g} is {what}; the law is of a pass rate from 0 to 1, so take the "
                "share of correct samples, or rescale"
            )
    if (points.x_N < 0).any():
        raise InputError(f"{points.x}: {points.x_N.min():g} is below 0; it counts what was spent")
    if not (points.x_N > 0).any():
        raise InputError(f"{points.x}: 0 at every point; a law needs a curve")


def _jacobian(theta: FloatArray, x_N: FloatArray) -> FloatArray:
    start, ceiling, steepness = theta[0], theta[1], np.exp(theta[2])
    share_N = gain_share(x_N, steepness, np.exp(theta[3]))
    slope_N = (ceiling - start) * share_N * (1 - share_N)
    # At compute 0 the share is 0 whatever the parameters are.
    with np.errstate(divide="ignore"):
        distance_N = np.where(x_N > 0, np.log(x_N) - theta[3], 0.0)
    return np.stack([1 - share_N, share_N, slope_N * steepness * distance_N, -slope_N * steepness], axis=1)


def _starts(points: Points, held: Mapping[int, float]) -> list[FloatArray]:
    """The best of a coarse grid of steepness and midpoint; start and ceiling follow by linear least squares."""
    thin = slice(None, None, max(1, len(points.x_N) // _MOST_POINTS))
    x_N, y_N = points.x_N[thin], points.y_N[thin]
    positive_N = points.x_N[points.x_N > 0]
    steepness = np.array([np.exp(held[2])]) if 2 in held else np.geomspace(0.3, 8.0, 12)
    midpoint = np.exp([held[3]]) if 3 in held else np.geomspace(positive_N.min() / 2, positive_N.max() * 20, 30)
    share_BMN = gain_share(x_N, steepness[:, None, None], midpoint[None, :, None])
    other_BMN = 1 - share_BMN

    def product(left: FloatArray, right: FloatArray) -> FloatArray:
        return np.asarray((left * right).sum(axis=-1))

    ss, oo, so = product(share_BMN, share_BMN), product(other_BMN, other_BMN), product(share_BMN, other_BMN)
    sy, oy = product(share_BMN, y_N), product(other_BMN, y_N)
    determinant = np.maximum(ss * oo - so**2, 1e-12)
    start = np.full_like(sy, held[0]) if 0 in held else np.clip((oy * ss - sy * so) / determinant, 0, 1)
    ceiling = np.full_like(sy, held[1]) if 1 in held else np.clip((sy - so * start) / np.maximum(ss, 1e-12), 0, 1)
    if 0 not in held:
        start = np.clip((oy - so * ceiling) / np.maximum(oo, 1e-12), 0, 1)
    sse = product(
        y_N - start[..., None] * other_BMN - ceiling[..., None] * share_BMN,
        y_N - start[..., None] * other_BMN - ceiling[..., None] * share_BMN,
    )
    starts = []
    for flat in np.argsort(sse, axis=None)[: _FOLLOWED**2 : _FOLLOWED]:
        b, m = np.unravel_index(flat, sse.shape)
        starts.append(np.array([start[b, m], ceiling[b, m], np.log(steepness[b]), np.log(midpoint[m])]))
    return starts
