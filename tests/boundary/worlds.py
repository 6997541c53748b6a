"""Worlds of success rates to place problems in, and populations of any shape."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from edgewise.boundary.inference.means import Estimate
from edgewise.boundary.inference.resampling import Bootstrap
from edgewise.boundary.measures.population import Population, fit_population
from edgewise.outcomes.counts import Counts, FloatArray

World = Callable[[np.random.Generator, int], FloatArray]


def zero_inflated(rng: np.random.Generator, problems: int) -> FloatArray:
    return rng.beta(0.4, 3, problems) * (rng.random(problems) >= 0.25)


def bimodal(rng: np.random.Generator, problems: int) -> FloatArray:
    return np.where(rng.random(problems) < 0.5, rng.beta(1, 60, problems), rng.beta(20, 4, problems))


def clustered_at_the_edge(rng: np.random.Generator, problems: int) -> FloatArray:
    return rng.beta(6, 60, problems)


def just_out_of_reach(rng: np.random.Generator, problems: int) -> FloatArray:
    return np.where(rng.random(problems) < 0.5, 0.004, 0.3)


def population(unreached: float, a: float, b: float) -> Population:
    """A population of this shape, whatever any counts say."""
    found = fit_population(Counts.of(8, [0, 1, 2, 4]), bootstrap=Bootstrap(1))
    parts = [Estimate(value, value, value) for value in (unreached, a, b)]
    return replace(found, unreached=parts[0], a=parts[1], b=parts[2])


def signal(p: FloatArray, rollouts: int) -> FloatArray:
    return np.asarray(1 - p**rollouts - (1 - p) ** rollouts)
