"""Fit a law to points, with profile-likelihood intervals and training seeds as the unit: the same for every law."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy import optimize, stats

from edgewise.boundary.inference.means import Estimate, check_confidence
from edgewise.core.errors import InputError
from edgewise.outcomes.counts import FloatArray
from edgewise.scaling.law import Law, least_squares
from edgewise.scaling.points import Points

# A fit whose residuals are of this size, relative to the values, is exact up to rounding.
_EXACT = 1e-9
# Steps that grow by the factor; together they pass any bound.
_PROFILE_STEPS, _GROWTH = 60, 1.6


@dataclass(frozen=True, eq=False)
class LawFit:
    """A law with its fitted parameters.

    `estimates` has each parameter with its profile interval. With several seeds its width is that of the scatter
    between seeds (`unit` is "seed"); with one it is the scatter of the points around the curve (`unit` is "point"),
    which says nothing of another seed. An end that the points leave open (`open_ends`) is the bound of a reward, and 0
    or infinite for what is above 0.

    `over_seeds` has the mean of the fits of each seed alone (of logarithms, where the parameter is a scale or an
    exponent) with its Student interval, and is empty with one seed. `by_seed` has those fits.

    `scatter` is the standard deviation of the points around the curve; `autocorrelation` the correlation of
    neighbouring residuals within a seed, which is large where the law does not have the shape of the curve.
    """

    law: Law
    theta: FloatArray
    estimates: Mapping[str, Estimate]
    over_seeds: Mapping[str, Estimate]
    by_seed: Mapping[int, Mapping[str, float]]
    held: tuple[str, ...]
    sse: float
    scatter: float
    autocorrelation: float
    unit: str
    points: int
    seeds: int
    confidence: float
    open_ends: Mapping[str, tuple[bool, bool]]

    def predict(self, x_N: FloatArray) -> FloatArray:
        """The fitted curve."""
        return self.law.value(self.theta, x_N)


def fit_law(
    law: Law,
    points: Points,
    held: Mapping[str, float] | None = None,
    *,
    confidence: float = 0.95,
    intervals: bool = True,
) -> LawFit:
    """Fit by least squares; `held` gives parameters that are known. Without `intervals` these are NaN, which is fast.

    The interval of a parameter ends where the sum of squares, minimised over all others, has risen by t^2 v. With one
    seed t is Student's quantile for N - p points, and v their variance around the curve, times (1+r)/(1-r) where
    neighbouring residuals have a correlation r > 0. With S seeds t has S - 1 degrees of freedom, and v is what makes
    the curvature of the sum of squares that of the sandwich variance over seeds: the vertical adjustment of Chandler
    and Bate (2007, Inference for clustered data using the independence loglikelihood, Biometrika 94:167-183). Where all
    seeds have the same x and the law is linear this is exactly Student's interval over the fits of each seed.

    Raises InputError with fewer distinct x than parameters and one more, and where y does not change.
    """
    check_confidence(confidence)
    fixed = law.inside(held or {})
    free = [place for place in range(len(law.parameters)) if place not in fixed]
    _check(law, points, len(free))
    theta, sse = least_squares(law, points, fixed, law.starts(points, fixed))
    residual_N = points.y_N - law.value(theta, points.x_N)
    spare = len(points.x_N) - len(free)
    correlation = _autocorrelation(points, residual_N)
    count = len(points.seeds)
    if count > 1:
        variance_F, unit = _between_seeds(law, points, theta, residual_N, free), "seed"
        critical = float(stats.t.ppf((1 + confidence) / 2, count - 1)) ** 2
    else:
        inflated = sse / spare * (1 + max(correlation, 0.0)) / (1 - max(correlation, 0.0))
        variance_F, unit = np.full(len(free), inflated), "point"
        critical = float(stats.t.ppf((1 + confidence) / 2, spare)) ** 2
    exact = sse <= len(points.x_N) * (_EXACT * np.abs(points.y_N).max()) ** 2
    estimates, open_ends = {}, {}
    for place, name in enumerate(law.parameters):
        value = law.shown(place, theta[place])
        if place in fixed or exact or not intervals:
            end = value if intervals or place in fixed else np.nan
            estimates[name], open_ends[name] = Estimate(value, end, end), (False, False)
            continue
        rise = critical * float(variance_F[free.index(place)])
        ends = [_end(law, points, fixed, theta, sse, place, rise, side) for side in (-1, 1)]
        estimates[name] = Estimate(value, *(_shown_end(law, place, *end) for end in ends))
        open_ends[name] = (ends[0][1], ends[1][1])
    by_seed = _fits_by_seed(law, points, fixed, len(free)) if intervals and count > 1 else {}
    return LawFit(
        law=law,
        theta=theta,
        estimates=estimates,
        over_seeds=_over_seeds(law, by_seed, fixed, confidence),
        by_seed={seed: _shown(law, of_seed) for seed, of_seed in by_seed.items()},
        held=tuple(held or ()),
        sse=sse,
        scatter=float(np.sqrt(sse / spare)),
        autocorrelation=correlation,
        unit=unit,
        points=len(points.x_N),
        seeds=count,
        confidence=confidence,
        open_ends=open_ends,
    )


def _check(law: Law, points: Points, free: int) -> None:
    distinct = len(np.unique(points.x_N))
    if distinct < free + 1:
        raise InputError(
            f"{points.x}: {distinct} different values; the {law.name} has {free} parameters to fit and needs "
            f"{free + 1} or more"
        )
    if np.ptp(points.y_N) == 0:
        raise InputError(f"{points.y}: {points.y_N[0]:g} at every point; a law needs a curve that changes")


def _between_seeds(law: Law, points: Points, theta: FloatArray, residual_N: FloatArray, free: list[int]) -> FloatArray:
    """For each free parameter, the variance over seeds by the sandwich, over the curvature of the sum of squares."""
    jacobian_NF = law.jacobian(theta, points.x_N)[:, free]
    score_SF = np.array([jacobian_NF[points.seed_N == s].T @ residual_N[points.seed_N == s] for s in points.seeds])
    count = len(points.seeds)
    # A parameter at its bound does not vary with the seeds, unless it is asked for.
    at_bound_F = [law.is_bound(place, theta[place]) for place in free]
    variance_F = np.zeros(len(free))
    for at in range(len(free)):
        kept = [other for other in range(len(free)) if other == at or not at_bound_F[other]]
        inverse = np.linalg.pinv(jacobian_NF[:, kept].T @ jacobian_NF[:, kept])
        mine = kept.index(at)
        along_S = score_SF[:, kept] @ inverse[mine]
        robust = float(np.square(along_S - along_S.mean()).sum()) * count / (count - 1)
        variance_F[at] = robust / inverse[mine, mine] if inverse[mine, mine] > 0 else 0.0
    return variance_F


def _end(
    law: Law,
    points: Points,
    fixed: Mapping[int, float],
    theta: FloatArray,
    sse: float,
    place: int,
    rise: float,
    side: int,
) -> tuple[float, bool]:
    """Where the profile of a parameter has risen by `rise` on one side, and whether it does not up to the bound."""
    bound = float((law.upper if side > 0 else law.lower)[place])
    top = float(theta[place])
    last = theta
    # A value that was searched before is not searched again from elsewhere, where another minimum may be found.
    known = {top: -rise}

    def excess(value: float) -> float:
        nonlocal last
        if value not in known:
            at = {**fixed, place: value}
            moved = last.copy()
            moved[place] = value
            last, least = least_squares(law, points, at, [moved, *law.starts(points, at)[:1]])
            known[value] = least - sse - rise
        return known[value]

    if law.is_bound(place, top) and abs(bound - top) < 1e-3:
        return bound, True
    curvature = float(np.square(law.jacobian(theta, points.x_N)[:, place]).sum())
    step = min(max(np.sqrt(rise / curvature) if curvature > 0 else np.inf, 1e-9), abs(bound - top))
    inner, outer = top, top
    for _ in range(_PROFILE_STEPS):
        inner, outer = outer, top + side * step
        if abs(outer - top) >= abs(bound - top):
            outer = bound
        if excess(outer) > 0:
            return float(optimize.brentq(excess, inner, outer, xtol=1e-6, rtol=1e-4)), False
        if outer == bound:
            break
        step *= _GROWTH
    return bound, True


def _shown_end(law: Law, place: int, end: float, is_open: bool) -> float:
    if is_open and law.parameters[place] in law.logged:
        return np.inf if end == law.upper[place] else 0.0
    return law.shown(place, end)


def _fits_by_seed(law: Law, points: Points, fixed: Mapping[int, float], free: int) -> dict[int, FloatArray]:
    """The parameters of each seed alone; InputError names a seed that has too few points."""
    fits = {}
    for seed in points.seeds:
        alone = points.of_seed(seed)
        try:
            _check(law, alone, free)
        except InputError as error:
            raise InputError(f"seed {seed}: {error}") from None
        fits[seed] = least_squares(law, alone, fixed, law.starts(alone, fixed))[0]
    return fits


def _over_seeds(
    law: Law, by_seed: Mapping[int, FloatArray], fixed: Mapping[int, float], confidence: float
) -> dict[str, Estimate]:
    if not by_seed:
        return {}
    theta_SF = np.array(list(by_seed.values()))
    mean_F, sd_F = theta_SF.mean(axis=0), theta_SF.std(axis=0, ddof=1)
    reach_F = stats.t.ppf((1 + confidence) / 2, len(theta_SF) - 1) * sd_F / np.sqrt(len(theta_SF))
    ends_3F = np.clip([mean_F, mean_F - reach_F, mean_F + reach_F], law.lower, law.upper)
    return {
        name: Estimate(*(law.shown(place, end) for end in ends_3F[:, place]))
        for place, name in enumerate(law.parameters)
        if place not in fixed
    }


def _shown(law: Law, theta: FloatArray) -> dict[str, float]:
    return {name: law.shown(place, theta[place]) for place, name in enumerate(law.parameters)}


def _autocorrelation(points: Points, residual_N: FloatArray) -> float:
    """Correlation of neighbouring residuals within seeds, in order of x; 0 where there is none to see."""
    products, squares = 0.0, float(np.square(residual_N).sum())
    for seed in points.seeds:
        mine_N = points.seed_N == seed
        own = residual_N[mine_N][np.argsort(points.x_N[mine_N], kind="stable")]
        products += float(own[1:] @ own[:-1])
    return min(products / squares, 0.99) if squares > 0 else 0.0
