"""Find the problems that RL can learn from, by the counts of the base alone, before compute is spent.

A group of N rollouts of a problem with success rate p teaches only if it holds both a correct and
a wrong one, which happens with probability 1 - p^N - (1-p)^N. "Out of reach" is always of so many
rollouts.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from edgewise.boundary.edge.group_signal import EdgePrior, GroupSignal, Stratum, redrawn_signal, stratify
from edgewise.boundary.edge.placing import NEEDED, REGIONS, EdgeProblem, Region, Rule, place, regions
from edgewise.boundary.inference.estimators import none_at_k, pass_at_k
from edgewise.boundary.inference.means import Estimate, mean_interval, units
from edgewise.boundary.inference.posterior import Posterior
from edgewise.boundary.inference.resampling import REFITS, Bootstrap, percentiles
from edgewise.boundary.inference.supported_k import usual_k
from edgewise.boundary.measures.population import Population
from edgewise.core.errors import InputError
from edgewise.outcomes.counts import Counts, FloatArray, IntArray

# A problem is in reach when one group in ten or more holds a correct rollout: 29 visits then show
# one with probability 0.95, and published runs visit each problem 19 to 58 times (150 to 450 steps
# of 256 prompts over 2,000 problems; Yue et al., arXiv:2504.13837).
LEAST_SIGNAL = 0.1
# At one half a sample is as likely right as wrong; above it the majority is right already and
# training makes surer what the base can do.
HIGH = 0.5
# Sizes of groups that the share with signal is given for.
GROUPS = (2, 4, 8, 16, 32, 64, 128, 256)
LARGEST_GROUP = 2**20


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
    is `threshold` or more, and its own samples reject the rates beyond the region's bounds at confidence
    1 - `threshold` each (exact binomial tests), which holds whatever the population; else it is
    undecided. So a problem never solved is never called edge, and one is called out of reach only
    after ln(1 - threshold)/ln(1 - low) samples. `n` is the smallest number of samples of a problem,
    `bootstrap` says how intervals were made.
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
    bootstrap: Bootstrap


def find_edge(
    counts: Counts,
    *,
    rollouts: int = 16,
    population: Population | None = None,
    low: float | None = None,
    high: float = HIGH,
    threshold: float = 0.8,
    least_signal: float = LEAST_SIGNAL,
    bootstrap: Bootstrap = REFITS,
) -> Edge:
    """Place every problem in a region, and estimate how many groups of `rollouts` rollouts would give signal.

    `low` defaults to 1 - (1 - 0.1)^(1/N), the rate at which one group in ten holds a correct
    rollout. Posteriors are empirical-Bayes under a zero-inflated beta-binomial fitted to the
    problem's level, or to all problems where the level has fewer than 50 or does not determine the
    fit, or under `population` where given. They take the prior as known. Where the counts contradict it
    (`EdgePrior.misfits`), it predicts no signal; the binomial tests of the regions and the unbiased signal stand.

    Selected are edge problems, and undecided ones with an expected chance of signal of at least
    `least_signal` unless they are in-distribution with posterior probability `threshold`; where no
    population could be fitted, or it misfits, only those of them that were solved.

    Raises InputError for rollouts < 2, 0 < low < high < 1 violated, a threshold outside (0.5, 1), or counts without a
    single scored sample.
    """
    counts.require_scored("counts")
    if rollouts < 2:
        raise InputError(f"rollouts: {rollouts}; a group needs at least 2 to give signal")
    low = 1 - (1 - LEAST_SIGNAL) ** (1 / rollouts) if low is None else low
    if not 0 < low < high < 1:
        raise InputError(f"low, high: {low:.4g}, {high:.4g}; 0 < low < high < 1 is needed")
    if not 0.5 < threshold < 1:
        raise InputError(f"threshold: {threshold}; above 0.5 and below 1 is needed, such as 0.8")
    rule = Rule(rollouts, low, high, threshold, least_signal, bootstrap.confidence)
    sizes_N = np.array(sorted({*GROUPS, rollouts}))

    strata = stratify(counts, population, bootstrap)
    means_LRN = redrawn_signal(strata, sizes_N, bootstrap)
    share_L = np.array([stratum.counts.problems for stratum in strata]) / counts.problems
    placed = [place(stratum, rule) for stratum in strata]
    k = usual_k(counts.n)
    levels = [
        _level(problems[0].level, stratum.counts, problems, k, sizes_N, means_RN, [stratum], rule, bootstrap)
        for stratum, problems, means_RN in zip(strata, placed, means_LRN, strict=True)
    ]
    everything = sorted((problem for problems in placed for problem in problems), key=lambda problem: problem.problem)
    means_RN = np.tensordot(share_L, means_LRN, 1)
    return Edge(
        problems=tuple(everything),
        levels=tuple(levels),
        overall=_level(None, counts, everything, k, sizes_N, means_RN, strata, rule, bootstrap),
        rollouts=rollouts,
        low=low,
        high=high,
        threshold=threshold,
        least_signal=least_signal,
        n=counts.n,
        bootstrap=bootstrap,
    )


def _level(
    name: int | str | None,
    counts: Counts,
    problems: list[EdgeProblem],
    k: int,
    sizes_N: IntArray,
    means_RN: FloatArray,
    strata: list[Stratum],
    rule: Rule,
    bootstrap: Bootstrap,
) -> EdgeLevel:
    n_P1, c_P1 = counts.n_P[:, None], counts.c_P[:, None]
    pass_P2 = pass_at_k(n_P1, c_P1, np.array([1, k]))
    headroom_P1 = pass_P2[:, 1:] - pass_P2[:, :1] + (0.0 if k > 1 else np.nan)
    unbiased_PN = 1 - none_at_k(n_P1, c_P1, sizes_N) - none_at_k(n_P1, n_P1 - c_P1, sizes_N)
    values_PK = np.concatenate([pass_P2, headroom_P1, c_P1 == 0, unbiased_PN], axis=1)
    intervals = mean_interval(values_PK, rule.confidence, (0.0, 1.0), counts.cluster_P)
    observed = [Estimate(*map(float, ends)) for ends in zip(values_PK.mean(axis=0), *intervals, strict=True)]

    expected_N = np.zeros(sizes_N.size)
    for stratum in strata:
        signal_N = stratum.signal(stratum.prior.shape, stratum.weight_G, sizes_N)
        expected_N += signal_N * stratum.counts.problems / counts.problems
    count = units(counts.problems, counts.cluster_P)
    expected = [
        Estimate(float(value), *percentiles(means_R, rule.confidence, count))
        for value, means_R in zip(expected_N, means_RN.T, strict=True)
    ]
    return EdgeLevel(
        level=name,
        problems=counts.problems,
        regions={region: sum(problem.region == region for problem in problems) for region in REGIONS},
        selected=sum(problem.selected for problem in problems),
        k=k,
        pass_at_1=observed[0],
        pass_at_k=observed[1],
        headroom=observed[2],
        unsolved=observed[3],
        signals=tuple(map(GroupSignal, sizes_N.tolist(), expected, observed[4:])),
        rollouts_needed=_group_for(strata, rule),
        samples_to_settle=sum(problem.samples_to_settle for problem in problems),
        prior=strata[0].prior if name is not None else None,
    )


def _group_for(strata: list[Stratum], rule: Rule) -> int | None:
    """The smallest group that gives signal with mean probability NEEDED over the edge problems; None where it cannot
    be told."""
    if any(stratum.prior.misfits for stratum in strata):
        return None
    parts = []
    for stratum in strata:
        posterior = Posterior.of(stratum.prior.shape, stratum.n_G, stratum.c_G)
        edge_G = regions(posterior, stratum.n_G, stratum.c_G, rule)[0] == REGIONS.index("edge")
        if edge_G.any():
            parts.append((posterior.at(edge_G), stratum.weight_G[edge_G]))

    def enough(size: int) -> bool:
        total = sum(weight_G @ posterior.signal(size) for posterior, weight_G in parts)
        return bool(total >= NEEDED * sum(weight_G.sum() for _, weight_G in parts))

    if not parts or not enough(LARGEST_GROUP):
        return None
    return 2 + bisect_left(range(2, LARGEST_GROUP + 1), True, key=enough)
