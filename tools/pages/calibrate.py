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

from edgewise.boundary.inference.power import Design, plan_samples
from edgewise.boundary.inference.resampling import Bootstrap
from edgewise.boundary.inference.supported_k import k_grid, largest_claimable_k
from edgewise.boundary.measures.certificates import certify
from edgewise.boundary.measures.curves import curve, paired_difference
from edgewise.boundary.verdict.labels import LABELS, Label
from edgewise.boundary.verdict.verdict import boundary_verdict
from edgewise.outcomes.counts import Counts, FloatArray, IntArray
from tools.pages import populations
from tools.pages.calibrate_seeds import seed_table
from tools.pages.populations import AIME, GSM, HEAVY, MATH, POPULATIONS, Change, Population

PAGE = DOCS / "calibration.md"
RESAMPLES = 1000
FALSE = tuple(label for label, entry in LABELS.items() if entry.changed)

# The labels that claim a change of pass@k up, or down.
GAINS: tuple[Label, ...] = ("extended", "more within k")
LOSSES: tuple[Label, ...] = ("shrunk", "sharpened at a cost")

SURER_LABELS: tuple[Label, ...] = ("sharpened", "extended", "more within k", "surer, k open")

HEAD = """# Calibration

How often the audit is right on simulated data with a known truth. Success rates are drawn from a population, samples
are binomial, and the claims are compared with the truth. Every rate has its Monte-Carlo standard error. Verdicts
resample nothing; bands of curves come from {resamples} resamples. Written by `make pages PAGES=calibrate`.

| population | success rates |
|---|---|
{populations}

Of *clustered*, the audit is told the clusters.
"""


@dataclass(frozen=True)
class Null:
    """Two draws of the base, judged at k = n / `per_k`."""

    population: Population
    problems: int
    n: int
    per_k: int = 4


@dataclass(frozen=True)
class Changed:
    """The base, and the base after a change, judged at k = n / `per_k`."""

    population: Population
    change: Change
    problems: int
    n: int
    per_k: int = 4


CHANGES = (
    Changed(GSM, populations.crossing, 1319, 256),
    Changed(MATH, populations.crossing, 500, 128),
    Changed(MATH, populations.crossing, 500, 128, 2),
    Changed(MATH, populations.crossing, 500, 16),
    Changed(HEAVY, populations.crossing, 500, 16),
    Changed(AIME, populations.crossing, 30, 64),
    Changed(AIME, populations.new_skill, 30, 64),
    Changed(AIME, populations.surer, 30, 64),
    Changed(HEAVY, populations.new_skill, 500, 128),
    Changed(MATH, populations.lost_beside_gains, 500, 64),
    Changed(MATH, populations.lost_beside_gains, 500, 16),
    Changed(GSM, populations.rare_lost, 1319, 64),
    Changed(MATH, populations.distilled, 500, 128),
    Changed(MATH, populations.slightly_surer, 500, 16),
    Changed(MATH, populations.surer, 500, 128),
    Changed(MATH, populations.colder, 500, 64),
)


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
        return self.n // 4

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
    return boundary_verdict(base, tuned, k=case.n // case.per_k).label


def changed_label(case: Changed, seed: int) -> Label:
    """The verdict on a planted change."""
    rng = np.random.default_rng((seed, case.problems, case.n))
    p_P, cluster_P = case.population.draw(case.problems, rng)
    base, tuned = (_sample(rate_P, case.n, rng, cluster_P) for rate_P in (p_P, case.change(p_P, rng)))
    return boundary_verdict(base, tuned, k=case.n // case.per_k).label


def true_change(case: Changed) -> tuple[float, float]:
    """The change of mean pass@1 and of pass@k over the population, from many problems."""
    rng = np.random.default_rng(0)
    p_P, _ = case.population.draw(populations.MANY, rng)
    q_P, k = case.change(p_P, rng), case.n // case.per_k
    return float((q_P - p_P).mean()), float(((1 - p_P) ** k - (1 - q_P) ** k).mean())


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
    return boundary_verdict(base, tuned, k=case.k).label


def certified(case: Skill, seed: int) -> tuple[float, bool, bool]:
    """The share of the planted problems that is certified, whether any other is, and whether the verdict at k = 32
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
    verdict = boundary_verdict(base, tuned, k=32)
    return len(shown & names) / (case.problems // 5), false, verdict.label == "extended"


def sharpening_label(case: Sharpening, seed: int) -> str:
    """The verdict on a model that is only surer."""
    rng = np.random.default_rng((seed, case.problems))
    p_P, _ = POPULATIONS[0].draw(case.problems, rng)
    if not case.rare:
        p_P = np.where(p_P >= case.least, p_P, 0.0)
    tuned_P = p_P * case.factor / (p_P * case.factor + 1 - p_P)
    base, tuned = _sample(p_P, 128, rng), _sample(tuned_P, 128, rng)
    return boundary_verdict(base, tuned, k=32).label


def main(share: float = 1.0) -> None:
    """Write the page; `share` of the runs that each number is made from."""
    with ProcessPoolExecutor(2) as pool:
        rows = "\n".join(f"| {population.name} | {population.shape} |" for population in POPULATIONS)
        lines = [HEAD.format(resamples=RESAMPLES, populations=rows)]
        for table in (
            null_table,
            change_table,
            coverage_table,
            planned_table,
            skill_table,
            sharpening_table,
            seed_table,
        ):
            lines += [*table(pool, share), ""]
            print(f"{table.__name__} done", flush=True)
    PAGE.write_text("\n".join(lines).rstrip() + "\n")


def null_table(pool: Executor, share: float) -> Iterator[str]:
    yield "## Base against base\n"
    yield """\
Two independent draws of one model, judged alike. Every label that states a change is false, and may be given in at most
5% of the runs. Unchanged is true.
"""
    yield "| population | problems | n | k | runs | false changes | unchanged | cannot tell |"
    yield "|---|---|---|---|---|---|---|---|"
    total: Counter[str] = Counter()
    for population in POPULATIONS:
        for problems, n in ((30, 64), (30, 256), (100, 8), (100, 64), (500, 16), (500, 64), (1319, 64)):
            for per_k in (4, 2):
                case = Null(population, problems, n, per_k)
                labels = _labels(pool, partial(null_label, case), _runs(600, share))
                total += labels
                yield (
                    f"| {population.name} | {problems} | {n} | {n // per_k} | {labels.total()} |"
                    f" {_rate(labels, *FALSE)} | {_rate(labels, 'unchanged')} | {_rate(labels, 'cannot tell')} |"
                )
    yield f"\nOver all: {_rate(total, *FALSE)} false changes in {total.total():,} runs."


def change_table(pool: Executor, share: float) -> Iterator[str]:
    yield "## Planted changes of many shapes\n"
    yield """\
What tuning did is the function of that name in tools/pages/populations.py. The changes of pass@1 and pass@k, in points,
are those of the whole population.
"""
    yield "| population | what tuning did | problems | n | k | pass@1 | pass@k | runs | labels given |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for case in CHANGES:
        at_1, at_k = true_change(case)
        labels = _labels(pool, partial(changed_label, case), _runs(300, share))
        given = ", ".join(f"{label} {_rate(labels, label)}" for label, _ in labels.most_common() if labels[label])
        yield (
            f"| {case.population.name} | {case.change.__name__} | {case.problems} | {case.n} | {case.n // case.per_k} |"
            f" {100 * at_1:+.1f} | {100 * at_k:+.1f} | {labels.total()} | {given} |"
        )


def coverage_table(pool: Executor, share: float) -> Iterator[str]:
    yield "## Coverage of 95% intervals and bands\n"
    yield """\
pass@k at k = 1, 2, 4, 8, 16 and 32 from n = 64, and its difference after a fifth of the problems (or of the clusters)
was forgotten. Units are problems or clusters. *Alone* is the interval at one k, averaged over k. *Band* is all k
at once. With few units, often none of them had much to lose. Then the data cannot show how large a loss can be.
"""
    yield "| population | problems | units | runs | curve, alone | curve, band | difference, alone | difference, band |"
    yield "|---|---|---|---|---|---|---|---|"
    for population in POPULATIONS:
        for problems in (30, 100, 500):
            runs = _runs(500, share)
            held = np.array(_map(pool, partial(coverage, Forgetting(population, problems)), runs), dtype=float)
            cells = " | ".join(_percent(float(rate), runs) for rate in held.mean(axis=0))
            yield f"| {population.name} | {problems} | {problems // population.cluster} | {runs} | {cells} |"


def planned_table(pool: Executor, share: float) -> Iterator[str]:
    yield "## A planted change: predicted and observed\n"
    yield """\
The change that `edgewise audit --plan` assumes, with its default population: problems with p < 0.05 rise to p = 0.05,
or problems with p >= 0.05 are lost, until mean pass@k (k = n/4) has changed by the effect. *Predicted* is the plan's
probability that the verdict claims the change of pass@k, *observed* how often it did. *Contrary* is any other claim of
a change. Unchanged is true for effects below the margin of 5 points.
"""
    yield "| effect, points | problems | n | runs | predicted | observed | contrary | unchanged |"
    yield "|---|---|---|---|---|---|---|---|"
    cases = [(500, 64, -0.05), (500, 256, -0.05), (500, 64, -0.04), (500, 64, -0.03), (200, 64, -0.05)]
    cases += [(100, 64, -0.1), (30, 64, -0.2), (500, 64, 0.04), (200, 64, 0.05), (100, 64, 0.1), (30, 64, 0.2)]
    for problems, n, effect in cases:
        case = Planned(problems, n, effect)
        moved, design = case.plan()
        right = [label for label in FALSE if label in (GAINS if effect > 0 else LOSSES)]
        contrary = [label for label in FALSE if label not in right]
        labels = _labels(pool, partial(planned_label, case, moved), _runs(600, share))
        yield (
            f"| {100 * effect:+.0f} | {problems} | {n} | {labels.total()} | {100 * design.power:.1f}% |"
            f" {_rate(labels, *right)} | {_rate(labels, *contrary)} | {_rate(labels, 'unchanged')} |"
        )


def skill_table(pool: Executor, share: float) -> Iterator[str]:
    yield "## A planted skill: certified\n"
    yield """\
There are 100 problems, 20 of which the base never solves. After tuning these 20 are solved with rate 0.05, or (null)
with rate 0. *Certified* is the mean share of the 20 that get a certificate. A certificate for any other problem is
false. The number of samples n decides: half of them are held out, and it takes several hundred held-out samples to
show that a base rate is below 0.01.
"""
    yield "| planted | n | runs | certified | runs with a false certificate | verdict extended at k = 32 |"
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
The odds of success of a heavy-tailed population are multiplied by 8; n = 128, k = 32. If the base solves no problem
rarely (all others have rate 0), this is sharpening, and must not be called extended, however many problems there are.
With rare problems it is the ideal solution of KL-regularised RL, which really raises pass@k and is extended at k
([verdicts.md](verdicts.md)).
"""
    yield f"| problems that change | problems | runs | {' | '.join(SURER_LABELS)} |"
    yield "|---|---|---|---|---|---|---|"
    for rare, least, name in ((False, 0.1, "p >= 0.1"), (False, 0.05, "p >= 0.05"), (True, 0.0, "all, rare ones too")):
        for problems in (150, 300, 1000, 5000):
            case = Sharpening(problems, least, rare=rare)
            labels = _labels(pool, partial(sharpening_label, case), _runs(100, share))
            rates = " | ".join(_rate(labels, label) for label in SURER_LABELS)
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
