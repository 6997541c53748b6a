"""Power of a test, smallest detectable difference, and the number of problems and samples that a claim needs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy import stats

from edgewise.boundary.inference.estimators import none_at_k
from edgewise.boundary.inference.means import check_confidence, unseen_share
from edgewise.boundary.inference.supported_k import USUAL_SAMPLES_PER_K
from edgewise.core.errors import InputError
from edgewise.outcomes.counts import Counts, FloatArray

# The power that plans aim at, and at which the smallest difference seen is given.
LEAST_POWER = 0.8

# Samples a problem, in multiples of k.
SAMPLES_PER_K_TRIED = (USUAL_SAMPLES_PER_K, 2 * USUAL_SAMPLES_PER_K, 4 * USUAL_SAMPLES_PER_K)

# Success rates of a heavy-tailed benchmark, used where there is no base to take them from.
DEFAULT_BETA = (0.2, 1.5)
QUANTILES = 500


@dataclass(frozen=True)
class Design:
    """A number of problems with `samples` samples of each in each arm, and what it can show.

    `se` is the standard error of Delta pass@k under the alternative, `detectable` the smallest difference
    seen with power 0.8, and `power` the probability that the verdict makes the claim. `draws` is the number of samples
    of both arms together.
    """

    problems: int
    samples: int
    se: float
    detectable: float
    power: float
    draws: int


@dataclass(frozen=True)
class SamplePlan:
    """How many problems and samples it takes to claim a change of mean pass@k by `effect`.

    `alternative` says in words what is assumed to have happened, `population` whose success rates were used,
    and `share` is the share of the problems concerned to which it happened. `designs` is the table over
    numbers of problems and samples; `enough` has for each number of samples the fewest problems that reach
    `power`, and `cheapest` is the one of these with the fewest draws. `certify_draws` is the number of
    held-out samples without success that show one problem's success rate to be below `certify_rate`.
    """

    k: int
    effect: float
    alternative: str
    population: str
    share: float
    designs: tuple[Design, ...]
    enough: tuple[Design, ...]
    cheapest: Design
    certify_rate: float
    certify_draws: int
    power: float
    alpha: float
    comparisons: int
    confidence: float


def power_at(effect: float, se: float, confidence: float) -> float:
    """Probability that a two-sided normal test at 1 - confidence rejects when the true difference is `effect`.

    Raises InputError for a negative standard error or a confidence outside 0 to 1.
    """
    check_confidence(confidence)
    if not se >= 0:
        raise InputError(f"se: {se}; a standard error is at least 0")
    if se == 0:
        return 1.0 if effect else 1 - confidence
    critical, shift = stats.norm.isf((1 - confidence) / 2), abs(effect) / se
    return float(stats.norm.sf(critical - shift) + stats.norm.sf(critical + shift))


def detectable(se: float, confidence: float, power: float = LEAST_POWER) -> float:
    """The smallest true difference that a two-sided normal test at 1 - confidence rejects with probability `power`.

    (z_{(1+confidence)/2} + z_power) se; rejections in the wrong direction, less than one in 10,000 at the usual
    values of both, are not counted. Raises InputError for a confidence outside 0 to 1 or a power outside 0.5 to 1.
    """
    check_confidence(confidence)
    check_power(power)
    return float(stats.norm.isf((1 - confidence) / 2) + stats.norm.ppf(power)) * se


def standard_error(reach: float, confidence: float) -> float:
    """Standard error of an estimate whose interval at `confidence` reaches `reach` to either side.

    It carries everything the interval does: clusters, few problems, skewness, and columns of one value, whose spread
    in the sample is 0 and whose uncertainty is not.
    """
    check_confidence(confidence)
    return reach / float(stats.norm.isf((1 - confidence) / 2))


def mcnemar_power(base_only: float, tuned_only: float, problems: int, alpha: float = 0.05) -> float:
    """Exact power of the exact two-sided McNemar test, for given shares of discordant problems.

    `base_only` and `tuned_only` are expected numbers of `problems`, such as those of a published table. The
    number of discordant problems is binomial, and how they divide is binomial given their number; the test
    rejects or not in each case. Raises InputError when the numbers are negative or exceed `problems`.
    """
    if not 0 < alpha < 1:
        raise InputError(f"alpha: {alpha}; a number between 0 and 1 is needed, such as 0.05")
    discordant = base_only + tuned_only
    if not (base_only >= 0 and tuned_only >= 0 and 0 <= discordant <= problems):
        raise InputError(f"mcnemar_power: {base_only} and {tuned_only} of {problems} problems; they must fit into them")
    if not discordant:
        return 0.0
    numbers = np.arange(1, problems + 1)
    # The test rejects when the lesser count is at most `most`: twice its lower tail is at most alpha.
    most = stats.binom.ppf(alpha / 2, numbers, 0.5)
    most = np.where(2 * stats.binom.cdf(most, numbers, 0.5) <= alpha, most, most - 1)
    share = base_only / discordant
    rejected = stats.binom.cdf(most, numbers, share) + stats.binom.cdf(most, numbers, 1 - share)
    return float(stats.binom.pmf(numbers, problems, discordant / problems) @ rejected)


def plan_samples(
    base: Counts | None,
    *,
    k: int,
    effect: float,
    alpha: float = 0.05,
    comparisons: int = 1,
    power: float = LEAST_POWER,
    problems: Sequence[int] = (30, 100, 200, 500, 1000, 2000, 5000),
    moved_p: float = 0.05,
    certify_rate: float = 1e-3,
) -> SamplePlan:
    """Plan how many problems and samples are needed until `boundary_verdict` claims a change of `effect`.

    `effect` is the true difference in mean pass@k, tuned minus base. Above 0, the alternative is that a share of
    the problems which the base solves with p below `moved_p` is now solved with p = `moved_p`; below 0, that a
    share of those which it solves with at least `moved_p` is now never solved; all others stay. The share is
    chosen so that mean pass@k moves by `effect`. The base's success rates are the recorded shares c/n of its
    problems, new problems being drawn from these, or Beta(0.2, 1.5) without a base.

    The variance of one problem's difference is exact: the binomial variance of the unbiased pass@k in both arms,
    and the spread over problems. Means over problems are taken to be normal, with the verdict's intervals as much
    wider as few problems and skewness make them. A verdict tests two differences by Holm; the plan takes that of
    pass@k to be tested at half of alpha.

    Raises InputError when an argument is out of range, no sample of the base could be scored, or no share of the
    problems moves pass@k by `effect`.
    """
    alternative = alternative_of(base, k=k, effect=effect, moved_p=moved_p)
    confidence = tested_confidence(alpha, comparisons)
    check_power(power)
    if not problems or min(problems) < 2:
        raise InputError(f"problems: {list(problems)}; numbers of problems, each at least 2, are needed")

    def design(number: int, n: int, sd: float, skewness: float) -> Design:
        se = sd / math.sqrt(number)
        widened = max(
            se * _widening(number, skewness, confidence), standard_error(unseen_share(number, confidence), confidence)
        )
        critical = float(stats.norm.isf((1 - confidence) / 2)) * widened
        claimed = float(stats.norm.cdf((abs(effect) - critical) / se))
        return Design(number, n, se, detectable(widened, confidence), claimed, 2 * number * n)

    def fewest(n: int, sd: float, skewness: float) -> Design:
        number = max(2, math.floor((detectable(sd, confidence, power) / abs(effect)) ** 2))
        while (enough := design(number, n, sd, skewness)).power < power:
            number += 1
        return enough

    designs, enough = [], []
    for n in (factor * k for factor in SAMPLES_PER_K_TRIED):
        spread = alternative.spread(n, k)
        designs += [design(number, n, spread.sd, spread.skewness) for number in problems]
        enough.append(fewest(n, spread.sd, spread.skewness))
    return SamplePlan(
        k=k,
        effect=effect,
        alternative=alternative.words,
        population=alternative.population,
        share=alternative.share,
        designs=tuple(sorted(designs, key=lambda design: (design.problems, design.samples))),
        enough=tuple(enough),
        cheapest=min(enough, key=lambda design: design.draws),
        certify_rate=certify_rate,
        certify_draws=draws_to_certify(certify_rate, alpha / comparisons),
        power=power,
        alpha=alpha,
        comparisons=comparisons,
        confidence=confidence,
    )


def draws_to_certify(rate: float, alpha: float = 0.05, candidates: int = 1) -> int:
    """How many samples without success show a success rate below `rate`, for `candidates` problems at once.

    The smallest n with 1 - (alpha/candidates)^(1/n) < rate: about 3/rate for one problem at alpha = 0.05.
    Where both arms are bounded, count every problem twice. Raises InputError unless rate and alpha lie
    between 0 and 1 and there is a candidate.
    """
    for name, value in (("rate", rate), ("alpha", alpha)):
        if not 0 < value < 1:
            raise InputError(f"{name}: {value}; a number between 0 and 1 is needed")
    if candidates < 1:
        raise InputError(f"candidates: {candidates}; at least 1 is needed")
    return math.floor(math.log(alpha / candidates) / math.log1p(-rate)) + 1


class Spread(NamedTuple):
    """Standard deviation and skewness, over new problems, of the estimated difference; `tuned_noise` is the variance
    that the tuned model's finite samples add to it."""

    sd: float
    skewness: float
    tuned_noise: float


@dataclass(frozen=True, eq=False)
class Alternative:
    """What is assumed to have happened: rates and weights of the base's problems, the weight of those that move, and
    the rate they move to; `share` of those concerned do. `words` and `population` say it for people."""

    p_A: FloatArray
    weight_A: FloatArray
    moved_A: FloatArray
    new_p: float
    share: float
    words: str
    population: str

    def spread(self, n: int, k: int) -> Spread:
        """How the estimated difference of pass@k spreads over problems with n samples in each arm."""
        p_A, moved_A, stay_A = self.p_A, self.moved_A, self.weight_A - self.moved_A
        first_A, second_A, third_A = _moments(p_A, n, k)
        new_1, new_2, new_3 = (float(moment_A[0]) for moment_A in _moments(np.array([self.new_p]), n, k))
        mean = float(moved_A @ (first_A - new_1))
        square = float(moved_A @ (second_A - 2 * first_A * new_1 + new_2))
        square += float(stay_A @ (2 * second_A - 2 * first_A**2))
        # Of problems that stay, the difference is symmetric: its third moment is 0.
        cube = float(moved_A @ (third_A - 3 * second_A * new_1 + 3 * first_A * new_2 - new_3))
        variance = square - mean**2
        noise = float(moved_A.sum() * (new_2 - new_1**2) + stay_A @ (second_A - first_A**2))
        return Spread(math.sqrt(variance), (cube - 3 * mean * square + 2 * mean**3) / variance**1.5, noise)


def alternative_of(base: Counts | None, *, k: int, effect: float, moved_p: float) -> Alternative:
    """The alternative that `plan_samples` describes. InputError where no share of the problems moves pass@k by
    `effect`."""
    if base is not None:
        base.require_scored("base")
    _check(k, effect, moved_p)
    p_A, weight_A = _population(base)
    concerned_A = p_A < moved_p if effect > 0 else p_A >= moved_p
    new_p = moved_p if effect > 0 else 0.0
    change_A = np.where(concerned_A, (1 - p_A) ** k - (1 - new_p) ** k, 0.0)
    most = float(weight_A @ change_A)
    if effect > 0 and not most:
        raise InputError(
            f"effect: {100 * effect:+.1f} points of pass@{k}; the base already solves every problem, each with p of "
            f"at least {p_A.min():.2g}, so none can become solvable; give harder problems"
        )
    share = effect / most if most else math.inf
    if not 0 < share <= 1:
        raise InputError(
            f"effect: {100 * effect:+.1f} points of pass@{k}; in this population the alternative moves it by at most "
            f"{100 * most:+.1f}"
        )
    if effect > 0:
        words = f"of the problems solved with p < {moved_p:g}, {share:.1%} become solvable with p = {moved_p:g}"
    else:
        words = f"of the problems solved with p >= {moved_p:g}, {share:.1%} are never solved any more"
    population = "Beta({}, {})".format(*DEFAULT_BETA) if base is None else f"the base's {base.problems} problems"
    return Alternative(p_A, weight_A, weight_A * np.where(concerned_A, share, 0.0), new_p, share, words, population)


def tested_confidence(alpha: float, comparisons: int) -> float:
    """The confidence at which a plan takes the difference of pass@k to be tested: Holm's first step of two."""
    if not 0 < alpha < 1:
        raise InputError(f"alpha: {alpha}; a number between 0 and 1 is needed, such as 0.05")
    if comparisons < 1:
        raise InputError(f"comparisons: {comparisons}; a family has at least 1 verdict")
    return 1 - alpha / comparisons / 2


def _population(base: Counts | None) -> tuple[FloatArray, FloatArray]:
    """Success rates and their weights."""
    if base is None:
        p_A: FloatArray = stats.beta.ppf((np.arange(QUANTILES) + 0.5) / QUANTILES, *DEFAULT_BETA)
        return p_A, np.full(QUANTILES, 1 / QUANTILES)
    p_A, number_A = np.unique(base.c_P / base.n_P, return_counts=True)
    return p_A, number_A / base.problems


def _widening(problems: int, skewness: float, confidence: float) -> float:
    """How much wider than normal a verdict's interval is expected to be: Student's factor for its spread being
    estimated, and the leading term for the skewness of the mean (Hall 1988, doi:10.1214/aos/1176350933)."""
    tail = (1 - confidence) / 2
    t = float(stats.t.isf(tail, problems - 1))
    return t / float(stats.norm.isf(tail)) * (1 + skewness**2 / problems * (t**4 + 2 * t**2 - 3) / 18)


def _moments(p_A: FloatArray, n: int, k: int) -> FloatArray:
    """First three moments of f_k = C(n-c, k)/C(n, k) for binomial c at each p: shape (3, A)."""
    c = np.arange(n - k + 1)
    f = none_at_k(np.full(c.size, n), c, k)
    return np.asarray((stats.binom.pmf(c, n, p_A[:, None]) @ np.stack([f, f**2, f**3], axis=1)).T)


def _check(k: int, effect: float, moved_p: float) -> None:
    if k < 2:
        raise InputError(f"k: {k}; a claim about the boundary needs k of at least 2")
    if not 0 < abs(effect) < 1:
        raise InputError(f"effect: {effect}; a difference in pass@k between -1 and 1 is needed, such as -0.05")
    if not 0 < moved_p < 1:
        raise InputError(f"moved_p: {moved_p}; a success rate between 0 and 1 is needed, such as 0.05")


def check_power(power: float) -> None:
    """Raise InputError unless 0.5 <= power < 1."""
    if not 0.5 <= power < 1:
        raise InputError(f"power: {power}; a probability from 0.5 to below 1 is needed, such as 0.8")
