"""ScaleRL's published fit: a grid of ceiling and midpoint, the steepness fitted for each pair, the least error kept.

Source: arXiv:2510.13786, appendix on fitting: A in {0.450, 0.455, ..., 0.800}, 100 linearly spaced C_mid in 100 to
40,000 GPU hours, B by scipy's curve_fit for each pair, the first 1,500 GPU hours (about one epoch) left out. The paper
quotes A to +-0.02, from three repeats of one run, and no error for B.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import optimize

from edgewise.core.errors import InputError
from edgewise.outcomes.counts import FloatArray
from edgewise.scaling.points import Points
from edgewise.scaling.sigmoid import STEEPNESS, check_pass_rates, gain_share

# The steepness of a pair is searched on this grid, which is finer than 0.7%, and that of the best pair then by scipy.
_STEEPNESS_B = np.geomspace(*STEEPNESS, 800)
# The published ranges belong to a window of 50,000 GPU hours.
_PUBLISHED_WINDOW = 50_000.0
_PAIRS_AT_A_TIME = 5
# More points than these are averaged in so many bins, which changes every sum of squares by nearly the same.
_MOST_POINTS = 1000


@dataclass(frozen=True, eq=False)
class FitGrid:
    """Ceilings and midpoints that are tried."""

    ceiling_A: FloatArray
    midpoint_M: FloatArray

    @classmethod
    def like_published(cls, window: float) -> FitGrid:
        """The published grid for another unit of compute: C_mid up to 0.8 of the window, A by 0.005 up to 1."""
        return cls(np.linspace(0.005, 1.0, 200), PUBLISHED_GRID.midpoint_M * (window / _PUBLISHED_WINDOW))


PUBLISHED_GRID = FitGrid(np.linspace(0.45, 0.8, 71), np.linspace(100, 40_000, 100))


@dataclass(frozen=True)
class GridFit:
    """The pair of the grid with the least sum of squares, and its steepness. A grid gives no interval."""

    start: float
    ceiling: float
    steepness: float
    midpoint: float
    sse: float


def fit_published_grid(points: Points, start: float, grid: FitGrid = PUBLISHED_GRID) -> GridFit:
    """Fit the sigmoid as ScaleRL did, with `start` (R_0) known. Ties go to the smaller ceiling and midpoint. More
    than 1,000 points are averaged in bins first.

    Raises InputError for a reward outside 0 to 1, and fewer than three different computes above 0.
    """
    check_pass_rates(points)
    distinct = len(np.unique(points.x_N[points.x_N > 0]))
    if distinct < 3:
        raise InputError(f"{points.x}: {distinct} different values above 0; the grid fits 3 parameters")
    points = _binned(points)
    gain_N, gain_A = points.y_N - start, grid.ceiling_A - start
    sse_MA = np.empty((len(grid.midpoint_M), len(grid.ceiling_A)))
    for first in range(0, len(grid.midpoint_M), _PAIRS_AT_A_TIME):
        midpoint_M = grid.midpoint_M[first : first + _PAIRS_AT_A_TIME]
        share_MBN = gain_share(points.x_N, _STEEPNESS_B[:, None], midpoint_M[:, None, None])
        # The sum of squares of gain - (A - R_0) share, without a sum over points for each A.
        linear_MB, square_MB = share_MBN @ gain_N, np.square(share_MBN).sum(axis=-1)
        sse_MBA = gain_N @ gain_N - 2 * linear_MB[..., None] * gain_A + square_MB[..., None] * gain_A**2
        sse_MA[first : first + _PAIRS_AT_A_TIME] = sse_MBA.min(axis=1)
    midpoint_at, ceiling_at = np.unravel_index(sse_MA.argmin(), sse_MA.shape)
    ceiling, midpoint = float(grid.ceiling_A[ceiling_at]), float(grid.midpoint_M[midpoint_at])
    steepness, sse = _steepness(points, start, ceiling, midpoint)
    return GridFit(start, ceiling, steepness, midpoint, sse)


def _binned(points: Points) -> Points:
    """Means of neighbouring points, in order of compute, where there are many."""
    if len(points.x_N) <= _MOST_POINTS:
        return points
    order = np.argsort(points.x_N, kind="stable")
    bins = np.array_split(order, _MOST_POINTS)
    mean_2B = np.array([[points.x_N[some].mean(), points.y_N[some].mean()] for some in bins]).T
    return Points.of(mean_2B[0], mean_2B[1])


def _steepness(points: Points, start: float, ceiling: float, midpoint: float) -> tuple[float, float]:
    """B of one pair to full precision, and the sum of squares."""

    def sse_at(steepness: FloatArray) -> FloatArray:
        share = gain_share(points.x_N, np.atleast_1d(steepness)[:, None], midpoint)
        return np.asarray(np.square(points.y_N - start - (ceiling - start) * share).sum(axis=-1))

    at = int(sse_at(_STEEPNESS_B).argmin())
    ends = _STEEPNESS_B[max(at - 1, 0)], _STEEPNESS_B[min(at + 1, len(_STEEPNESS_B) - 1)]
    steepness = float(
        optimize.minimize_scalar(
            lambda value: float(sse_at(value)[0]), bounds=ends, method="bounded", options={"xatol": 1e-9}
        ).x
    )
    return steepness, float(sse_at(np.array(steepness))[0])
