"""Solved sets: the problems each arm solves within m samples, and the noise floor of two draws of the base."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import stats

from edgewise.boundary.inference.estimators import none_at_k
from edgewise.boundary.inference.means import Estimate, mean_interval, units, with_unseen
from edgewise.boundary.inference.resampling import BOOTSTRAP, Bootstrap
from edgewise.boundary.measures.panel import Cell, Column, Panel, PanelRow, basis
from edgewise.boundary.measures.registry import Arm, Measure, Terms
from edgewise.core.errors import InputError
from edgewise.core.words import counted
from edgewise.outcomes.counts import Counts, FloatArray, IntArray, require_same_problems


class SolvedTable(NamedTuple):
    """Whole numbers of problems in each cell of the two-by-two table."""

    both: int
    base_only: int
    tuned_only: int
    neither: int


@dataclass(frozen=True)
class SolvedSets:
    """Numbers of problems solved within m samples by both arms, one arm, or neither.

    The four cells are expectations over all ways of drawing m of the recorded samples of each
    arm, so no order of drawing matters. `floor` is the number of problems that one m-sample draw
    of the base solves and another does not, in each direction: what `base_only` and `tuned_only`
    would both be had nothing changed. `excess_expansion` is `tuned_only - floor` and
    `excess_shrinkage` is `base_only - floor`. Each carries its interval over
    problems (`excess_interval`); floor and excesses are NaN when the base has fewer than 2m samples of a problem.

    `realised` is the table of whole numbers in the first m samples of each arm (by sample
    number), and `mcnemar_p` its exact two-sided McNemar p-value; None and NaN when the order of
    the samples is not known and m is not all of them.
    """

    m: int
    both: Estimate
    base_only: Estimate
    tuned_only: Estimate
    neither: Estimate
    floor: Estimate
    excess_expansion: Estimate
    excess_shrinkage: Estimate
    realised: SolvedTable | None
    mcnemar_p: float
    problems: int
    bootstrap: Bootstrap


def solved_sets(
    base: Counts,
    tuned: Counts,
    m: int | None = None,
    *,
    bootstrap: Bootstrap = BOOTSTRAP,
) -> SolvedSets:
    """Solved sets of two arms at m samples each, and the base-against-base noise floor.

    With f_m = C(n-c, m)/C(n, m) of each arm, the expected number of tuned-only problems in two
    independent draws, sum (1-p_b)^m (1 - (1-p_t)^m), is estimated without bias by
    sum f_m(base) (1 - f_m(tuned)), as the arms are independent; the other cells likewise. The
    floor sum q(1-q), q = (1-p_b)^m, is estimated without bias from the base alone by
    sum f_m - f_2m, as E[f_2m] = q^2; for n = 2m this is sum C(2m-c, m)/C(2m, m) - [c = 0].

    The exact McNemar test needs whole numbers, which expectations are not: it is made on the
    realised first m samples, and its table is reported beside the expected one.

    `m` defaults to the largest number that leaves the base 2m samples and the tuned arm m.
    Raises InputError when the arms do not hold the same problems, or some problem has fewer than
    m samples.
    """
    require_same_problems(base, tuned)
    m = samples_each(base, tuned, m)
    columns_PK = solved_shares(base, tuned, m)
    confidence = bootstrap.confidence
    both, base_only, tuned_only, neither, floor = _totals(columns_PK[:, :5], confidence, (0.0, 1.0), base.cluster_P)
    excesses = _totals(columns_PK[:, 5:], confidence, (-1.0, 1.0), base.cluster_P)
    independent = units(base.problems, base.cluster_P)
    expansion, shrinkage = (excess_interval(excess, base.problems, independent, confidence) for excess in excesses)
    realised = _realised(base, tuned, m)
    return SolvedSets(
        m=m,
        both=both,
        base_only=base_only,
        tuned_only=tuned_only,
        neither=neither,
        floor=floor,
        excess_expansion=expansion,
        excess_shrinkage=shrinkage,
        realised=realised,
        mcnemar_p=(float("nan") if realised is None else mcnemar(realised.base_only, realised.tuned_only)),
        problems=base.problems,
        bootstrap=bootstrap,
    )


def excess_interval(excess: Estimate, problems: int, independent: int, confidence: float) -> Estimate:
    """The interval of an excess. Where it holds 0, it also holds what `independent` units may not have shown."""
    if not excess.low <= 0 <= excess.high:
        return excess
    return with_unseen(excess, independent, confidence, problems)


# The columns of `solved_shares`, and the bounds of each.
SHARES = ("both", "base_only", "tuned_only", "neither", "floor", "excess_expansion", "excess_shrinkage")
SHARE_BOUNDS = (*[(0.0, 1.0)] * 5, *[(-1.0, 1.0)] * 2)


def solved_shares(base: Counts, tuned: Counts, m: int) -> FloatArray:
    """What each problem adds to the estimates of `SolvedSets`: shape (problems, 7), in the order of `SHARES`."""
    base_P, twice_P = (none_at_k(base.n_P, base.c_P, draws) for draws in (m, 2 * m))
    return shares_of(base_P, twice_P, none_at_k(tuned.n_P, tuned.c_P, m))


def shares_of(base_P: FloatArray, twice_P: FloatArray, tuned_P: FloatArray) -> FloatArray:
    """`solved_shares` from the probabilities that no sample is right: of m and of 2m of the base, of m of the tuned."""
    floor_P = base_P - twice_P
    base_only_P = (1 - base_P) * tuned_P
    tuned_only_P = base_P * (1 - tuned_P)
    columns = [
        (1 - base_P) * (1 - tuned_P),
        base_only_P,
        tuned_only_P,
        base_P * tuned_P,
        floor_P,
        tuned_only_P - floor_P,
        base_only_P - floor_P,
    ]
    return np.stack(columns, axis=1)


def samples_each(base: Counts, tuned: Counts, m: int | None) -> int:
    """m, by default the largest number that leaves the base 2m samples and the tuned arm m.

    Raises InputError when some problem has fewer than m samples.
    """
    m = max(1, min(base.n // 2, tuned.n)) if m is None else m
    if not 1 <= m <= min(base.n, tuned.n):
        raise InputError(f"m: {m} samples; every problem has {min(base.n, tuned.n)}, so m must be from 1 to that")
    return m


def mcnemar(base_only: int, tuned_only: int) -> float:
    """Exact two-sided McNemar p-value: the discordant problems as fair coin tosses.

    1 when there is no discordant problem. Raises InputError for a negative number.
    """
    if base_only < 0 or tuned_only < 0:
        raise InputError("mcnemar: a negative number of problems; counts start at 0")
    if not base_only + tuned_only:
        return 1.0
    return float(stats.binomtest(base_only, base_only + tuned_only, 0.5).pvalue)


def _totals(
    columns_PK: FloatArray,
    confidence: float,
    bounds: tuple[float, float],
    cluster_P: IntArray | None,
) -> list[Estimate]:
    problems = len(columns_PK)
    low_K, high_K = mean_interval(columns_PK, confidence, bounds, cluster_P)
    return [
        Estimate(float(value), problems * float(low), problems * float(high))
        for value, low, high in zip(columns_PK.sum(axis=0), low_K, high_K, strict=True)
    ]


def _realised(base: Counts, tuned: Counts, m: int) -> SolvedTable | None:
    base_P, tuned_P = _solved_P(base, m), _solved_P(tuned, m)
    if base_P is None or tuned_P is None:
        return None
    return SolvedTable(
        int((base_P & tuned_P).sum()),
        int((base_P & ~tuned_P).sum()),
        int((~base_P & tuned_P).sum()),
        int((~base_P & ~tuned_P).sum()),
    )


def _solved_P(counts: Counts, m: int) -> npt.NDArray[np.bool_] | None:
    if counts.first_P is not None:
        return counts.first_P < m
    return counts.c_P > 0 if (counts.n_P == m).all() else None


def _at_n(base: Arm, tuned: Arm, terms: Terms) -> SolvedSets:
    return solved_sets(base.counts, tuned.counts, min(base.counts.n, tuned.counts.n), bootstrap=terms.bootstrap)


def _panel(result: SolvedSets) -> Panel:
    titles = {"both": "Both", "tuned_only": "Tuned only", "base_only": "Base only", "neither": "Neither"}
    columns = (
        *(Column(name, title, "expected") for name, title in titles.items()),
        Column("mcnemar_p", "McNemar p", "p"),
    )
    cells = [Cell.of(getattr(result, name)) for name in titles]
    moved = result.realised
    beside = "" if moved is None else f"{moved.tuned_only} gained, {moved.base_only} lost"
    samples = counted(result.m, "sample")
    note = f"Within all {samples}, as papers print it; too noisy for claims. McNemar's exact test is on the first "
    note += f"{samples} of each model. {basis(result)}"
    return Panel(columns, (PanelRow((*cells, Cell(result.mcnemar_p, beside=beside))),), note)


SOLVED_AT_N = Measure(
    name="solved_at_n",
    title="Solved sets at all samples",
    explanation="How many problems each model solves within all of its samples; no claim rests on it.",
    source="Yue et al. 2025, arXiv:2504.13837; exact McNemar",
    unit="comparison",
    rank=22,
    compute=_at_n,
    panel=_panel,
)
MEASURES = (SOLVED_AT_N,)
