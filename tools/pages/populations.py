"""Populations of success rates and what tuning may do to them: the planted truths of docs/calibration.md."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import special

from edgewise.outcomes.counts import FloatArray, IntArray

CLUSTER = 5
# Problems that are drawn for the mean of a population where it has no formula.
MANY = 1_000_000


@dataclass(frozen=True)
class Population:
    """Success rates of problems: shares of Beta(a, b), the rest 0; in clusters of equal rates."""

    name: str
    shape: str
    betas: tuple[tuple[float, float, float], ...]
    cluster: int = 1

    def draw(self, problems: int, rng: np.random.Generator) -> tuple[FloatArray, IntArray | None]:
        """Rates and cluster numbers of new problems."""
        cluster_P = np.arange(problems) // self.cluster
        units = int(cluster_P[-1]) + 1
        chosen_U, rate_U = rng.random(units), np.zeros(units)
        before = 0.0
        for share, a, b in self.betas:
            of_part_U = (before <= chosen_U) & (chosen_U < before + share)
            rate_U[of_part_U] = rng.beta(a, b, int(of_part_U.sum()))
            before += share
        return rate_U[cluster_P], cluster_P if self.cluster > 1 else None

    def pass_at(self, k_K: IntArray) -> FloatArray:
        """Mean pass@k over all problems of the population."""
        parts = [share * (1 - np.exp(special.betaln(a, b + k_K) - special.betaln(a, b))) for share, a, b in self.betas]
        return np.asarray(sum(parts))


HEAVY = Population("heavy-tailed", "Beta(0.2, 1.5)", ((1.0, 0.2, 1.5),))
MATH = Population("MATH-like", "Beta(0.55, 0.5)", ((1.0, 0.55, 0.5),))
GSM = Population("GSM-like", "Beta(2, 0.5)", ((1.0, 2.0, 0.5),))
AIME = Population("AIME-like", "20% at 0, Beta(0.25, 1.2)", ((0.8, 0.25, 1.2),))
RARE = Population("near 0.02", "Beta(20, 980)", ((1.0, 20.0, 980.0),))
BIMODAL = Population("bimodal", "45% at 0, 45% Beta(60, 1), 10% uniform", ((0.45, 60.0, 1.0), (0.1, 1.0, 1.0)))
INFLATED = Population("zero-inflated", "30% at 0, Beta(0.5, 1.5)", ((0.7, 0.5, 1.5),))
CLUSTERED = Population("clustered", f"templates of {CLUSTER} of one rate, Beta(0.2, 1.5)", ((1.0, 0.2, 1.5),), CLUSTER)
POPULATIONS = (HEAVY, INFLATED, CLUSTERED, MATH, GSM, AIME, RARE, BIMODAL)

# What tuning does to the rates of problems.
Change = Callable[[FloatArray, np.random.Generator], FloatArray]


def tilted(p_P: FloatArray, logits: float) -> FloatArray:
    """Odds of success multiplied by e^logits, as the ideal solution of KL-regularised RL does; 0 and 1 stay."""
    odds = np.exp(logits)
    return np.asarray(p_P * odds / (p_P * odds + 1 - p_P))


def same(p_P: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Nothing changed."""
    return p_P


def crossing(p_P: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Yue et al.: odds times 7.4, and of the problems with p < 0.015 three quarters fall to p/30."""
    lost_P = (p_P < 0.015) & (rng.random(p_P.size) < 0.75)
    return np.where(lost_P, p_P / 30, tilted(p_P, 2.0))


def new_skill(p_P: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Odds times 4.5 where p > 0.1, and 10% of all problems, chosen among p < 0.01, become 0.2."""
    candidates_P = p_P < 0.01
    share = 0.1 / max(candidates_P.mean(), 1e-9)
    return np.where(candidates_P & (rng.random(p_P.size) < share), 0.2, np.where(p_P > 0.1, tilted(p_P, 1.5), p_P))


def lost_beside_gains(p_P: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Odds times 2.7 where p > 0.05, and 5% of the problems are lost wholly."""
    return np.where(rng.random(p_P.size) < 0.05, 0.0, np.where(p_P > 0.05, tilted(p_P, 1.0), p_P))


def rare_lost(p_P: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Problems with p < 0.02 are lost."""
    return np.where(p_P < 0.02, 0.0, p_P)


def distilled(p_P: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Odds times 7.4 everywhere, and half of the problems at 0 become 0.1."""
    return np.where((p_P == 0) & (rng.random(p_P.size) < 0.5), 0.1, tilted(p_P, 2.0))


def slightly_surer(p_P: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Odds times 1.16: about two points of pass@1."""
    return tilted(p_P, 0.15)


def surer(p_P: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Odds times 7.4 everywhere."""
    return tilted(p_P, 2.0)


def colder(p_P: FloatArray, rng: np.random.Generator) -> FloatArray:
    """A lower temperature: p^1.6 / (p^1.6 + (1-p)^1.6)."""
    return np.asarray(p_P**1.6 / (p_P**1.6 + (1 - p_P) ** 1.6))
