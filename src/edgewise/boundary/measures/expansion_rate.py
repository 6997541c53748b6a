"""Expansion rate on problems that the base left unsolved, compared with the base drawn again."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from edgewise.boundary.inference.estimators import none_at_k
from edgewise.boundary.inference.means import Estimate, mean_interval, units
from edgewise.boundary.inference.resampling import BOOTSTRAP, Bootstrap, bootstrap_means, resampled_estimate
from edgewise.boundary.measures.panel import Cell, Column, Panel, PanelRow, basis
from edgewise.boundary.measures.registry import Arm, Measure, Terms
from edgewise.core.errors import InputError
from edgewise.core.words import counted
from edgewise.outcomes.counts import Counts, require_same_problems


@dataclass(frozen=True)
class RedrawnExpansion:
    """What share of the problems that the base left unsolved is solved within as many samples again.

    `unsolved` is the expected number of problems that m samples of the base do not solve. `base` and `tuned`
    are the shares of these that m new samples of the base, and m samples of the tuned model, do solve, and
    `excess` is their difference: the expansion rate less regression to the mean. NaN where the base solves
    every problem. Intervals are, over new problems of the same kind.
    """

    m: int
    unsolved: Estimate
    base: Estimate
    tuned: Estimate
    excess: Estimate
    problems: int
    bootstrap: Bootstrap


def redrawn_expansion(
    base: Counts,
    tuned: Counts,
    m: int | None = None,
    *,
    bootstrap: Bootstrap = BOOTSTRAP,
) -> RedrawnExpansion:
    """Expansion rate on problems that m samples of the base leave unsolved, compared with the base drawn again.

    The expansion rate of MATH-Beyond (arXiv:2510.11653) takes the base to solve none of these; but a
    second draw of the base solves some, as problems were chosen for their bad luck. With f_m = C(n-c, m)/C(n, m)
    averaged over all ways of choosing m samples, a problem is left unsolved with probability f_m, left unsolved
    and then solved by m other samples of the base with f_m - f_2m, and solved by m samples of the tuned model
    with f_m (1 - f_m(tuned)); the shares are ratios of the sums of these over problems.

    `m` defaults to the largest number that leaves the base 2m samples and the tuned arm m. Raises InputError when
    the arms do not hold the same problems, or there are not so many samples.
    """
    require_same_problems(base, tuned)
    most = min(base.n // 2, tuned.n)
    m = most if m is None else m
    if not 1 <= m <= most:
        raise InputError(f"m: {m} samples; 2m of the base and m of the tuned arm are needed, so m from 1 to {most}")
    unsolved_P = none_at_k(base.n_P, base.c_P, m)
    base_P = unsolved_P - none_at_k(base.n_P, base.c_P, 2 * m)
    tuned_P = unsolved_P * (1 - none_at_k(tuned.n_P, tuned.c_P, m))
    columns_PK = np.stack([base_P, tuned_P, tuned_P - base_P, unsolved_P], axis=1)
    means_RK = bootstrap_means(columns_PK, bootstrap, base.cluster_P)

    unsolved = float(unsolved_P.sum())

    def share(column: int, bounds: tuple[float, float]) -> Estimate:
        ratio_R = np.full(len(means_RK), np.nan)
        np.divide(means_RK[:, column], means_RK[:, 3], out=ratio_R, where=means_RK[:, 3] > 0)
        value = float(columns_PK[:, column].sum()) / unsolved if unsolved > 0 else math.nan
        return resampled_estimate(
            value, ratio_R, bounds, bootstrap.confidence, min(unsolved, units(base.problems, base.cluster_P))
        )

    low_K, high_K = mean_interval(unsolved_P[:, None], bootstrap.confidence, (0.0, 1.0), base.cluster_P)
    return RedrawnExpansion(
        m=m,
        unsolved=Estimate(unsolved, base.problems * float(low_K[0]), base.problems * float(high_K[0])),
        base=share(0, (0.0, 1.0)),
        tuned=share(1, (0.0, 1.0)),
        excess=share(2, (-1.0, 1.0)),
        problems=base.problems,
        bootstrap=bootstrap,
    )


def _redrawn(base: Arm, tuned: Arm, terms: Terms) -> RedrawnExpansion:
    return redrawn_expansion(base.counts, tuned.counts, bootstrap=terms.bootstrap)


def _panel(result: RedrawnExpansion) -> Panel:
    columns = (
        Column("unsolved", f"Left unsolved by {counted(result.m, 'sample')} of the base", "expected"),
        Column("base", f"{result.m} new samples of the base solve", "percent"),
        Column("tuned", f"{counted(result.m, 'sample')} of the tuned model solve", "percent"),
        Column("excess", "Difference, points", "points"),
    )
    cells = tuple(Cell.of(estimate) for estimate in (result.unsolved, result.base, result.tuned, result.excess))
    note = "The expansion rate (arXiv:2510.11653) less what a new draw of the base would solve anyway. "
    return Panel(columns, (PanelRow(cells),), note + basis(result))


REDRAWN = Measure(
    name="redrawn",
    title="Problems that the base left unsolved",
    explanation="What share of the problems that the base left unsolved is solved within as many samples again.",
    source="MATH-Beyond, arXiv:2510.11653, with the floor it lacks",
    unit="comparison",
    rank=42,
    needs=("two samples",),
    compute=_redrawn,
    panel=_panel,
)
MEASURES = (REDRAWN,)
