"""Estimate the share of groups of rollouts that hold both a correct and a wrong one, and so give RL a signal.

It rests on a population of success rates fitted to the problems of each level, and is resampled with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
import numpy.typing as npt

from edgewise.boundary.inference.betabinomial import Shape, Tally, fit, starts
from edgewise.boundary.inference.means import Estimate
from edgewise.boundary.inference.posterior import Posterior
from edgewise.boundary.inference.resampling import Bootstrap
from edgewise.boundary.measures.population import MISFIT, Population, cells, misfit, resampled_weights, undetermined
from edgewise.outcomes.counts import Counts, FloatArray, IntArray

PriorSource = Literal["level", "all problems", "given", "none"]

# A level with fewer problems borrows the population of all levels.
OWN_POPULATION = 50


@dataclass(frozen=True)
class EdgePrior:
    """The population that posteriors rest on, and where it is from.

    It is fitted to the problems of the level, to all problems, or given; "none" stands for a flat
    prior where no population could be fitted. `misfit_p` is small where the problems' histogram of
    c contradicts the fit (see `Population`), and posteriors with it: nothing is then predicted.
    """

    shape: Shape
    source: PriorSource
    misfit_p: float

    @property
    def misfits(self) -> bool:
        """Whether the counts contradict the population."""
        return self.misfit_p < MISFIT

    @property
    def predicts(self) -> bool:
        """Whether there is a population that the counts do not contradict."""
        return self.source != "none" and not self.misfits


# Where no population can be fitted every rate is as likely as any other.
FLAT = EdgePrior(Shape(0.0, 1.0, 1.0), "none", np.nan)


@dataclass(frozen=True)
class GroupSignal:
    """The share of groups of `rollouts` rollouts that would hold a correct and a wrong one.

    `expected` is the mean over problems under their posteriors; its interval resamples the problems
    of each level (or their clusters) and refits the population each time. NaN where no population
    could be fitted, or the counts contradict it. `unbiased` is the mean of 1 - C(c,N)/C(n,N) - C(n-c,N)/C(n,N), which
    presumes no population and exists for N <= n only (else NaN).
    """

    rollouts: int
    expected: Estimate
    unbiased: Estimate


@dataclass(frozen=True, eq=False)
class Stratum:
    """The problems of one level by distinct (n, c), and the prior of their success rates."""

    counts: Counts
    n_G: IntArray
    c_G: IntArray
    weight_G: FloatArray
    cell_P: npt.NDArray[np.intp]
    prior: EdgePrior

    @classmethod
    def of(cls, counts: Counts, prior: EdgePrior) -> Stratum:
        (n_G, c_G), cell_P = cells(counts.n_P, counts.c_P)
        return cls(counts, n_G, c_G, np.bincount(cell_P).astype(np.float64), cell_P, prior)

    def signal(self, shape: Shape, weight_G: FloatArray, sizes_N: IntArray) -> FloatArray:
        """Mean expected share of groups with signal; NaN without a population that fits."""
        if not self.prior.predicts:
            return np.full(sizes_N.size, np.nan)
        signal_GN = Posterior.of(shape, self.n_G[:, None], self.c_G[:, None]).signal(sizes_N)
        return np.asarray(weight_G @ signal_GN / weight_G.sum())


def stratify(counts: Counts, population: Population | None, bootstrap: Bootstrap) -> list[Stratum]:
    """The problems of each level with the prior of their success rates, levels in order.

    The prior is `population`; where that is None, the one fitted to the problems of the level, or to all problems where
    the level has fewer than 50 or does not determine the fit. `bootstrap` is that of the test for a misfit.
    """
    if population is None:
        pooled = _fitted(counts, "all problems", bootstrap) or FLAT
    else:
        pooled = EdgePrior(population.shape, "given", population.misfit_p)
    strata = []
    for name in np.unique(counts.level).tolist():
        part = counts.select(counts.level == name)
        enough = population is None and part.problems >= OWN_POPULATION
        strata.append(Stratum.of(part, (_fitted(part, "level", bootstrap) if enough else None) or pooled))
    return strata


def redrawn_signal(strata: list[Stratum], sizes_N: IntArray, bootstrap: Bootstrap) -> FloatArray:
    """Each level's share of groups with signal in resamples of its problems, priors fitted again."""
    rng = np.random.default_rng((bootstrap.seed, 42))
    drawn = zip(
        *(resampled_weights(stratum.cell_P, stratum.counts.cluster_P, bootstrap.resamples, rng) for stratum in strata),
        strict=True,
    )
    n_G, c_G = (np.concatenate([getattr(stratum, name) for stratum in strata]) for name in ("n_G", "c_G"))
    borrowed = next((stratum.prior.shape for stratum in strata if stratum.prior.source == "all problems"), None)
    means_LRN = np.empty((len(strata), bootstrap.resamples, sizes_N.size))
    for resample, weights in enumerate(drawn):
        shared = borrowed and _shape(n_G, c_G, np.concatenate(weights), borrowed)
        for at, (stratum, weight_G) in enumerate(zip(strata, weights, strict=True)):
            shape = stratum.prior.shape
            if stratum.prior.source == "all problems" and shared:
                shape = shared
            elif stratum.prior.source == "level":
                shape = _shape(stratum.n_G, stratum.c_G, weight_G, shape)
            means_LRN[at, resample] = stratum.signal(shape, weight_G, sizes_N)
    return means_LRN


def _fitted(counts: Counts, source: PriorSource, bootstrap: Bootstrap) -> EdgePrior | None:
    if undetermined(counts):
        return None
    (n_G, c_G), cell_P = cells(counts.n_P, counts.c_P)
    weight_G = np.bincount(cell_P).astype(np.float64)
    shape = _shape(n_G, c_G, weight_G)
    p_value = misfit(n_G, c_G, weight_G, shape, partial(_shape, near=shape), bootstrap)
    return EdgePrior(shape, source, p_value)


def _shape(n_G: IntArray, c_G: IntArray, weight_G: FloatArray, near: Shape | None = None) -> Shape:
    """The population of these problems, held off the bounds; searched from `near` where that is known."""
    searched = starts(n_G, c_G, weight_G)
    if near is not None:
        searched = [np.array([near.unreached, np.log(near.a), np.log(near.b)])]
    return fit(Tally.of(n_G, c_G, weight_G, shrink=True), searched).shape
