"""Fit the distribution of success rates over problems and predict pass@k from it.

The fit is what pass@k beyond the recorded samples rests on; `backtest` says how far to trust it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from edgewise.boundary.inference.betabinomial import Fit, Shape, Tally, fit, fit_both, profile_interval, starts
from edgewise.boundary.inference.means import Estimate, units
from edgewise.boundary.inference.resampling import REFITS, Bootstrap, percentiles
from edgewise.boundary.inference.supported_k import k_grid
from edgewise.boundary.measures.panel import Cell, Column, Panel, PanelRow, Series, basis
from edgewise.boundary.measures.registry import Arm, Measure, Terms
from edgewise.core.errors import InputError
from edgewise.outcomes.counts import Counts, FloatArray, IntArray

# As far as a prediction is drawn, in multiples of n.
REACH = 64
# The expected problems that a bin of the chi-square needs, and the bins without which three fitted
# parameters leave nothing to check.
BIN_PROBLEMS, LEAST_BINS = 5, 5
# At a smaller p-value the counts contradict the fitted shape, and it predicts nothing. Seen from 100 refits on.
MISFIT = 0.01
# Distinct n times largest n beyond which the check of the histogram would take minutes.
CHECKED_CELLS = 1_000_000
MISFITS = "The counts contradict this shape, so it predicts nothing."
# Twice a log-likelihood gained that is no more than the search leaves open.
SAME_FIT = 1e-6
# Three parameters need three samples of some problem, and more problems than three.
LEAST_SAMPLES, LEAST_PROBLEMS = 3, 4


@dataclass(frozen=True)
class BetaBinomial:
    """The plain beta-binomial: every problem's success rate is drawn from Beta(a, b)."""

    a: float
    b: float
    log_likelihood: float

    def pass_at_k(self, k: int) -> float:
        """Expected pass@k of a problem: 1 - B(a, b+k)/B(a, b)."""
        return Shape(0.0, self.a, self.b).pass_at_k(k)


@dataclass(frozen=True, eq=False)
class Population:
    """The zero-inflated beta-binomial fitted to the counts of many problems.

    A share `unreached` (pi0) of problems is solved never or far more rarely than once in n
    samples. The data cannot tell which, for pi0 is identified only by samples of problems never
    solved: it proves no problem impossible. The success rates of all others follow
    Beta(`a`, `b`); `a` is the exponent of the left tail, P(p < x) ~ x^a. Intervals are
    profile-likelihood intervals that take problems as independent; an end that the data
    leave open is 0, 1 or infinite.

    `plain` is the beta-binomial without the point mass, `likelihood_ratio` twice the
    log-likelihood that it lacks, and `zero_inflation_p` the p-value of that under the even mixture
    of chi-squares with 0 and 1 degrees of freedom that holds at the boundary pi0 = 0.

    `misfit_p` is the parametric-bootstrap p-value of a chi-square between the histogram of c and
    the fitted one, small where the population has another shape. NaN when there are too few
    problems for five bins, or too many distinct n.

    `predicted_K` is pass@k at `k_K` (powers of two up to 64 n), with the bootstrap interval over
    problems (or their clusters) from `low_K` to `high_K`, the fit being repeated in every resample.
    Value and interval presume the shape; beyond 2n nothing else supports them. They are NaN where the counts
    contradict the shape (`misfit_p` below 0.01) or determine none.

    `converged` is False where the counts do not determine the parameters. `concern` says why, or that the shape does
    not fit.
    """

    unreached: Estimate
    a: Estimate
    b: Estimate
    log_likelihood: float
    plain: BetaBinomial
    likelihood_ratio: float
    zero_inflation_p: float
    misfit_p: float
    k_K: IntArray
    predicted_K: FloatArray
    low_K: FloatArray
    high_K: FloatArray
    converged: bool
    concern: str
    n: int
    problems: int
    bootstrap: Bootstrap

    @property
    def shape(self) -> Shape:
        """The fitted parameters without their intervals."""
        return Shape(self.unreached.value, self.a.value, self.b.value)

    def pass_at_k(self, k: int) -> float:
        """Expected pass@k of a problem of this population: (1 - pi0) (1 - B(a, b+k)/B(a, b)).

        Raises InputError when k < 1.
        """
        if k < 1:
            raise InputError(f"k: {k} samples; k starts at 1")
        return self.shape.pass_at_k(k)


def fit_population(counts: Counts, *, bootstrap: Bootstrap = REFITS) -> Population:
    """Fit a zero-inflated beta-binomial to (n, c) of every problem by maximum likelihood.

    Problems may have different n, as long as the samples did not decide it. No counts make it
    fail: where they do not determine the parameters, `converged` is False.

    Sources: Kazdan et al. (arXiv:2510.05197) for the beta-binomial by maximum likelihood on raw
    counts; Schaeffer et al. (arXiv:2502.17578) for the left tail that governs pass@k at large k;
    Self and Liang (1987) for the test at the boundary.
    """
    (n_G, c_G), cell_P = cells(counts.n_P, counts.c_P)
    weight_G = np.bincount(cell_P).astype(np.float64)
    tally = Tally.of(n_G, c_G, weight_G)
    best, plain = fit_both(tally, starts(n_G, c_G, weight_G))
    unreached, a, b = (
        Estimate(value, *profile_interval(tally, best, parameter, bootstrap.confidence))
        for parameter, value in enumerate(best.shape)
    )
    ratio = 2 * (best.log_likelihood - plain.log_likelihood)
    ratio = ratio if ratio > SAME_FIT else 0.0
    nothing_known = undetermined(counts)
    open_end = nothing_known or unfinished(best)

    k_K = np.array(k_grid(REACH * counts.n))

    def refit(n_G: IntArray, c_G: IntArray, weight_G: FloatArray) -> Shape:
        return fit(Tally.of(n_G, c_G, weight_G), [best.theta]).shape

    drawn = resampled_weights(
        cell_P, counts.cluster_P, bootstrap.resamples, np.random.default_rng((bootstrap.seed, 40))
    )
    predicted_RK = np.array([_curve(refit(n_G, c_G, one_G), k_K) for one_G in drawn])
    count = units(counts.problems, counts.cluster_P)
    ends_K2 = np.array([percentiles(predicted_R, bootstrap.confidence, count) for predicted_R in predicted_RK.T])
    misfit_p = misfit(n_G, c_G, weight_G, best.shape, refit, bootstrap)
    known = np.nan if nothing_known or misfit_p < MISFIT else 1.0
    return Population(
        unreached=unreached,
        a=a,
        b=b,
        log_likelihood=best.log_likelihood + tally.constant,
        plain=BetaBinomial(plain.shape.a, plain.shape.b, plain.log_likelihood + tally.constant),
        likelihood_ratio=ratio,
        zero_inflation_p=float(stats.chi2.sf(ratio, 1) / 2) if ratio > 0 else 1.0,
        misfit_p=misfit_p,
        k_K=k_K,
        predicted_K=known * _curve(best.shape, k_K),
        low_K=known * ends_K2[:, 0],
        high_K=known * ends_K2[:, 1],
        converged=not open_end,
        concern=open_end or (MISFITS if misfit_p < MISFIT else ""),
        n=counts.n,
        problems=counts.problems,
        bootstrap=bootstrap,
    )


def fitted_prior(counts: Counts) -> tuple[float, float, float] | None:
    """a, b and the share at 0 of the population fitted to `counts`; None where they do not determine it."""
    (n_G, c_G), cell_P = cells(counts.n_P, counts.c_P)
    weight_G = np.bincount(cell_P).astype(np.float64)
    best, _ = fit_both(Tally.of(n_G, c_G, weight_G), starts(n_G, c_G, weight_G))
    if undetermined(counts) or unfinished(best):
        return None
    unreached, a, b = best.shape
    return a, b, unreached


def cells(*columns_P: IntArray) -> tuple[IntArray, npt.NDArray[np.intp]]:
    """The distinct rows of the columns, one a column of the result, and which of them each problem has."""
    code_P = np.zeros_like(columns_P[0])
    for column_P in columns_P:
        values, at_P = np.unique(column_P, return_inverse=True)
        code_P = np.unique(code_P * values.size + at_P, return_inverse=True)[1]
    first_G = np.unique(code_P, return_index=True)[1]
    return np.stack(columns_P)[:, first_G], code_P


def resampled_weights(
    cell_P: npt.NDArray[np.intp], cluster_P: IntArray | None, resamples: int, rng: np.random.Generator
) -> Iterator[FloatArray]:
    """How many problems of each cell a resample of the problems (or of their clusters) holds."""
    problems = cell_P.size
    if cluster_P is None:
        share_G = np.bincount(cell_P) / problems
        for _ in range(resamples):
            yield rng.multinomial(problems, share_G).astype(np.float64)
    else:
        unit_P = np.unique(cluster_P, return_inverse=True)[1]
        count = int(unit_P.max()) + 1
        for _ in range(resamples):
            drawn = np.bincount(rng.integers(count, size=count), minlength=count)
            yield np.bincount(cell_P, weights=drawn[unit_P]).astype(np.float64)


def undetermined(counts: Counts) -> str:
    """Why the counts cannot determine a population; "" where they can."""
    if not counts.c_P.any():
        return "No sample is correct, so nothing tells rare from never."
    if (counts.c_P == counts.n_P).all():
        return "Every sample is correct, so nothing tells how rare a failure is."
    if counts.problems < LEAST_PROBLEMS:
        return f"There are fewer than {LEAST_PROBLEMS} problems for three parameters."
    if counts.n_P.max() < LEAST_SAMPLES:
        return f"No problem has {LEAST_SAMPLES} samples, which three parameters need."
    return ""


def unfinished(best: Fit) -> str:
    """Why a fit is not a maximum with finite parameters; "" where it is."""
    if not best.converged:
        return "The search for the maximum of the likelihood did not end."
    if best.at_bound:
        return "The solved problems' rates cannot be told from one rate for all, or from 0 and 1 alone."
    return ""


def misfit(
    n_G: IntArray,
    c_G: IntArray,
    weight_G: FloatArray,
    shape: Shape,
    refit: Callable[[IntArray, IntArray, FloatArray], Shape],
    bootstrap: Bootstrap,
) -> float:
    """Bootstrap p-value of a chi-square between the histogram of c and the one that `shape` expects.

    `refit` found `shape` and is applied to every set of counts drawn from it. NaN with fewer than
    five bins of five expected problems, or too many distinct n.
    """
    n_N = np.unique(n_G)
    if n_N.size * n_N[-1] > CHECKED_CELLS:
        return np.nan
    problems_N = np.bincount(np.searchsorted(n_N, n_G), weights=weight_G)
    share_NC = shape.histogram(n_N)
    bin_C = (problems_N @ share_NC).cumsum() // BIN_PROBLEMS
    bin_C = np.unique(np.minimum(bin_C, bin_C[-1] - 1), return_inverse=True)[1]
    if bin_C[-1] + 1 < LEAST_BINS:
        return np.nan

    def distance(weight_C: FloatArray, shape: Shape) -> float:
        seen, expected = (
            np.bincount(bin_C, weights=number_C) for number_C in (weight_C, problems_N @ shape.histogram(n_N))
        )
        return float(((seen - expected) ** 2 / np.maximum(expected, 1e-9)).sum())

    rng = np.random.default_rng((bootstrap.seed, 41))
    observed = distance(np.bincount(c_G, weight_G, bin_C.size).astype(np.float64), shape)
    as_far = 1
    for _ in range(bootstrap.resamples):
        drawn_NC = rng.multinomial(problems_N.astype(np.int64), share_NC)
        row, c = np.nonzero(drawn_NC)
        again = refit(n_N[row], c, drawn_NC[row, c].astype(np.float64))
        as_far += distance(drawn_NC.sum(axis=0).astype(np.float64), again) >= observed
    return as_far / (bootstrap.resamples + 1)


def _curve(shape: Shape, k_K: IntArray) -> FloatArray:
    return np.array([shape.pass_at_k(k) for k in k_K])


def _population(arm: Arm, terms: Terms) -> Population:
    return fit_population(arm.counts, bootstrap=terms.refits)


def _population_panel(result: Population) -> Panel:
    columns = (
        Column("unreached", "Share not reached, pi0", "percent"),
        Column("a", "a", "number"),
        Column("b", "b", "number"),
        Column("zero_inflation_p", "p that pi0 = 0", "p"),
        Column("misfit_p", "p that the shape fits", "p"),
        Column("predicted", "Predicted pass@k", "percent"),
    )
    cells = (
        Cell.of(result.unreached, result.concern),
        Cell.of(result.a),
        Cell.of(result.b),
        Cell(result.zero_inflation_p),
        Cell(result.misfit_p),
        Series("k", result.k_K, result.predicted_K, result.low_K, result.high_K),
    )
    note = (
        f"{basis(result)} Profile-likelihood intervals. Where the shape fits with p below {MISFIT}, nothing is "
        "predicted. pi0 cannot tell a problem that is impossible from one far rarer than 1/n."
    )
    return Panel(columns, (PanelRow(cells),), note)


POPULATION = Measure(
    name="population",
    title="The population of problems",
    explanation="A zero-inflated beta-binomial fitted to the counts: a share of problems that is not reached, and a "
    "spread of success rates for the others.",
    source="Kazdan et al. 2025, arXiv:2510.05197, with a mass at 0",
    unit="model",
    rank=60,
    compute=_population,
    panel=_population_panel,
    slow=True,
)
MEASURES = (POPULATION,)
