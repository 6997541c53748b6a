"""Write docs/calibration.md: how often verdicts are false and intervals miss, in simulations with a known truth.

    python -m tools.pages.calibrate [share]

makes `share` (default 1) of the runs of every table, on two processes; the whole takes about a quarter of an hour.
"""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

from tools.pages import DOCS

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before numpy is imported: one thread a process

import numpy as np
from scipy import special

from edgewise.boundary.inference.power import Design, plan_samples
from edgewise.boundary.inference.resampling import Bootstrap
from edgewise.boundary.inference.supported_k import k_grid, largest_claimable_k
from edgewise.boundary.measures.certificates import certify
from edgewise.boundary.measures.curves import curve, paired_difference
from edgewise.boundary.verdict.labels import LABELS
from edgewise.boundary.verdict.verdict import boundary_verdict
from edgewise.outcomes.counts import Counts, FloatArray, IntArray

PAGE = DOCS / "calibration.md"
RESAMPLES = 1000
CLUSTER = 5
FALSE = tuple(label for label, entry in LABELS.items() if entry.changed)

HEAD = """# Calibration

How often the audit is right on simulated data with a known truth. Success rates are drawn from a population, samples
are binomial, and the claims are compared with the truth. Every rate has its Monte-Carlo standard error. Intervals
come from {resamples} resamples. Written by `make pages PAGES=calibrate`.

Populations of success rates: *heavy-tailed* is Beta(0.2, 1.5). *Zero-inflated* has 30% of the problems at 0 and the
others from Beta(0.5, 1.5). *Clustered* has templates of {cluster} problems that share one rate from Beta(0.2, 1.5), and
the audit is told the clusters.
"""


@dataclass(frozen=True)
class Population:
    """Success rates of problems: a share `zero` of them 0, the others Beta(a, b), in clusters of equal rates."""

    name: str
    a: float = 0.2
    b: float = 1.5
    zero: float = 0.0
    cluster: int = 1

    def draw(self, problems: int, rng: np.random.Generator) -> tuple[FloatArray, IntArray | None]:
        """Rates and cluster numbers of new problems."""
        cluster_P = np.arange(problems) // self.cluster
        units = int(cluster_P[-1]) + 1
        rate_U = np.where(rng.random(units) < self.zero, 0.0, rng.beta(self.a, self.b, units))
        return rate_U[cluster_P], cluster_P if self.cluster > 1 else None

    def pass_at(self, k_K: IntArray) -> FloatArray:
        """Mean pass@k over all problems of the population."""
        none_K = np.exp(special.betaln(self.a, self.b + k_K) - special.betaln(self.a, self.b))
        return np.asarray((1 - self.zero) * (1 - none_K))


POPULATIONS = (
    Population("heavy-tailed"),
    Population("zero-inflated", a=0.5, zero=0.3),
    Population("clustered", cluster=CLUSTER),
)


@dataclass(frozen=True)
class Null:
    """Two draws of the base."""

    population: Population
    problems: int
    n: int


@dataclass(frozen=True)
class Forgetting:
    """A share of the problems (or clusters) is never solved any more."""

    population: Population
    problems: int
    n: int = 64
    share: float = 0.2


@dataclass(frozen=True)
class Planned:
    """The alternative of `plan_samples` with the default population: mean pass@k moves by `effect`."""

    problems: int
    n: int
    effect: float

    @property
    def k(self) -> int:
        return largest_claimable_k(self.n)

    def plan(self) -> tuple[float, Design]:
        """The share of the problems concerned that move, and the design with its predicted power."""
        planned = plan_samples(None, k=self.k, effect=self.effect, problems=[self.problems])
        return planned.share, planned.designs[0]


@dataclass(frozen=True)
class Skill:
    """A fifth of the problems, never solved by the base, is solved with rate 0.05 after tuning, if `planted`."""

    n: int
    planted: bool
    problems: int = 100


@dataclass(frozen=True)
class Sharpening:
    """The odds of every problem that the base solves with at least `least` are multiplied by `factor`; the others
    have rate 0, or the rate they had where `rare` is true, and are then tilted as well."""

    problems: int
    least: float
    factor: float = 8.0
    rare: bool = False


def null_label(case: Null, seed: int) -> str:
    """The verdict on two draws of one model."""
    rng = np.random.default_rng((seed, case.problems, case.n))
    p_P, cluster_P = case.population.draw(case.problems, rng)
    base, tuned = (_sample(p_P, case.n, rng, cluster_P) for _ in range(2))
    return boundary_verdict(base, tuned, resamples=RESAMPLES, seed=seed).label


def coverage(case: Forgetting, seed: int) -> tuple[float, bool, float, bool]:
    """Of the curve: the share of k whose own interval holds the truth, and whether the band holds it at all k; the
    same of the difference."""
    rng = np.random.default_rng((seed, case.problems, case.n))
    p_P, cluster_P = case.population.draw(case.problems, rng)
    unit_P = np.arange(case.problems) if cluster_P is None else cluster_P
    lost_P = (rng.random(case.problems) < case.share)[unit_P]
    base = _sample(p_P, case.n, rng, cluster_P)
    tuned = _sample(np.where(lost_P, 0.0, p_P), case.n, rng, cluster_P)
    ks = k_grid(largest_claimable_k(case.n))
    truth_K = case.population.pass_at(np.array(ks))
    arm = curve(base, ks, bootstrap=Bootstrap(RESAMPLES, seed))
    delta = paired_difference(base, tuned, ks, bootstrap=Bootstrap(RESAMPLES, seed))
    held = []
    for band, true_K in ((arm, truth_K), (delta, -case.share * truth_K)):
        held.append(float(np.mean((band.low_K <= true_K) & (true_K <= band.high_K))))
        held.append(bool(np.all((band.band_low_K <= true_K) & (true_K <= band.band_high_K))))
    return held[0], bool(held[1]), held[2], bool(held[3])


def planned_label(case: Planned, share: float, seed: int) -> str:
    """The verdict when what `plan_samples` assumes has happened."""
    rng = np.random.default_rng((seed, case.problems, case.n))
    p_P, _ = POPULATIONS[0].draw(case.problems, rng)
    moved_P = rng.random(case.problems) < share
    if case.effect > 0:
        tuned_P = np.where(moved_P & (p_P < 0.05), 0.05, p_P)
    else:
        tuned_P = np.where(moved_P & (p_P >= 0.05), 0.0, p_P)
    base, tuned = _sample(p_P, case.n, rng), _sample(tuned_P, case.n, rng)
    return boundary_verdict(base, tuned, k=case.k, resamples=RESAMPLES, seed=seed).label


def certified(case: Skill, seed: int) -> tuple[float, bool, bool]:
    """The share of the planted problems that is certified, whether any other is, and whether the verdict at k = 16
    is extended."""
    rng = np.random.default_rng((seed, case.n))
    p_P, _ = POPULATIONS[0].draw(case.problems, rng)
    planted_P = np.arange(case.problems) < case.problems // 5
    p_P[planted_P] = 0.0
    base = _sample(p_P, case.n, rng)
    tuned = _sample(np.where(planted_P & case.planted, 0.05, p_P), case.n, rng)
    certificates = certify(base, tuned, seed=seed)
    names = set(base.problem[planted_P & case.planted].tolist())
    shown = {certificate.problem for certificate in certificates.expansions}
    false = bool(shown - names) or bool(certificates.shrinkages)
    verdict = boundary_verdict(base, tuned, k=16, resamples=RESAMPLES, seed=seed)
    return len(shown & names) / (case.problems // 5), false, verdict.label == "extended"


def sharpening_label(case: Sharpening, seed: int) -> str:
    """The verdict on a model that is only surer."""
    rng = np.random.default_rng((seed, case.problems))
    p_P, _ = POPULATIONS[0].draw(case.problems, rng)
    if not case.rare:
        p_P = np.where(p_P >= case.least, p_P, 0.0)
    tuned_P = p_P * case.factor / (p_P * case.factor + 1 - p_P)
    base, tuned = _sample(p_P, 64, rng), _sample(tuned_P, 64, rng)
    return boundary_verdict(base, tuned, resamples=RESAMPLES, seed=seed).label


def main(share: float = 1.0) -> None:
    """Write the page; `share` of the runs that each number is made from."""
    with ProcessPoolExecutor(2) as pool:
        lines = [HEAD.format(resamples=RESAMPLES, cluster=CLUSTER)]
        for table in (null_table, coverage_table, planned_table, skill_table, sharpening_table):
            lines += [*table(pool, share), ""]
            print(f"{table.__name__} done", flush=True)
    PAGE.write_text("\n".join(lines).rstrip() + "\n")


def null_table(pool: Executor, share: float) -> Iterator[str]:
    yield "## Base against base\n"
    yield f"""\
Two draws of one model, at 95% confidence. A verdict of {", ".join(FALSE[:-1])} or {FALSE[-1]} is false, and may
occur in at most 5% of the runs. Unchanged is true.
"""
    yield "| population | problems | n | runs | false verdicts | unchanged | cannot tell |"
    yield "|---|---|---|---|---|---|---|"
    for population in POPULATIONS:
        for problems in (30, 100, 500):
            for n in (64, 256):
                labels = _labels(pool, partial(null_label, Null(population, problems, n)), _runs(600, share))
                false = _rate(labels, *FALSE)
                yield (
                    f"| {population.name} | {problems} | {n} | {labels.total()} | {false} |"
                    f" {_rate(labels, 'unchanged')} | {_rate(labels, 'cannot tell')} |"
                )


def coverage_table(pool: Executor, share: float) -> Iterator[str]:
    yield "## Coverage of 95% intervals and bands\n"
    yield """\
pass@k at k = 1, 2, 4, 8 and 16 from n = 64, and its difference after a fifth of the problems (or of the clusters) was
forgotten. Units are problems or clusters. *Alone* is the interval at one k, averaged over k. *Band* is all k at once.
With few units, often none of them had much to lose. Then the data cannot show how large a loss can be.
"""
    yield "| population | problems | units | runs | curve, alone | curve, band | difference, alone | difference, band |"
    yield "|---|---|---|---|---|---|---|---|"
    for population in POPULATIONS:
        for problems in (30, 100, 500):
            runs = _runs(1000, share)
            held = np.array(_map(pool, partial(coverage, Forgetting(population, problems)), runs), dtype=float)
            cells = " | ".join(_percent(float(rate), runs) for rate in held.mean(axis=0))
            yield f"| {population.name} | {problems} | {problems // population.cluster} | {runs} | {cells} |"


def planned_table(pool: Executor, share: float) -> Iterator[str]:
    yield "## A planted change: predicted and observed\n"
    yield """\
The change that `edgewise audit --plan` assumes, with its default population: problems with p < 0.05 rise to p = 0.05,
or problems with p >= 0.05 are lost, until mean pass@k (k = n/4) has changed by the effect. *Predicted* is the plan's
probability that the verdict claims the change, *observed* how often it did. *Contrary* is any other claim of a
change. Unchanged is true for effects below the margin of 5 points.
"""
    yield "| effect, points | problems | n | runs | predicted | observed | contrary | unchanged |"
    yield "|---|---|---|---|---|---|---|---|"
    cases = [(500, 64, -0.05), (500, 256, -0.05), (500, 64, -0.04), (500, 64, -0.03), (200, 64, -0.05)]
    cases += [(100, 64, -0.1), (30, 64, -0.2), (500, 64, 0.04), (200, 64, 0.05), (100, 64, 0.1), (30, 64, 0.2)]
    for problems, n, effect in cases:
        case = Planned(problems, n, effect)
        moved, design = case.plan()
        right = "extended" if effect > 0 else "shrunk"
        contrary = [label for label in FALSE if label != right]
        labels = _labels(pool, partial(planned_label, case, moved), _runs(600, share))
        yield (
            f"| {100 * effect:+.0f} | {problems} | {n} | {labels.total()} | {100 * design.power:.1f}% |"
            f" {_rate(labels, right)} | {_rate(labels, *contrary)} | {_rate(labels, 'unchanged')} |"
        )


def skill_table(pool: Executor, share: float) -> Iterator[str]:
    yield "## A planted skill: certified\n"
    yield """\
There are 100 problems, 20 of which the base never solves. After tuning these 20 are solved with rate 0.05, or (null)
with rate 0. *Certified* is the mean share of the 20 that get a certificate. A certificate for any other problem is
false. The number of samples n decides: half of them are held out, and it takes several hundred held-out samples to
show that a base rate is below 0.01.
"""
    yield "| planted | n | runs | certified | runs with a false certificate | verdict extended at k = 16 |"
    yield "|---|---|---|---|---|---|"
    for planted, n in ((True, 512), (True, 2048), (True, 4096), (False, 2048)):
        runs = _runs(300, share)
        counts = np.array(_map(pool, partial(certified, Skill(n, planted)), runs), dtype=float)
        share_found, false, extended = counts.mean(axis=0)
        error = counts[:, 0].std() / math.sqrt(runs)
        yield (
            f"| {'yes' if planted else 'null'} | {n} | {runs} | {100 * share_found:.1f} ± {100 * error:.1f}% |"
            f" {_percent(float(false), runs)} | {_percent(float(extended), runs)} |"
        )


def sharpening_table(pool: Executor, share: float) -> Iterator[str]:
    yield "## Sharpening at any number of problems\n"
    yield """\
The odds of success of a heavy-tailed population are multiplied by 8; k = 16. If the base solves no problem rarely (all
others have rate 0), this is sharpening, and must not be called extended, however many problems there are. With rare
problems it is the ideal solution of KL-regularised RL, which really raises pass@k and is extended at k
([verdicts.md](verdicts.md)).
"""
    yield "| problems that change | problems | runs | sharpened | extended | cannot tell |"
    yield "|---|---|---|---|---|---|"
    for rare, least, name in ((False, 0.1, "p >= 0.1"), (False, 0.05, "p >= 0.05"), (True, 0.0, "all, rare ones too")):
        for problems in (150, 300, 1000, 5000):
            case = Sharpening(problems, least, rare=rare)
            labels = _labels(pool, partial(sharpening_label, case), _runs(100, share))
            rates = " | ".join(_rate(labels, label) for label in ("sharpened", "extended", "cannot tell"))
            yield f"| {name} | {problems} | {labels.total()} | {rates} |"


def _sample(p_P: FloatArray, n: int, rng: np.random.Generator, cluster_P: IntArray | None = None) -> Counts:
    return Counts.of(n, rng.binomial(n, p_P), cluster=cluster_P)


def _map(pool: Executor, trial: Callable[[int], Any], runs: int) -> list[Any]:
    return list(pool.map(trial, range(runs), chunksize=max(1, runs // 8)))


def _labels(pool: Executor, trial: Callable[[int], str], runs: int) -> Counter[str]:
    return Counter(_map(pool, trial, runs))


def _runs(all_of_them: int, share: float) -> int:
    return max(10, round(all_of_them * share))


def _rate(labels: Counter[str], *wanted: str) -> str:
    return _percent(sum(labels[label] for label in wanted) / labels.total(), labels.total())


def _percent(rate: float, runs: int) -> str:
    """A rate with its standard error; that of one event in `runs` where none or all occurred."""
    seen = min(max(rate, 1 / runs), 1 - 1 / runs)
    return f"{100 * rate:.1f} ± {100 * math.sqrt(seen * (1 - seen) / runs):.1f}%"


if __name__ == "__main__":
    main()
