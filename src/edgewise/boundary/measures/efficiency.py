"""Sampling efficiency: Delta_SE, equivalent budget k_eq, and areas under pass@k."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgewise.boundary.inference.means import SAME, Estimate, units
from edgewise.boundary.inference.resampling import BOOTSTRAP, Bootstrap, bootstrap_means, percentiles, studentised
from edgewise.boundary.inference.supported_k import k_grid, largest_claimable_k
from edgewise.boundary.measures.curves import problem_pass_at_k
from edgewise.boundary.measures.panel import Cell, Column, Panel, PanelRow, basis
from edgewise.boundary.measures.registry import Arm, Measure, Terms
from edgewise.core.errors import InputError
from edgewise.outcomes.counts import Counts, FloatArray, IntArray, require_same_problems


@dataclass(frozen=True)
class Efficiency:
    """Scalars that compare the base's budget of samples with the tuned model's.

    `delta_se` is the sampling-efficiency gap pass@k of the base minus pass@1 of tuned: what k
    samples of the base hold that one sample of tuned does not give yet. `k_eq` is the number of
    samples of the base that reach the tuned model's pass@1: 1 when a single one does, inf when all
    recorded ones do not. `auc_base`, `auc_tuned` and `auc_difference` (tuned minus base) are areas
    under pass@k over log2 k from 1 to k, divided by log2 k: between 0 and 1, the mean height (pass@1
    when k is 1).

    All with paired intervals over new problems. Values that rest on more than `k_limit`
    = n/2 samples are too noisy for claims. `n` is the smallest number of samples of a problem in
    either arm.
    """

    k: int
    delta_se: Estimate
    k_eq: Estimate
    auc_base: Estimate
    auc_tuned: Estimate
    auc_difference: Estimate
    k_limit: int
    n: int
    problems: int
    bootstrap: Bootstrap


def efficiency(
    base: Counts,
    tuned: Counts,
    k: int,
    *,
    bootstrap: Bootstrap = BOOTSTRAP,
) -> Efficiency:
    """Sampling-efficiency gap, budget equivalence and areas under pass@k of two arms.

    The gap is Delta_SE of Yue et al. 2025 (arXiv:2504.13837), with the interval it lacks. For k_eq
    the base's mean curve at the powers of two up to n, and n, is interpolated linearly in log k;
    its interval lies between percentiles over resampled problems (or clusters), in which a resample
    that never reaches the target counts as inf. Areas are trapezoids between the powers of two up to
    k, and k.

    Raises InputError when the arms do not hold the same problems, k < 1, or a problem has fewer than
    k samples.
    """
    require_same_problems(base, tuned)
    n = min(base.n, tuned.n)
    if not 1 <= k <= n:
        raise InputError(f"k: {k}; some problem has {n} samples, so k must be from 1 to that")
    cluster_P = base.cluster_P
    k_K, reach_K = _powers_and(k), _powers_and(base.n)
    base_PK, tuned_PK = problem_pass_at_k(base, k_K), problem_pass_at_k(tuned, k_K)
    auc_PA = np.stack([base_PK @ _heights(k_K), tuned_PK @ _heights(k_K)], axis=1)
    gap_PA = np.stack([base_PK[:, -1] - tuned_PK[:, 0], auc_PA[:, 1] - auc_PA[:, 0]], axis=1)

    def estimates(values_PA: FloatArray, bounds: tuple[float, float]) -> list[Estimate]:
        low, high = studentised(values_PA, bootstrap, bounds, cluster_P)[:2]
        return [Estimate(*map(float, ends)) for ends in zip(values_PA.mean(axis=0), low, high, strict=True)]

    auc_base, auc_tuned = estimates(auc_PA, (0.0, 1.0))
    delta_se, auc_difference = estimates(gap_PA, (-1.0, 1.0))

    curve_PK = np.column_stack([problem_pass_at_k(base, reach_K), tuned_PK[:, 0]])
    means_RK = bootstrap_means(curve_PK, bootstrap, cluster_P)
    k_eq = _equivalent(curve_PK.mean(axis=0)[None, :], reach_K)[0]
    low, high = percentiles(_equivalent(means_RK, reach_K), bootstrap.confidence, units(base.problems, cluster_P))
    return Efficiency(
        k=k,
        delta_se=delta_se,
        k_eq=Estimate(float(k_eq), low, high),
        auc_base=auc_base,
        auc_tuned=auc_tuned,
        auc_difference=auc_difference,
        k_limit=largest_claimable_k(n),
        n=n,
        problems=base.problems,
        bootstrap=bootstrap,
    )


def _powers_and(k: int) -> IntArray:
    return np.array(sorted({*k_grid(k), k}))


def _heights(k_K: IntArray) -> FloatArray:
    """Weights that make the mean height over log k of the trapezoids between values at `k_K`."""
    if len(k_K) == 1:
        return np.ones(1)
    step = np.diff(np.log(k_K))
    weights: FloatArray = (np.append(step, 0) + np.append(0, step)) / (2 * step.sum())
    return weights


def _equivalent(means_RK: FloatArray, k_K: IntArray) -> FloatArray:
    """The k at which each row's curve (all columns but the last) reaches its last column."""
    curve_RK, target_R1 = means_RK[:, :-1], means_RK[:, -1:]
    reached_RK = curve_RK >= target_R1 - SAME
    after_R = np.argmax(reached_RK, axis=1)
    rows_R, before_R = np.arange(len(means_RK)), np.maximum(after_R - 1, 0)
    low_R, high_R = curve_RK[rows_R, before_R], curve_RK[rows_R, after_R]
    # Where the first k suffices there is no step to interpolate.
    share_R = np.where(after_R > 0, (target_R1[:, 0] - low_R) / np.where(high_R > low_R, high_R - low_R, 1.0), 0.0)
    log_K = np.log(k_K)
    equivalent_R = np.exp(log_K[before_R] + share_R * (log_K[after_R] - log_K[before_R]))
    return np.where(reached_RK.any(axis=1), equivalent_R, np.inf)


def _efficiency(base: Arm, tuned: Arm, terms: Terms) -> Efficiency:
    return efficiency(base.counts, tuned.counts, terms.k, bootstrap=terms.bootstrap)


def _panel(result: Efficiency) -> Panel:
    columns = (
        Column("delta_se", "Delta_SE, points", "points"),
        Column("k_eq", "k_eq", "number"),
        Column("auc_base", "Area, base", "percent"),
        Column("auc_tuned", "Area, tuned", "percent"),
        Column("auc_difference", "Area, difference", "points"),
    )
    beyond = f"no claim beyond k = {result.k_limit}" if result.k_eq.high > result.k_limit else ""
    cells = (
        Cell.of(result.delta_se),
        Cell.of(result.k_eq, beyond),
        Cell.of(result.auc_base),
        Cell.of(result.auc_tuned),
        Cell.of(result.auc_difference),
    )
    note = (
        f"At k = {result.k}. {basis(result)} Delta_SE is pass@k of the base minus "
        "pass@1 of the tuned model. k_eq is how many samples of the base reach the tuned model's pass@1. Area is the "
        "mean height of pass@k over log k from 1 to k."
    )
    return Panel(columns, (PanelRow(cells),), note)


EFFICIENCY = Measure(
    name="efficiency",
    title="Efficiency",
    explanation="How many samples of the base one sample of the tuned model is worth.",
    source="Yue et al. 2025, arXiv:2504.13837",
    unit="comparison",
    rank=12,
    compute=_efficiency,
    panel=_panel,
)
MEASURES = (EFFICIENCY,)
