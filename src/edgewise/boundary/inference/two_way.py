"""Interval of a mean over problems and training seeds at once: a two-way layout of random problems x random seeds.

A statement about a recipe is one about new problems and new training runs. Its error has two parts that do not shrink
together: more problems do not tell how runs scatter, and more runs do not tell how problems do. Analytic throughout, so
the same on every run.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import special

from edgewise.boundary.inference.means import SAME, Estimate, check_confidence, limits, unit_totals
from edgewise.core.errors import InputError
from edgewise.outcomes.counts import FloatArray, IntArray

# With fewer training seeds nothing is said about a recipe, only about these checkpoints.
LEAST_SEEDS = 3
# From so many seeds on, what seeds differ by is estimated well enough to take the residual out of it.
SEEDS_WITHOUT_RESIDUAL = 5
# The least p-value that is told from 0, and the least alpha at which 1 - alpha is told from 1.
_LEAST_P, _LEAST_ALPHA = 1e-300, 1e-15


@dataclass(frozen=True, eq=False)
class TwoWayMean:
    """Mean of a quantity over problems and training seeds, with what its interval is made of.

    `value_R` is each seed's mean over problems. `problem_variance`, `seed_variance` and `residual_variance` are those
    of the mean over the layout, A/N, B/N and E/N for the mean squares of problems, of seeds and of the residual among N
    values. `units` is the number of problems, or of clusters of them. Everything is NaN where a value is.
    """

    value: float
    value_R: FloatArray
    problem_variance: float
    seed_variance: float
    residual_variance: float
    units: int
    bounds: tuple[float, float]
    _row_totals_UK: FloatArray

    @property
    def seeds(self) -> int:
        return len(self.value_R)

    @property
    def scatter(self) -> float:
        """Standard deviation of the seeds' means: of the runs, and of the samples that measure them."""
        return float(np.std(self.value_R, ddof=1)) if self.seeds > 1 else math.nan

    @property
    def scatter_of_runs(self) -> float:
        """Standard deviation of the runs alone, with what problems and samples add to a seed's mean taken out."""
        if self.seeds < 2:
            return math.nan
        return math.sqrt(max(self.seed_variance - self.residual_variance, 0.0) * self.seeds)

    @property
    def p(self) -> float:
        """Two-sided p-value of a mean of 0: 1 minus the confidence at which the interval ends at 0.

        NaN with fewer than three seeds.
        """
        if self.seeds < LEAST_SEEDS or math.isnan(self.value):
            return math.nan
        if abs(self.value) <= SAME:
            return 1.0
        side = 0 if self.value > 0 else 1
        if self._reach(_LEAST_P, side) < abs(self.value):
            return 0.0
        low, high = math.log(_LEAST_P), 0.0
        for _ in range(100):
            middle = (low + high) / 2
            low, high = (middle, high) if self._reach(math.exp(middle), side) > abs(self.value) else (low, middle)
        return math.exp(high)

    def interval(self, confidence: float) -> Estimate:
        """The mean with its interval for new problems and new seeds; its ends are NaN with fewer than three seeds.

        mean +- sqrt(t^2_{T-1} A/N + t^2_{R-1} V/N), with V = B for R <= 4 and max(B - E, 0) for R >= 5: the Student
        quantiles of each part's own degrees of freedom, so that three seeds count as three. Where all units have one
        value, problems' part is what their number leaves open (`means.limits`).
        """
        check_confidence(confidence)
        if self.seeds < LEAST_SEEDS:
            return Estimate(self.value, math.nan, math.nan)
        low, high = (self._reach(1 - confidence, side) for side in (0, 1))
        return Estimate(self.value, max(self.value - low, self.bounds[0]), min(self.value + high, self.bounds[1]))

    def _reach(self, alpha: float, side: int) -> float:
        """How far the interval at 1 - alpha reaches down (side 0) or up (side 1)."""
        if self.problem_variance > SAME**2:
            problems = _t(alpha, self.units - 1) * math.sqrt(self.problem_variance)
        else:
            ends = limits(self._row_totals_UK, 1 - max(alpha, _LEAST_ALPHA), self.bounds)
            problems = abs(self.value - float(ends[side][0]))
        seeds = self.seed_variance
        if self.seeds >= SEEDS_WITHOUT_RESIDUAL:
            seeds = max(seeds - self.residual_variance, 0.0)
        return math.hypot(problems, _t(alpha, self.seeds - 1) * math.sqrt(seeds))


def two_way_mean(
    values_PR: FloatArray, *, bounds: tuple[float, float] = (-1.0, 1.0), cluster_P: IntArray | None = None
) -> TwoWayMean:
    """Mean over problems and training seeds of what was measured of every problem at every seed.

    `values_PR` has a row for each problem and a column for each training seed; every value lies within `bounds`. Where
    problems have clusters, whole clusters are the rows, each weighing as many problems as it has.

    Of the rules tried for few seeds, the one whose intervals cover: with 3 to 8 seeds, 30 to 500 problems and normal or
    skewed scatter about 93% to 99% at 95% (docs/calibration.md). The seeds' means alone omit the choice of problems,
    and pooling the seeds' samples omits the seeds.

    Raises InputError unless there is a problem, a seed, and one cluster for each problem.
    """
    values_PR = np.asarray(values_PR, dtype=np.float64)
    if values_PR.ndim != 2 or not values_PR.size:
        raise InputError(f"values_PR: shape {values_PR.shape}; problems x training seeds are needed")
    if cluster_P is not None and np.shape(cluster_P) != (len(values_PR),):
        raise InputError(f"cluster_P: shape {np.shape(cluster_P)}; one for each of {len(values_PR)} problems is needed")
    totals_UK = unit_totals(values_PR, cluster_P)
    size_U, units = totals_UK[:, -1], len(totals_UK)
    value_R = totals_UK[:, :-1].sum(axis=0) / size_U.sum()
    mean, seeds = float(value_R.mean()), len(value_R)
    # A unit's deviations as they enter the mean, a ratio of totals where clusters differ in size.
    deviation_UR = (totals_UK[:, :-1] - mean * size_U[:, None]) * units / size_U.sum()
    of_unit_U, of_seed_R = deviation_UR.mean(axis=1), value_R - mean
    residual_UR = deviation_UR - of_unit_U[:, None] - of_seed_R
    cells, unit_df, seed_df = units * seeds, max(units - 1, 1), max(seeds - 1, 1)
    return TwoWayMean(
        value=mean,
        value_R=value_R,
        problem_variance=float((of_unit_U**2).sum()) / (unit_df * units),
        seed_variance=float((of_seed_R**2).sum()) / (seed_df * seeds),
        residual_variance=float((residual_UR**2).sum()) / (unit_df * seed_df * cells),
        units=units,
        bounds=bounds,
        _row_totals_UK=np.column_stack([totals_UK[:, :-1].mean(axis=1), size_U]),
    )


def _t(alpha: float, degrees: int) -> float:
    """Two-sided critical value of Student's t."""
    return -float(special.stdtrit(max(degrees, 1), alpha / 2))
