"""Place a problem by the counts of the base (out of reach, edge, in-distribution, undecided) and say why."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from scipy import special

from edgewise.boundary.edge.group_signal import EdgePrior, Stratum
from edgewise.boundary.inference.betabinomial import Shape
from edgewise.boundary.inference.means import Estimate
from edgewise.boundary.inference.posterior import Posterior
from edgewise.outcomes.counts import FloatArray, IntArray

Region = Literal["in-distribution", "edge", "out of reach", "undecided"]

REGIONS: tuple[Region, ...] = ("out of reach", "edge", "in-distribution", "undecided")
UNDECIDED = REGIONS.index("undecided")

# The chance of a correct rollout, or of signal, that "needed" numbers of rollouts are for.
NEEDED = 0.95
# Further samples are counted up to this many times 1/low.
LARGEST_SETTLING = 16


@dataclass(frozen=True)
class EdgeProblem:
    """One problem: what its samples say and whether to train on it.

    `rate` is the posterior mean of the success rate with its equal-tailed interval. The three
    `chance_` fields are the posterior probabilities that it lies below `low` (or is 0), from `low`
    to `high`, and above; `signal` is the expected chance that a group gives signal.
    `rollouts_needed` is the number of rollouts that hold a correct one with probability 0.95 at the
    mean rate, ln 0.05 / ln(1 - rate); None at a mean rate of 0. `samples_to_settle` is how many
    more samples of the base would decide the region with posterior predictive probability
    `threshold`, to the next power of two and counted up to 16/low; 0 where it is decided.
    """

    problem: str
    level: int | str
    n: int
    c: int
    region: Region
    rate: Estimate
    chance_out_of_reach: float
    chance_edge: float
    chance_in_distribution: float
    signal: float
    rollouts_needed: int | None
    samples_to_settle: int
    selected: bool
    reason: str


@dataclass(frozen=True)
class Rule:
    """The bounds and thresholds of `find_edge`; `confidence` is that of the interval of a success rate."""

    rollouts: int
    low: float
    high: float
    threshold: float
    least_signal: float
    confidence: float


def place(stratum: Stratum, rule: Rule) -> list[EdgeProblem]:
    """Place every problem of a level. Problems with the same n and c share all but their names."""
    prior, n_G, c_G = stratum.prior.shape, stratum.n_G, stratum.c_G
    posterior = Posterior.of(prior, n_G, c_G)
    region_G, chance_G3 = regions(posterior, n_G, c_G, rule)
    tails = (1 - rule.confidence) / 2
    rate_G3 = np.stack([posterior.mean(), posterior.quantile(tails), posterior.quantile(1 - tails)], axis=1)
    signal_G = posterior.signal(rule.rollouts)
    patterns = []
    for n, c, at, chances, rate, signal in zip(
        n_G.tolist(), c_G.tolist(), region_G, chance_G3.tolist(), rate_G3.tolist(), signal_G.tolist(), strict=True
    ):
        region = REGIONS[at]
        known = c > 0 or stratum.prior.predicts
        hoped = region == "undecided" and known and signal >= rule.least_signal and chances[2] < rule.threshold
        pattern = EdgeProblem(
            problem="",
            level="",
            n=n,
            c=c,
            region=region,
            rate=Estimate(*rate),
            chance_out_of_reach=chances[0],
            chance_edge=chances[1],
            chance_in_distribution=chances[2],
            signal=signal,
            rollouts_needed=_rollouts_for(rate[0]),
            samples_to_settle=_samples_to_settle(prior, n, c, rule) if region == "undecided" else 0,
            selected=region == "edge" or hoped,
            reason="",
        )
        patterns.append(replace(pattern, reason=_reason(pattern, stratum.prior, rule)))
    counts = stratum.counts
    return [
        replace(patterns[cell], problem=name, level=level)
        for cell, name, level in zip(
            stratum.cell_P.tolist(), counts.problem.tolist(), counts.level.tolist(), strict=True
        )
    ]


def regions(posterior: Posterior, n: IntArray, c: IntArray, rule: Rule) -> tuple[IntArray, FloatArray]:
    """The region of each element (by its number in REGIONS), and the posterior probabilities of the three."""
    below, up_to = posterior.below(rule.low), posterior.below(rule.high)
    chance_3 = np.stack([below, up_to - below, 1 - up_to], axis=-1)
    error = 1 - rule.threshold
    # P(at most c) at either bound, and P(at least c).
    under_low, under_high = (special.bdtr(c, n, bound) <= error for bound in (rule.low, rule.high))
    over_low, over_high = (special.bdtrc(c - 1, n, bound) <= error for bound in (rule.low, rule.high))
    shown_3 = np.stack([under_low, over_low & under_high, over_high], axis=-1)
    sure_3 = shown_3 & (chance_3 >= rule.threshold)
    return np.where(sure_3.any(axis=-1), sure_3.argmax(axis=-1), UNDECIDED), chance_3


def _samples_to_settle(prior: Shape, n: int, c: int, rule: Rule) -> int:
    """The first power of two of further samples that decides the region often enough."""
    now = Posterior.of(prior, n, c)
    predictive = Shape(float(now.zero), float(now.a), float(now.b))
    more = 1
    while more < LARGEST_SETTLING / rule.low:
        correct = c + np.arange(more + 1)
        total = np.full_like(correct, n + more)
        region, _ = regions(Posterior.of(prior, total, correct), total, correct, rule)
        if predictive.histogram(np.array([more]))[0] @ (region != UNDECIDED) >= rule.threshold:
            break
        more *= 2
    return more


def _rollouts_for(rate: float) -> int | None:
    if rate <= 0:
        return None
    return 1 if rate >= NEEDED else math.ceil(math.log(1 - NEEDED) / math.log1p(-rate))


def _reason(problem: EdgeProblem, prior: EdgePrior, rule: Rule) -> str:
    seen = (
        f"{problem.c} of {problem.n} samples are correct, so the success rate is about {problem.rate.value:.2g} "
        f"[{problem.rate.low:.2g}, {problem.rate.high:.2g}]"
    )
    groups = f"groups of {rule.rollouts} rollouts"
    signal = f"{problem.signal:.0%} of {groups} would hold both a correct and a wrong one"
    if problem.region == "edge":
        return f"{seen}, in the edge with probability {problem.chance_edge:.2f}: {signal}."
    if problem.region == "out of reach":
        return (
            f"{seen}, below {rule.low:.2g} with probability {problem.chance_out_of_reach:.2f}: out of reach of "
            f"{groups}, which does not say impossible."
        )
    if problem.region == "in-distribution":
        chance = f"{problem.chance_in_distribution:.2f}"
        return f"{seen}, above {rule.high:.2g} with probability {chance}: the base has it already."
    chances = (
        f"out of reach {problem.chance_out_of_reach:.2f}, edge {problem.chance_edge:.2f}, "
        f"in-distribution {problem.chance_in_distribution:.2f}"
    )
    if max(problem.chance_out_of_reach, problem.chance_edge, problem.chance_in_distribution) >= rule.threshold:
        chances += ", which is more than its own samples show"
    settled = f"{problem.samples_to_settle} more samples would likely settle it"
    if not prior.predicts and not problem.c:
        why = "the fitted population misfits" if prior.misfits else "no population could be fitted to say more"
        return f"{seen}, undecided ({chances}), and {why}; {settled}."
    if problem.selected:
        why = f"selected, as {signal}, at least {rule.least_signal:.0%}"
    elif problem.chance_in_distribution >= rule.threshold:
        why = "not selected, as it is likely in-distribution"
    else:
        why = f"not selected, as {signal}, below {rule.least_signal:.0%}"
    return f"{seen}, undecided ({chances}); {why}; {settled}."
