"""Good-Toulmin extrapolation of pass@k to twice the recorded samples, without a model of the success rates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from edgewise.boundary.inference.estimators import pass_at_k
from edgewise.boundary.inference.means import Estimate, mean_interval
from edgewise.boundary.inference.resampling import BOOTSTRAP, Bootstrap
from edgewise.boundary.measures.panel import Cell, Column, Panel, PanelRow, basis
from edgewise.boundary.measures.registry import Arm, Measure, Terms
from edgewise.core.errors import InputError
from edgewise.outcomes.counts import Counts, FloatArray

# Terms of the alternating series fade out over the first eight: whatever a problem's success rate,
# that moves the expectation by less than 0.0003, while the full series adds the noise of every solved
# problem and goes wrong for rates near 1, where it is far from its Poisson limit.
TERMS = 8
# What pass@n, pass@k and their difference can be for one problem: a term of the series is any number from -1 to 1. Only
# the mean is a probability.
BOUNDS = ((0.0, 1.0), (-1.0, 3.0), (-1.0, 3.0))


@dataclass(frozen=True)
class Extrapolation:
    """What `factor` times the n recorded samples would solve.

    `pass_at_n` is the mean pass@n, `pass_at_k` the mean pass@k predicted at `k` = `factor` n
    (rounded), and `newly_solved` the number of problems that the step from n to k is expected to
    solve. Intervals are bootstrap intervals over problems (or their clusters). `n` is
    the smallest number of samples of a problem.
    """

    k: int
    factor: float
    pass_at_n: Estimate
    pass_at_k: Estimate
    newly_solved: Estimate
    n: int
    problems: int
    bootstrap: Bootstrap


def good_toulmin(counts: Counts, factor: float = 2.0, *, bootstrap: Bootstrap = BOOTSTRAP) -> Extrapolation:
    """Predict pass@k at k = factor n, n being the smallest number of samples of a problem.

    Each problem with c >= 1 correct of n samples adds -(-t)^c to the number of problems that t n
    more samples newly solve; over all problems that is U = -sum over j >= 1 of (-t)^j N_j, where
    N_j problems are solved j times. The terms are weighted by P(Bin(8, 1/2) >= j). A problem with
    more than n samples enters with its own t = k/n_i - 1, and with its unbiased pass@k where it
    has k samples.

    A problem's part is biased by less than 0.15/n + 0.0003 whatever its success rate, at factor 2;
    predictions are NaN for n < 8, where that does not hold. A problem's part may lie outside 0 to 1;
    only the mean and the ends of its interval are cut, to between pass@n and 1. Above factor 2 the
    terms grow without bound.

    Sources: Good and Toulmin (1956); for the weights Efron and Thisted (1976) and Orlitsky et al.
    (arXiv:1511.07428).

    Raises InputError for a factor outside (1, 2].
    """
    if not 1 < factor <= 2:
        raise InputError(f"factor: {factor}; above 1 and at most 2 is needed, for the series holds no further")
    n, k = counts.n, round(factor * counts.n)
    now_P = pass_at_k(counts.n_P, counts.c_P, n)
    recorded_P = pass_at_k(counts.n_P, counts.c_P, k)
    later_P = np.where(np.isnan(recorded_P), _solved_later(counts, k), recorded_P)
    if n < TERMS:
        later_P = np.full_like(later_P, np.nan)
    values_PK = np.column_stack([now_P, later_P, later_P - now_P])
    ends = [
        mean_interval(values_PK[:, [column]], bootstrap.confidence, bounds, counts.cluster_P)
        for column, bounds in enumerate(BOUNDS)
    ]
    low_K, high_K = (np.concatenate(end) for end in zip(*ends, strict=True))

    mean_K, unsolved = values_PK.mean(axis=0), 1 - now_P.mean()
    floor_K, ceiling_K = np.array([0.0, now_P.mean(), 0.0]), np.array([1.0, 1.0, unsolved])
    mean_K = np.clip(mean_K, floor_K, ceiling_K)
    low_K, high_K = np.clip(low_K, 0.0, mean_K), np.clip(high_K, mean_K, 1.0)
    now, later, new = (Estimate(*map(float, ends)) for ends in zip(mean_K, low_K, high_K, strict=True))
    return Extrapolation(
        k=k,
        factor=factor,
        pass_at_n=now,
        pass_at_k=later,
        newly_solved=Estimate(*(counts.problems * share for share in (new.value, new.low, new.high))),
        n=n,
        problems=counts.problems,
        bootstrap=bootstrap,
    )


def _solved_later(counts: Counts, k: int) -> FloatArray:
    """Whether each problem is solved in its samples, plus its part in those that further samples solve."""
    c_P = np.minimum(counts.c_P, TERMS + 1)  # later terms weigh nothing
    t_P = np.clip(k / counts.n_P - 1, 0.0, 1.0)
    series_P = -((-t_P) ** c_P) * stats.binom.sf(c_P - 1, TERMS, 0.5)
    return np.where(c_P > 0, 1 + series_P, 0.0)


def _extrapolation(arm: Arm, terms: Terms) -> Extrapolation:
    return good_toulmin(arm.counts)


def _panel(result: Extrapolation) -> Panel:
    columns = (
        Column("pass_at_n", f"pass@{result.n}", "percent"),
        Column("pass_at_k", f"pass@{result.k}, predicted", "percent"),
        Column("newly_solved", "Newly solved problems", "expected"),
    )
    cells = tuple(Cell.of(estimate) for estimate in (result.pass_at_n, result.pass_at_k, result.newly_solved))
    note = f"Good and Toulmin's estimate presumes no shape and reaches to {result.factor:g}n. "
    return Panel(columns, (PanelRow(cells),), note + basis(result))


EXTRAPOLATION = Measure(
    name="extrapolation",
    title="Twice the samples",
    explanation="What twice as many samples would solve, without presuming how success rates are spread.",
    source="Good and Toulmin 1956, smoothed",
    unit="model",
    rank=64,
    compute=_extrapolation,
    panel=_panel,
)
MEASURES = (EXTRAPOLATION,)
