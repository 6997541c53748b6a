"""Table of docs/calibration.md: intervals and verdicts of recipes over training seeds, against the planted truth."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import cache, partial
from typing import NamedTuple

import numpy as np
from scipy import special, stats

from edgewise.boundary.inference.two_way import two_way_mean
from edgewise.boundary.measures.solved import SHARES, solved_shares
from edgewise.boundary.verdict.facts import facts_of
from edgewise.boundary.verdict.labels import LABELS, label_of
from edgewise.boundary.verdict.recipe import recipe_evidence, seed_differences
from edgewise.outcomes.counts import Counts, FloatArray
from tools.pages.populations import MATH, tilted

N, K = 16, 4
# Quantiles of success rates and of seeds' effects that the truth is averaged over.
QUANTILES = 2000

Shape = Callable[[FloatArray], FloatArray]


def normal(u_R: FloatArray) -> FloatArray:
    """Runs scatter alike to both sides."""
    return np.asarray(special.ndtri(u_R))


def skewed(u_R: FloatArray) -> FloatArray:
    """Some runs are much worse: of a gamma distribution of shape 4, turned round; skewness -1."""
    return np.asarray(2 - special.gammaincinv(4.0, 1 - u_R) / 2)


def collapsing(u_R: FloatArray) -> FloatArray:
    """A few runs collapse: of an exponential distribution, turned round; skewness -2."""
    return np.asarray(1 + np.log(u_R))


# Distributions of seeds' effects by their quantiles, all of mean 0 and standard deviation 1.
SHAPES: dict[str, Shape] = {"normal": normal, "skewed": skewed, "collapsing": collapsing}
CASES = (
    *(("normal", scatter, problems) for scatter in (0.0, 0.2, 0.4) for problems in (30, 500)),
    *(("skewed", scatter, problems) for scatter in (0.2, 0.4) for problems in (30, 500)),
    *(("collapsing", scatter, 500) for scatter in (0.2, 0.4)),
)


@dataclass(frozen=True)
class Recipe:
    """A recipe that multiplies the odds of all problems by e^x, x of mean 0 and `scatter` over training seeds."""

    shape: str
    scatter: float
    problems: int
    seeds: int


class Trial(NamedTuple):
    """Whether the intervals of Delta pass@1, Delta pass@k, E and S hold the truth, and whether a change is claimed."""

    at_1: bool
    at_k: bool
    expansion: bool
    shrinkage: bool
    changed: bool


@cache
def truth(shape: str, scatter: float) -> tuple[float, float, float, float]:
    """Means over problems and training seeds of Delta pass@1, Delta pass@k, E/T and S/T."""
    u = (np.arange(QUANTILES) + 0.5) / QUANTILES
    ((_, a, b),) = MATH.betas
    p_P = stats.beta.ppf(u, a, b)
    base_P, at_1, new, lost = (1 - p_P) ** K, 0.0, 0.0, 0.0
    for shift in scatter * SHAPES[shape](u[::4]):
        tuned_P = (1 - tilted(p_P, float(shift))) ** K
        at_1 += float((tilted(p_P, float(shift)) - p_P).mean())
        new += float((base_P * (base_P - tuned_P)).mean())
        lost += float(((1 - base_P) * (tuned_P - base_P)).mean())
    count = len(u[::4])
    return at_1 / count, (new - lost) / count, new / count, lost / count


def trial(case: Recipe, seed: int) -> Trial:
    """One base and the tuned models of one recipe's training seeds: what the intervals and the verdict say."""
    rng = np.random.default_rng((seed, case.problems, case.seeds, round(1000 * case.scatter)))
    p_P, _ = MATH.draw(case.problems, rng)
    shifts = case.scatter * SHAPES[case.shape](rng.random(case.seeds))
    base = Counts.of(N, rng.binomial(N, p_P))
    pairs = [(base, Counts.of(N, rng.binomial(N, tilted(p_P, float(shift))))) for shift in shifts]
    differences = seed_differences(pairs, K)
    evidence = recipe_evidence(pairs, differences, K, margin=0.05, level=0.05)
    shares_PKR = np.stack([solved_shares(*pair, K) for pair in pairs], axis=2)
    excesses = [two_way_mean(shares_PKR[:, SHARES.index(name)]) for name in ("excess_expansion", "excess_shrinkage")]
    intervals = [mean.interval(0.95) for mean in (*differences, *excesses)]
    held = [e.low <= true <= e.high for e, true in zip(intervals, truth(case.shape, case.scatter), strict=True)]
    return Trial(held[0], held[1], held[2], held[3], LABELS[label_of(facts_of(evidence))].changed)


def seed_table(pool: Executor, share: float) -> Iterator[str]:
    """The table, from `share` of its runs."""
    yield "## Training seeds\n"
    yield f"""\
A recipe without an effect, whose training seeds scatter: the odds of all problems of the MATH-like population are
multiplied by e^x, and x differs from seed to seed with mean 0. *Scatter* is its standard deviation in logits, and what
that is in points of pass@1 over seeds. *Skewed* runs are now and then much worse (skewness -1). One base, n = {N},
k = {K}. Coverage of the 95% two-way intervals over new problems and new seeds, of E and S too. *False claims* are
verdicts of the recipe that name a change; they may occur in at most 5% of the runs. Three and four seeds are judged
with care, so that coverage is above 95%.

Where a few runs collapse (*collapsing*: skewness -2), most samples of 3 to 8 seeds hold no such run, and the mean that
includes them cannot be known from the others: false claims exceed 5%. No test of so few seeds can prevent this.
"""
    yield "| scatter | points | problems | seeds | runs | pass@1 | pass@k | E | S | false claims |"
    yield "|---|---|---|---|---|---|---|---|---|---|"
    runs = max(10, round(800 * share))
    for shape, scatter, problems in CASES:
        points = _scatter_in_points(shape, scatter)
        for seeds in (3, 5, 8):
            of_run = partial(trial, Recipe(shape, scatter, problems, seeds))
            trials = np.array(list(pool.map(of_run, range(runs), chunksize=25)))
            cells = " | ".join(_percent(float(rate), runs) for rate in trials.mean(axis=0))
            name = f"{shape} {scatter:g}" if scatter else "none"
            yield f"| {name} | {points:.1f} | {problems} | {seeds} | {runs} | {cells} |"


def _scatter_in_points(shape: str, scatter: float) -> float:
    """Standard deviation over seeds of the mean success rate, in points."""
    rng = np.random.default_rng(0)
    p_P, _ = MATH.draw(20_000, rng)
    means = [tilted(p_P, float(shift)).mean() for shift in scatter * SHAPES[shape](rng.random(400))]
    return 100 * float(np.std(means))


def _percent(rate: float, runs: int) -> str:
    """A rate with its standard error; that of one event in `runs` where none or all occurred."""
    seen = min(max(rate, 1 / runs), 1 - 1 / runs)
    return f"{100 * rate:.1f} ± {100 * math.sqrt(seen * (1 - seen) / runs):.1f}%"
