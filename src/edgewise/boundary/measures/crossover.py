"""Crossover k*: the k at which the base's pass@k overtakes the tuned model's, with a confidence interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgewise.boundary.inference.means import SAME, Estimate, units
from edgewise.boundary.inference.resampling import BOOTSTRAP, Bootstrap, bootstrap_means, percentiles
from edgewise.boundary.inference.supported_k import k_grid, largest_claimable_k
from edgewise.boundary.measures.curves import paired_difference, problem_pass_at_k
from edgewise.boundary.measures.panel import Cell, Column, Panel, PanelRow, basis
from edgewise.boundary.measures.registry import Arm, Measure, Terms
from edgewise.core.errors import InputError
from edgewise.outcomes.counts import Counts, FloatArray, IntArray


@dataclass(frozen=True, eq=False)
class Crossover:
    """The k at which the base overtakes the tuned model: as a claim, and as an estimate.

    `k_star` is the smallest k of the grid `k_K` at which the simultaneous band of the paired
    difference lies wholly below 0, so that the base is ahead; NaN when there is none. It is a
    claim when `claimable`: k_star is not beyond `k_limit` = n/2.

    `crossing` is the k, interpolated, at which the mean curve of tuned falls below that of the
    base, with its bootstrap interval over problems. It is inf when that does not happen
    within the grid, and the first k of the grid when the base is ahead from there on, so that the
    crossing lies at or below it; both also for the resamples, so an interval that ends at inf, or
    starts at the first k, is open to that side. `crossing_share` is the share of resamples that
    cross within the grid. An end beyond `k_limit` is a description of these samples, not a claim.

    `n` is the smallest number of samples of a problem in either arm.
    """

    k_K: IntArray
    k_star: float
    claimable: bool
    crossing: Estimate
    crossing_share: float
    k_limit: int
    n: int
    problems: int
    bootstrap: Bootstrap


def crossover(
    base: Counts,
    tuned: Counts,
    ks: Sequence[int] | None = None,
    *,
    bootstrap: Bootstrap = BOOTSTRAP,
) -> Crossover:
    """Find the crossover of two pass@k curves on the same problems, with its interval.

    Yue et al. 2025 (arXiv:2504.13837) read it off a figure. Here k_star comes from the max-t band
    of `paired_difference` over the whole grid, so that looking at many k costs nothing in certainty.
    The crossing is the first k at which the mean difference turns from above to below 0, by linear
    interpolation in log k; its interval lies between percentiles over resampled problems (or
    clusters).

    `ks` defaults to the powers of two up to n. Raises InputError for a k beyond n, and as in
    `paired_difference`.
    """
    n = min(base.n, tuned.n)
    difference = paired_difference(base, tuned, k_grid(n) if ks is None else ks, bootstrap=bootstrap)
    k_K = difference.k_K
    if k_K[-1] > n:
        raise InputError(f"ks: {k_K[-1]} is beyond the n = {n} samples of some problem; ks end at n")
    ahead_K = k_K[difference.band_high_K < 0]
    k_star = float(ahead_K[0]) if ahead_K.size else float("nan")

    difference_PK = problem_pass_at_k(tuned, k_K) - problem_pass_at_k(base, k_K)
    means_RK = bootstrap_means(difference_PK, bootstrap, base.cluster_P)
    crossing_R = _crossings(means_RK, k_K)
    low, high = percentiles(crossing_R, bootstrap.confidence, units(base.problems, base.cluster_P))
    return Crossover(
        k_K=k_K,
        k_star=k_star,
        claimable=k_star <= largest_claimable_k(n),
        crossing=Estimate(float(_crossings(difference.value_K[None, :], k_K)[0]), low, high),
        crossing_share=float(np.mean(np.isfinite(crossing_R) & (crossing_R > k_K[0]))),
        k_limit=largest_claimable_k(n),
        n=n,
        problems=base.problems,
        bootstrap=bootstrap,
    )


def crossing_k(base: Counts, tuned: Counts) -> float:
    """The k, interpolated, at which the mean curve of tuned falls below that of the base, without an interval.

    It is `Crossover.crossing`: inf where that does not happen up to n, 1 where the base is ahead from there on.
    """
    k_K = np.array(k_grid(min(base.n, tuned.n)))
    difference_K = (problem_pass_at_k(tuned, k_K) - problem_pass_at_k(base, k_K)).mean(axis=0)
    return float(_crossings(difference_K[None, :], k_K)[0])


def _crossings(difference_RK: FloatArray, k_K: IntArray) -> FloatArray:
    """The first k at which each row turns from above to below 0: the first of `k_K` for a row that
    is below 0 and never above, inf for any other that does not turn."""
    above_RK, below_RK = difference_RK > SAME, difference_RK < -SAME
    falls_RK = np.zeros_like(below_RK)
    falls_RK[:, 1:] = np.logical_or.accumulate(above_RK, axis=1)[:, :-1] & below_RK[:, 1:]
    crossing_R = np.where(below_RK.any(axis=1) & ~above_RK.any(axis=1), float(k_K[0]), np.inf)
    rows = np.flatnonzero(falls_RK.any(axis=1))
    at = np.argmax(falls_RK[rows], axis=1)
    before, after, log_K = difference_RK[rows, at - 1], difference_RK[rows, at], np.log(k_K)
    crossing_R[rows] = np.exp(log_K[at - 1] + before / (before - after) * (log_K[at] - log_K[at - 1]))
    return crossing_R


def _crossover(base: Arm, tuned: Arm, terms: Terms) -> Crossover:
    return crossover(base.counts, tuned.counts, bootstrap=terms.bootstrap)


def _panel(result: Crossover) -> Panel:
    last = int(result.k_K[-1])
    claim = "" if result.claimable or np.isnan(result.k_star) else f"no claim beyond k = {result.k_limit}"
    star = f"at no k up to {last}" if np.isnan(result.k_star) else claim
    crossing = f"not up to k = {last}" if np.isinf(result.crossing.value) else ""
    columns = (
        Column("k_star", "Base ahead for sure from k", "number"),
        Column("crossing", "Curves cross at k", "number"),
        Column("crossing_share", "Resamples that cross", "percent"),
    )
    cells = Cell(result.k_star, beside=star), Cell.of(result.crossing, crossing), Cell(result.crossing_share)
    return Panel(columns, (PanelRow(cells),), basis(result))


CROSSOVER = Measure(
    name="crossover",
    title="Crossover",
    explanation="From which k on the base solves more problems than the tuned model.",
    source="Yue et al. 2025, arXiv:2504.13837",
    unit="comparison",
    rank=10,
    compute=_crossover,
    panel=_panel,
)
MEASURES = (CROSSOVER,)
