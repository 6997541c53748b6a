"""Power law of repeated sampling, -log pass@k ~ c k^-b: how pass@k approaches 1, and whether it does.

Each problem alone fails exponentially, (1-p)^k; a power law over problems is the left tail of their success rates: it
holds exactly if the density of p near 0 is ~ p^(b-1) (Schaeffer et al., arXiv:2502.17578). The exponent is therefore
taken from the beta-binomial fitted to the raw counts by maximum likelihood (Kazdan et al., arXiv:2510.05197), which
`boundary.fit_population` does. The line through log(-log pass@k) against log k, as first published (Large Language
Monkeys, arXiv:2407.21787), stands beside it: its points are dependent and of unequal variance, and no interval follows
from its residuals; here it has one over resampled problems.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgewise.boundary.inference.estimators import pass_at_k
from edgewise.boundary.inference.means import Estimate
from edgewise.boundary.inference.resampling import REFITS, Bootstrap, percentiles
from edgewise.boundary.measures.population import Population, fit_population
from edgewise.core.errors import InputError
from edgewise.outcomes.counts import Counts, FloatArray, IntArray

# The line is fitted up to this share of the samples, and scored at all of them.
_FITTED_SHARE = 1 / 8
# At a smaller p-value there is a share of problems that is reached never, or far more rarely than once in n.
_LEVELS_OFF = 0.05


@dataclass(frozen=True, eq=False)
class RepeatedSampling:
    """The tail exponent of repeated sampling, with what makes it a law or not.

    `exponent` is b by maximum likelihood (the `a` of `population`), with its profile interval over problems.
    `line_exponent` and `line_scale` are those of the published regression over `k_K`, where mean pass@k is
    `pass_at_k_K`, with percentile intervals over resampled problems. `line_error` is how far the line fitted up to n/8
    is off at pass@n (observed less predicted); NaN where too few k lie below. `refusal` says why no law is stated.
    """

    exponent: Estimate
    line_exponent: Estimate
    line_scale: Estimate
    line_error: float
    k_K: IntArray
    pass_at_k_K: FloatArray
    population: Population
    n: int
    problems: int
    refusal: str


def fit_repeated_sampling(counts: Counts, *, bootstrap: Bootstrap = REFITS) -> RepeatedSampling:
    """Fit the power law of repeated sampling to the counts (n, c) of each problem.

    pass@k is computed for k up to the smallest n. Raises InputError with one problem, fewer than four samples of
    some problem, no correct sample, and none that is wrong.
    """
    n = int(counts.n_P.min())
    if counts.problems < 2 or n < 4:
        raise InputError(
            f"n: {counts.problems} problems, the fewest samples are {n}; 2 problems and 4 samples are needed"
        )
    if not counts.c_P.any() or (counts.c_P == counts.n_P).all():
        raise InputError(f"c: {'no' if not counts.c_P.any() else 'every'} sample is correct; a law needs some of both")
    k_K = np.unique(np.append(2 ** np.arange(int(np.log2(n)) + 1), n)).astype(np.int64)
    pass_PK = np.stack([pass_at_k(counts.n_P, counts.c_P, np.full_like(counts.n_P, k)) for k in k_K], axis=1)
    rng = np.random.default_rng((bootstrap.seed, 41))
    drawn = rng.multinomial(counts.problems, np.full(counts.problems, 1 / counts.problems), bootstrap.resamples)
    lines_R2 = np.array([_line(k_K, pass_K) for pass_K in drawn @ pass_PK / counts.problems])
    scale, exponent = _line(k_K, pass_PK.mean(axis=0))
    intervals = [
        percentiles(lines_R[np.isfinite(lines_R)], bootstrap.confidence, counts.problems) for lines_R in lines_R2.T
    ]
    population = fit_population(counts, bootstrap=bootstrap)
    return RepeatedSampling(
        exponent=population.a,
        line_exponent=Estimate(exponent, *intervals[1]),
        line_scale=Estimate(scale, *intervals[0]),
        line_error=_error_at_end(k_K, pass_PK.mean(axis=0), int(np.searchsorted(k_K, n * _FITTED_SHARE, "right"))),
        k_K=k_K,
        pass_at_k_K=pass_PK.mean(axis=0),
        population=population,
        n=n,
        problems=counts.problems,
        refusal=_refusal(population),
    )


def _line(k_K: IntArray, pass_K: FloatArray) -> tuple[float, float]:
    """c and b of -log pass@k = c k^-b by least squares of logarithms; NaN where fewer than two k lie inside 0 to 1."""
    inside_K = (pass_K > 0) & (pass_K < 1)
    if inside_K.sum() < 2:
        return np.nan, np.nan
    slope, intercept = np.polyfit(np.log(k_K[inside_K]), np.log(-np.log(pass_K[inside_K])), 1)
    return float(np.exp(intercept)), float(-slope)


def _error_at_end(k_K: IntArray, pass_K: FloatArray, fitted: int) -> float:
    """Observed less predicted at the last k, by the line through the first `fitted` ones."""
    scale, exponent = _line(k_K[:fitted], pass_K[:fitted])
    return float(pass_K[-1] - np.exp(-scale * float(k_K[-1]) ** -exponent))


def _refusal(population: Population) -> str:
    if population.concern:
        return f"No law is stated: {population.concern[:1].lower()}{population.concern[1:]}"
    if population.zero_inflation_p < _LEVELS_OFF:
        share = population.unreached.value
        return (
            f"No law is stated: {100 * share:.0f}% of the problems are reached never, or far more rarely than once in "
            "n, so pass@k levels off below 1."
        )
    return ""
