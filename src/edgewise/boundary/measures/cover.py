"""Cover(tau): the share of problems that one sample solves with probability at least tau."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from edgewise.boundary.inference.means import mean_interval
from edgewise.boundary.inference.resampling import BOOTSTRAP, Bootstrap
from edgewise.boundary.measures.panel import Column, Panel, PanelRow, Series, basis
from edgewise.boundary.measures.population import fitted_prior
from edgewise.boundary.measures.registry import Arm, Measure, Terms
from edgewise.boundary.measures.reliability import ROUNDING, check_tau
from edgewise.core.errors import InputError
from edgewise.outcomes.counts import Counts, FloatArray

# The prior of Cover(tau) where no population could be fitted: a, b, and no mass at 0.
JEFFREYS = (0.5, 0.5, 0.0)
# Where an audit reads Cover(tau).
TAUS = tuple(round(0.05 * step, 2) for step in range(1, 21))


@dataclass(frozen=True, eq=False)
class Cover:
    """Cover(tau): the share of problems that a sample solves with probability at least tau.

    `value_H` is the mean over problems of the posterior probability that p >= tau, with its
    pointwise interval over new problems, the prior held fixed. The prior has mass
    `prior_zero` at p = 0 and is Beta(`prior_a`, `prior_b`) otherwise. `plug_in_H` is the share of
    problems with c/n >= tau, which is biased where many rates lie near tau. `n` is the smallest
    number of samples of a problem.
    """

    tau_H: FloatArray
    value_H: FloatArray
    low_H: FloatArray
    high_H: FloatArray
    plug_in_H: FloatArray
    prior_a: float
    prior_b: float
    prior_zero: float
    n: int
    problems: int
    bootstrap: Bootstrap


def cover(
    counts: Counts,
    taus: Sequence[float],
    prior: tuple[float, float, float] = JEFFREYS,
    *,
    bootstrap: Bootstrap = BOOTSTRAP,
) -> Cover:
    """The posterior expected share of problems solved with probability at least tau, for each tau.

    `prior` is (a, b, mass at p = 0): Jeffreys' by default; a population fitted to the same kind of
    problems is better, and tells a problem that is never solved from one that is rarely solved.
    pass@k is the integral of k (1-tau)^(k-1) Cover(tau) over tau, so that large k sees only tau near
    1/k while Cover shows every rate.

    Source: Cover@tau (arXiv:2510.08325), here with a posterior in place of its thresholded c/n.

    Raises InputError for a tau outside [0, 1] or a prior that is none.
    """
    tau_H, (a, b, zero) = check_tau(taus), prior
    if not (a > 0 and b > 0 and 0 <= zero <= 1):
        raise InputError(f"prior: {prior}; needed are a > 0, b > 0 and a mass at p = 0 from 0 to 1")
    n_P, c_P = counts.n_P, counts.c_P
    values_PH = special.betaincc((a + c_P)[:, None], (b + n_P - c_P)[:, None], tau_H).astype(np.float64)
    unseen_P = np.exp(special.betaln(a, b + n_P) - special.betaln(a, b))
    never_P = zero / (zero + (1 - zero) * unseen_P)
    values_PH[c_P == 0] *= 1 - never_P[c_P == 0, None]
    values_PH[:, tau_H == 0] = 1.0
    low_H, high_H = mean_interval(values_PH, bootstrap.confidence, (0.0, 1.0), counts.cluster_P)
    return Cover(
        tau_H=tau_H,
        value_H=values_PH.mean(axis=0),
        low_H=low_H,
        high_H=high_H,
        plug_in_H=np.mean(c_P[:, None] >= tau_H * n_P[:, None] - ROUNDING, axis=0),
        prior_a=float(a),
        prior_b=float(b),
        prior_zero=float(zero),
        n=counts.n,
        problems=counts.problems,
        bootstrap=bootstrap,
    )


def _cover(arm: Arm, terms: Terms) -> Cover:
    return cover(arm.counts, TAUS, fitted_prior(arm.counts) or JEFFREYS, bootstrap=terms.bootstrap)


def _cover_panel(result: Cover) -> Panel:
    columns = (
        Column("cover", "Cover(tau)", "percent"),
        Column("plug_in", "Share with c/n of at least tau", "percent"),
    )
    cells = (
        Series("tau", result.tau_H, result.value_H, result.low_H, result.high_H),
        Series("tau", result.tau_H, result.plug_in_H),
    )
    return Panel(columns, (PanelRow(cells),), basis(result))


COVER = Measure(
    name="cover",
    title="Cover(tau)",
    explanation="The share of problems that one sample solves with probability at least tau.",
    source="arXiv:2510.08325, with a posterior in place of c/n",
    unit="model",
    rank=52,
    compute=_cover,
    panel=_cover_panel,
)
MEASURES = (COVER,)
