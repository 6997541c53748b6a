"""Power of a statement about a recipe: how many training seeds, problems and samples a claim needs, and what one more
of each buys."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import optimize, special, stats

from edgewise.boundary.inference.power import (
    LEAST_POWER,
    Alternative,
    alternative_of,
    check_power,
    tested_confidence,
)
from edgewise.boundary.inference.supported_k import USUAL_SAMPLES_PER_K
from edgewise.boundary.inference.two_way import LEAST_SEEDS, SEEDS_WITHOUT_RESIDUAL, TwoWayMean
from edgewise.core.errors import InputError
from edgewise.outcomes.counts import Counts, FloatArray

# Quantiles of the scatter that few seeds show, over which power is averaged.
QUANTILES = 2000


@dataclass(frozen=True)
class SeedDesign:
    """Numbers of training seeds, problems and samples of each, and what they can show of a recipe.

    `se` is the standard error of Delta pass@k over new problems and new seeds, `detectable` the smallest difference
    that is claimed with power 0.8, `power` the probability that the planned one is, and `draws` the number of samples
    of one base and all seeds together.
    """

    seeds: int
    problems: int
    samples: int
    se: float
    detectable: float
    power: float
    draws: int


@dataclass(frozen=True)
class SeedPlan:
    """How many training seeds it takes to claim a change of mean pass@k by `effect` of a recipe.

    `scatter` is the standard deviation over seeds of the true Delta pass@k. `designs` is the table over seeds and
    problems. `cheapest` is the design of it with the fewest draws that reaches `power`, else the most powerful one;
    `more_seeds`, `more_problems` and `more_samples` are that design with one more of each.
    """

    k: int
    effect: float
    scatter: float
    alternative: str
    population: str
    designs: tuple[SeedDesign, ...]
    cheapest: SeedDesign
    more_seeds: SeedDesign
    more_problems: SeedDesign
    more_samples: SeedDesign
    power: float
    confidence: float


def plan_seeds(
    base: Counts | None,
    *,
    k: int,
    effect: float,
    scatter: float,
    samples: int | None = None,
    alpha: float = 0.05,
    comparisons: int = 1,
    power: float = LEAST_POWER,
    seeds: Sequence[int] = (3, 4, 5, 8, 12),
    problems: Sequence[int] = (30, 100, 200, 500, 1000),
    moved_p: float = 0.05,
) -> SeedPlan:
    """Plan how many training seeds, problems and samples are needed until `recipe_verdict` claims a change of `effect`.

    `effect` is the mean over seeds of Delta pass@k, and `scatter` its standard deviation over seeds, both as shares
    (0.02 is two points). What happens to problems is as in `plan_samples`; one base serves all seeds, and a seed moves
    all problems alike. `samples` of each problem default to 4k. The interval is the two-way one; as the scatter that
    few seeds show is uncertain, power is averaged over what they may show.

    Raises InputError when an argument is out of range, or no share of the problems moves pass@k by `effect`.
    """
    alternative = alternative_of(base, k=k, effect=effect, moved_p=moved_p)
    confidence = tested_confidence(alpha, comparisons)
    check_power(power)
    if not 0 <= scatter < 1:
        raise InputError(f"scatter: {scatter}; a standard deviation of pass@k between 0 and 1 is needed, such as 0.02")
    if not seeds or min(seeds) < LEAST_SEEDS:
        raise InputError(f"seeds: {list(seeds)}; a statement about a recipe needs {LEAST_SEEDS} training seeds or more")
    if not problems or min(problems) < 2:
        raise InputError(f"problems: {list(problems)}; numbers of problems, each at least 2, are needed")
    n = USUAL_SAMPLES_PER_K * k if samples is None else samples
    if n < k:
        raise InputError(f"samples: {n}; pass@{k} needs at least {k} of each problem")

    def design(seeds: int, problems: int, samples: int) -> SeedDesign:
        return _design(alternative, k, effect, scatter, confidence, seeds, problems, samples)

    designs = tuple(design(some, number, n) for number in problems for some in seeds)
    enough = [one for one in designs if one.power >= power]
    cheapest = min(enough, key=lambda one: one.draws) if enough else max(designs, key=lambda one: one.power)
    some, number = cheapest.seeds, cheapest.problems
    return SeedPlan(
        k=k,
        effect=effect,
        scatter=scatter,
        alternative=alternative.words,
        population=alternative.population,
        designs=designs,
        cheapest=cheapest,
        more_seeds=design(some + 1, number, n),
        more_problems=design(some, number + 1, n),
        more_samples=design(some, number, n + 1),
        power=power,
        confidence=confidence,
    )


def power_over_seeds(
    effect: float,
    *,
    seeds: int,
    problems: int,
    problem_sd: float,
    residual_sd: float,
    scatter: float,
    confidence: float,
) -> float:
    """Probability that the two-way interval at `confidence` leaves out 0 when the true mean is `effect`.

    `problem_sd` is the standard deviation over problems of what is common to all seeds, `residual_sd` that of a problem
    at one seed beyond it, and `scatter` that of the seeds. Everything is taken to be normal.
    """
    problem, residual = problem_sd**2 / problems, residual_sd**2 / (problems * seeds)
    of_seeds = scatter**2 / seeds
    se = math.sqrt(problem + residual + of_seeds)
    if se == 0:
        return 1.0 if effect else 0.0
    # What the mean square of the seeds may be, over its expectation.
    ratio_Q = special.chdtri(seeds - 1, (np.arange(QUANTILES) + 0.5) / QUANTILES) / (seeds - 1)
    seed_Q: FloatArray = (of_seeds + residual) * ratio_Q
    if seeds >= SEEDS_WITHOUT_RESIDUAL:
        seed_Q = np.maximum(seed_Q - residual, 0.0)
    t_problems, t_seeds = (-float(special.stdtrit(df, (1 - confidence) / 2)) for df in (problems - 1, seeds - 1))
    reach_Q = np.sqrt(t_problems**2 * (problem + residual) + t_seeds**2 * seed_Q)
    return float(np.mean(special.ndtr((abs(effect) - reach_Q) / se) + special.ndtr((-abs(effect) - reach_Q) / se)))


def scatter_interval(measured: TwoWayMean, confidence: float = 0.95) -> tuple[float, float]:
    """Between what the standard deviation over new training seeds lies, by the few that there are.

    (R-1) s^2 / chi^2 of the seeds' means, which holds where runs scatter normally. InputError with fewer than two
    seeds.
    """
    if measured.seeds < 2:
        raise InputError("seeds: 1 training seed; how seeds scatter needs at least 2")
    df = measured.seeds - 1
    square = df * measured.scatter**2
    low, high = (square / float(stats.chi2.ppf(share, df)) for share in ((1 + confidence) / 2, (1 - confidence) / 2))
    return math.sqrt(low), math.sqrt(high)


def _design(
    alternative: Alternative,
    k: int,
    effect: float,
    scatter: float,
    confidence: float,
    seeds: int,
    problems: int,
    samples: int,
) -> SeedDesign:
    spread = alternative.spread(samples, k)
    problem_sd = math.sqrt(max(spread.sd**2 - spread.tuned_noise, 0.0))
    residual_sd = math.sqrt(spread.tuned_noise)

    def claimed(effect: float) -> float:
        return power_over_seeds(
            effect,
            seeds=seeds,
            problems=problems,
            problem_sd=problem_sd,
            residual_sd=residual_sd,
            scatter=scatter,
            confidence=confidence,
        )

    se = math.sqrt(problem_sd**2 / problems + residual_sd**2 / (problems * seeds) + scatter**2 / seeds)
    detectable = optimize.brentq(lambda effect: claimed(effect) - LEAST_POWER, 0.0, 100 * se) if se else 0.0
    return SeedDesign(
        seeds, problems, samples, se, float(detectable), claimed(effect), (seeds + 1) * problems * samples
    )
