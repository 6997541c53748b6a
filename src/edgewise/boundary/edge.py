"""Find the edge before spending the compute: which problems RL can learn from, by the base's counts alone.

A group of N rollouts of a problem with success rate p teaches only if it holds both a correct and
a wrong one, which happens with probability 1 - p^N - (1-p)^N. "Out of reach" is always of so many
rollouts.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import special

from edgewise.boundary.betabinomial import Shape, Tally, fit, starts
from edgewise.boundary.counts import Counts, FloatArray, IntArray
from edgewise.boundary.curves import k_grid
from edgewise.boundary.estimators import none_at_k, pass_at_k
from edgewise.boundary.population import (
    Population,
    cells,
    check,
    misfit,
    resampled_weights,
    undetermined,
)
from edgewise.boundary.posterior import Posterior
from edgewise.boundary.resampling import Estimate, bootstrap_means, interval, percentiles, units
from edgewise.boundary.verdict import SAMPLES_PER_K
from edgewise.errors import InputError

Region = Literal["in-distribution", "edge", "out of reach", "undecided"]
PriorSource = Literal["level", "all problems", "given", "none"]

REGIONS: tuple[Region, ...] = ("out of reach", "edge", "in-distribution", "undecided")
UNDECIDED = REGIONS.index("undecided")

# A problem is in reach when one group in ten or more holds a correct rollout: 29 visits then show
# one with probability 0.95, and published runs visit each problem 19 to 58 times (150 to 450 steps
# of 256 prompts over 2,000 problems; Yue et al., arXiv:2504.13837).
LEAST_SIGNAL = 0.1
# At one half a sample is as likely right as wrong; above it the majority is right already and
# training makes surer what the base can do.
HIGH = 0.5
# Sizes of groups that the share with signal is given for.
GROUPS = (2, 4, 8, 16, 32, 64, 128, 256)
# A level with fewer problems borrows the population of all levels.
OWN_POPULATION = 50
# The chance of a correct rollout, or of signal, that "needed" numbers of rollouts are for.
NEEDED = 0.95
LARGEST_GROUP = 2**20
# Further samples are counted up to this many times 1/low.
LARGEST_SETTLING = 16
# Resamples of means, which cost little; `resamples` is for those that fit populations again.
MEAN_RESAMPLES = 2000


@dataclass(frozen=True)
class EdgePrior:
    """The population that posteriors rest on, and where it is from.

    It is fitted to the problems of the level, to all problems, or given; "none" stands for a flat
    prior where no population could be fitted. `misfit_p` is small where the problems' histogram of
    c contradicts the fit (see `Population`), and posteriors with it.
    """

    shape: Shape
    source: PriorSource
    misfit_p: float


# Where no population can be fitted every rate is as likely as any other.
FLAT = EdgePrior(Shape(0.0, 1.0, 1.0), "none", np.nan)


@dataclass(frozen=True)
class GroupSignal:
    """The share of groups of `rollouts` rollouts that would hold a correct and a wrong one.

    `expected` is the mean over problems under their posteriors; its interval resamples the problems
    of each level (or their clusters) and refits the population each time. NaN where no population
    could be fitted. `unbiased` is the mean of 1 - C(c,N)/C(n,N) - C(n-c,N)/C(n,N), which
    presumes no population and exists for N <= n only (else NaN).
    """

    rollouts: int
    expected: Estimate
    unbiased: Estimate


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
class EdgeLevel:
    """The problems of one level, or of all (`level` None).

    `regions` counts problems by region, `selected` those to train on. `unsolved` is the share with
    no correct sample. `headroom` is pass@`k` - pass@1 with k the largest power of two up to n/4;
    NaN below 8 samples. `rollouts_needed` is the smallest group that gives signal with mean
    probability 0.95 over the level's edge problems, None where there is none.
    `samples_to_settle` is the sum over undecided problems.

    `prior` is what the posteriors rest on; None for all levels together.
    """

    level: int | str | None
    problems: int
    regions: Mapping[Region, int]
    selected: int
    k: int
    pass_at_1: Estimate
    pass_at_k: Estimate
    headroom: Estimate
    unsolved: Estimate
    signals: tuple[GroupSignal, ...]
    rollouts_needed: int | None
    samples_to_settle: int
    prior: EdgePrior | None


@dataclass(frozen=True)
class Edge:
    """Where the base's edge lies for groups of `rollouts` rollouts.

    Success rates below `low` are out of reach (of so many rollouts), from `low` to `high` the
    edge, above it in-distribution. A problem is placed in a region when its posterior probability
    is `threshold` or more, and its own samples reject the rates beyond the region's bounds at level
    1 - `threshold` each (exact binomial tests), which holds whatever the population; else it is
    undecided. So a problem never solved is never called edge, and one is called out of reach only
    after ln(1 - threshold)/ln(1 - low) samples. `n` is the smallest number of samples of a problem,
    `level` that of the intervals.
    """

    problems: tuple[EdgeProblem, ...]
    levels: tuple[EdgeLevel, ...]
    overall: EdgeLevel
    rollouts: int
    low: float
    high: float
    threshold: float
    least_signal: float
    n: int
    level: float
    resamples: int
    seed: int


def find_edge(
    counts: Counts,
    *,
    rollouts: int = 16,
    population: Population | None = None,
    low: float | None = None,
    high: float = HIGH,
    threshold: float = 0.8,
    least_signal: float = LEAST_SIGNAL,
    level: float = 0.95,
    resamples: int = 200,
    seed: int = 0,
) -> Edge:
    """Place every problem, and say how much signal groups of `rollouts` rollouts would give.

    `low` defaults to 1 - (1 - 0.1)^(1/N), the rate at which one group in ten holds a correct
    rollout. Posteriors are empirical-Bayes under a zero-inflated beta-binomial fitted to the
    problem's level, or to all problems where the level has fewer than 50 or does not determine the
    fit, or under `population` where given. They take the prior as known: where its `misfit_p` is
    small, trust the binomial tests of the regions and the unbiased signal, not the posteriors.

    Selected are edge problems, and undecided ones with an expected chance of signal of at least
    `least_signal` unless they are in-distribution with posterior probability `threshold`; where no
    population could be fitted, only those of them that were solved.

    Raises InputError for rollouts < 2, 0 < low < high < 1 violated, a threshold outside (0.5, 1),
    a bad level, or resamples < 1.
    """
    check(level, resamples)
    if rollouts < 2:
        raise InputError(f"rollouts: {rollouts}; a group needs at least 2 to give signal")
    low = 1 - (1 - LEAST_SIGNAL) ** (1 / rollouts) if low is None else low
    if not 0 < low < high < 1:
        raise InputError(f"low, high: {low:.4g}, {high:.4g}; 0 < low < high < 1 is needed")
    if not 0.5 < threshold < 1:
        raise InputError(f"threshold: {threshold}; above 0.5 and below 1 is needed, such as 0.8")
    rule = _Rule(rollouts, low, high, threshold, least_signal, level, resamples, seed)
    sizes_N = np.array(sorted({*GROUPS, rollouts}))

    if population is None:
        pooled = _fitted(counts, "all problems", rule) or FLAT
    else:
        pooled = EdgePrior(population.shape, "given", population.misfit_p)
    strata = []
    for name in np.unique(counts.level).tolist():
        part = counts.select(counts.level == name)
        enough = population is None and part.problems >= OWN_POPULATION
        strata.append(_Stratum.of(part, (_fitted(part, "level", rule) if enough else None) or pooled))
    means_LRN = _redrawn(strata, sizes_N, rule)
    share_L = np.array([stratum.counts.problems for stratum in strata]) / counts.problems
    placed = [_place(stratum, rule) for stratum in strata]
    k = k_grid(max(1, counts.n // SAMPLES_PER_K))[-1]
    levels = [
        _level(problems[0].level, stratum.counts, problems, k, sizes_N, means_RN, [stratum], rule)
        for stratum, problems, means_RN in zip(strata, placed, means_LRN, strict=True)
    ]
    everything = sorted((one for problems in placed for one in problems), key=lambda one: one.problem)
    means_RN = np.tensordot(share_L, means_LRN, 1)
    return Edge(
        problems=tuple(everything),
        levels=tuple(levels),
        overall=_level(None, counts, everything, k, sizes_N, means_RN, strata, rule),
        rollouts=rollouts,
        low=low,
        high=high,
        threshold=threshold,
        least_signal=least_signal,
        n=counts.n,
        level=level,
        resamples=resamples,
        seed=seed,
    )


@dataclass(frozen=True)
class _Rule:
    rollouts: int
    low: float
    high: float
    threshold: float
    least_signal: float
    level: float
    resamples: int
    seed: int


@dataclass(frozen=True, eq=False)
class _Stratum:
    """The problems of one level by distinct (n, c), and the prior of their success rates."""

    counts: Counts
    n_G: IntArray
    c_G: IntArray
    weight_G: FloatArray
    cell_P: npt.NDArray[np.intp]
    prior: EdgePrior

    @classmethod
    def of(cls, counts: Counts, prior: EdgePrior) -> _Stratum:
        (n_G, c_G), cell_P = cells(counts.n_P, counts.c_P)
        return cls(counts, n_G, c_G, np.bincount(cell_P).astype(np.float64), cell_P, prior)

    def signal(self, shape: Shape, weight_G: FloatArray, sizes_N: IntArray) -> FloatArray:
        """Mean expected share of groups with signal; NaN without a population."""
        if self.prior.source == "none":
            return np.full(sizes_N.size, np.nan)
        signal_GN = Posterior.of(shape, self.n_G[:, None], self.c_G[:, None]).signal(sizes_N)
        return np.asarray(weight_G @ signal_GN / weight_G.sum())


def _fitted(counts: Counts, source: PriorSource, rule: _Rule) -> EdgePrior | None:
    if undetermined(counts):
        return None
    (n_G, c_G), cell_P = cells(counts.n_P, counts.c_P)
    weight_G = np.bincount(cell_P).astype(np.float64)
    shape = _shape(n_G, c_G, weight_G)
    p_value = misfit(n_G, c_G, weight_G, shape, partial(_shape, near=shape), rule.resamples, rule.seed)
    return EdgePrior(shape, source, p_value)


def _shape(n_G: IntArray, c_G: IntArray, weight_G: FloatArray, near: Shape | None = None) -> Shape:
    """The population of these problems, held off the bounds; searched from `near` where that is known."""
    searched = starts(n_G, c_G, weight_G)
    if near is not None:
        searched = [np.array([near.unreached, np.log(near.a), np.log(near.b)])]
    return fit(Tally.of(n_G, c_G, weight_G, shrink=True), searched).shape


def _redrawn(strata: list[_Stratum], sizes_N: IntArray, rule: _Rule) -> FloatArray:
    """Each level's share of groups with signal in resamples of its problems, priors fitted again."""
    rng = np.random.default_rng((rule.seed, 42))
    drawn = zip(
        *(resampled_weights(one.cell_P, one.counts.cluster_P, rule.resamples, rng) for one in strata), strict=True
    )
    n_G, c_G = (np.concatenate([getattr(one, name) for one in strata]) for name in ("n_G", "c_G"))
    borrowed = next((one.prior.shape for one in strata if one.prior.source == "all problems"), None)
    means_LRN = np.empty((len(strata), rule.resamples, sizes_N.size))
    for resample, weights in enumerate(drawn):
        shared = borrowed and _shape(n_G, c_G, np.concatenate(weights), borrowed)
        for at, (one, weight_G) in enumerate(zip(strata, weights, strict=True)):
            shape = one.prior.shape
            if one.prior.source == "all problems" and shared:
                shape = shared
            elif one.prior.source == "level":
                shape = _shape(one.n_G, one.c_G, weight_G, shape)
            means_LRN[at, resample] = one.signal(shape, weight_G, sizes_N)
    return means_LRN


def _place(stratum: _Stratum, rule: _Rule) -> list[EdgeProblem]:
    """Every problem of the level. Problems with the same n and c share all but their names."""
    prior, n_G, c_G = stratum.prior.shape, stratum.n_G, stratum.c_G
    posterior = Posterior.of(prior, n_G, c_G)
    region_G, chance_G3 = _regions(posterior, n_G, c_G, rule)
    tails = (1 - rule.level) / 2
    rate_G3 = np.stack([posterior.mean(), posterior.quantile(tails), posterior.quantile(1 - tails)], axis=1)
    signal_G = posterior.signal(rule.rollouts)
    patterns = []
    for n, c, at, chances, rate, signal in zip(
        n_G.tolist(), c_G.tolist(), region_G, chance_G3.tolist(), rate_G3.tolist(), signal_G.tolist(), strict=True
    ):
        region = REGIONS[at]
        known = c > 0 or stratum.prior.source != "none"
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
        patterns.append(replace(pattern, reason=_reason(pattern, stratum.prior.source, rule)))
    counts = stratum.counts
    return [
        replace(patterns[cell], problem=name, level=level)
        for cell, name, level in zip(
            stratum.cell_P.tolist(), counts.problem.tolist(), counts.level.tolist(), strict=True
        )
    ]


def _regions(posterior: Posterior, n: IntArray, c: IntArray, rule: _Rule) -> tuple[IntArray, FloatArray]:
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


def _samples_to_settle(prior: Shape, n: int, c: int, rule: _Rule) -> int:
    """The first power of two of further samples that decides the region often enough."""
    now = Posterior.of(prior, n, c)
    predictive = Shape(float(now.zero), float(now.a), float(now.b))
    more = 1
    while more < LARGEST_SETTLING / rule.low:
        found = c + np.arange(more + 1)
        total = np.full_like(found, n + more)
        region, _ = _regions(Posterior.of(prior, total, found), total, found, rule)
        if predictive.histogram(np.array([more]))[0] @ (region != UNDECIDED) >= rule.threshold:
            break
        more *= 2
    return more


def _rollouts_for(rate: float) -> int | None:
    if rate <= 0:
        return None
    return 1 if rate >= NEEDED else math.ceil(math.log(1 - NEEDED) / math.log1p(-rate))


def _reason(one: EdgeProblem, source: PriorSource, rule: _Rule) -> str:
    seen = (
        f"{one.c} of {one.n} samples are correct, so the success rate is about {one.rate.value:.2g} "
        f"[{one.rate.low:.2g}, {one.rate.high:.2g}]"
    )
    groups = f"groups of {rule.rollouts} rollouts"
    signal = f"{one.signal:.0%} of {groups} would hold both a correct and a wrong one"
    if one.region == "edge":
        return f"{seen}, in the edge with probability {one.chance_edge:.2f}: {signal}."
    if one.region == "out of reach":
        return (
            f"{seen}, below {rule.low:.2g} with probability {one.chance_out_of_reach:.2f}: out of reach of {groups}, "
            "which does not say impossible."
        )
    if one.region == "in-distribution":
        return (
            f"{seen}, above {rule.high:.2g} with probability {one.chance_in_distribution:.2f}: the base has it already."
        )
    chances = (
        f"out of reach {one.chance_out_of_reach:.2f}, edge {one.chance_edge:.2f}, "
        f"in-distribution {one.chance_in_distribution:.2f}"
    )
    if max(one.chance_out_of_reach, one.chance_edge, one.chance_in_distribution) >= rule.threshold:
        chances += ", which is more than its own samples show"
    settled = f"{one.samples_to_settle} more samples would likely settle it"
    if source == "none" and not one.c:
        return f"{seen}, undecided ({chances}), and no population could be fitted to say more; {settled}."
    if one.selected:
        why = f"selected, as {signal}, at least {rule.least_signal:.0%}"
    elif one.chance_in_distribution >= rule.threshold:
        why = "not selected, as it is likely in-distribution"
    else:
        why = f"not selected, as {signal}, below {rule.least_signal:.0%}"
    return f"{seen}, undecided ({chances}); {why}; {settled}."


def _level(
    name: int | str | None,
    counts: Counts,
    problems: list[EdgeProblem],
    k: int,
    sizes_N: IntArray,
    means_RN: FloatArray,
    strata: list[_Stratum],
    rule: _Rule,
) -> EdgeLevel:
    n_P1, c_P1 = counts.n_P[:, None], counts.c_P[:, None]
    pass_P2 = pass_at_k(n_P1, c_P1, np.array([1, k]))
    headroom_P1 = pass_P2[:, 1:] - pass_P2[:, :1] + (0.0 if k > 1 else np.nan)
    unbiased_PN = 1 - none_at_k(n_P1, c_P1, sizes_N) - none_at_k(n_P1, n_P1 - c_P1, sizes_N)
    values_PK = np.concatenate([pass_P2, headroom_P1, c_P1 == 0, unbiased_PN], axis=1)
    means_RK = bootstrap_means(values_PK, MEAN_RESAMPLES, rule.seed, counts.cluster_P)
    ends = interval(values_PK, means_RK, rule.level, (0.0, 1.0), counts.cluster_P)
    seen = [Estimate(*map(float, one)) for one in zip(values_PK.mean(axis=0), *ends, strict=True)]

    expected_N = np.zeros(sizes_N.size)
    for one in strata:
        expected_N += one.signal(one.prior.shape, one.weight_G, sizes_N) * one.counts.problems / counts.problems
    count = units(counts.problems, counts.cluster_P)
    expected = [
        Estimate(float(value), *percentiles(means_R, rule.level, count))
        for value, means_R in zip(expected_N, means_RN.T, strict=True)
    ]
    return EdgeLevel(
        level=name,
        problems=counts.problems,
        regions={region: sum(one.region == region for one in problems) for region in REGIONS},
        selected=sum(one.selected for one in problems),
        k=k,
        pass_at_1=seen[0],
        pass_at_k=seen[1],
        headroom=seen[2],
        unsolved=seen[3],
        signals=tuple(map(GroupSignal, sizes_N.tolist(), expected, seen[4:])),
        rollouts_needed=_group_for(strata, rule),
        samples_to_settle=sum(one.samples_to_settle for one in problems),
        prior=strata[0].prior if name is not None else None,
    )


def _group_for(strata: list[_Stratum], rule: _Rule) -> int | None:
    """The smallest group that gives signal with mean probability NEEDED over the edge problems."""
    parts = []
    for one in strata:
        posterior = Posterior.of(one.prior.shape, one.n_G, one.c_G)
        edge_G = _regions(posterior, one.n_G, one.c_G, rule)[0] == REGIONS.index("edge")
        if edge_G.any():
            parts.append((posterior.at(edge_G), one.weight_G[edge_G]))

    def enough(size: int) -> bool:
        total = sum(weight_G @ posterior.signal(size) for posterior, weight_G in parts)
        return bool(total >= NEEDED * sum(weight_G.sum() for _, weight_G in parts))

    if not parts or not enough(LARGEST_GROUP):
        return None
    return 2 + bisect_left(range(2, LARGEST_GROUP + 1), True, key=enough)
