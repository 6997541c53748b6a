"""Find samples that are missing by their outcome: failures left out, or sampling stopped at the first success.

A rate c/n is right only if how many samples a problem has does not depend on how they turned out. Two signs are looked
for: an association between n and the outcome over problems, and gaps in the numbers of the samples.

The association is tested exactly. Of every problem m samples are dealt at random, m being the same for all, so that
the number of correct ones among them does not depend on n where none is missing by its outcome; then n is permuted over
the problems. Sets, and levels where they are not too small, are strata: they may have been sampled more or less often.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from scipy import stats

from edgewise.boundary.audit.result import Concern
from edgewise.outcomes.counts import Counts, FloatArray, IntArray
from edgewise.outcomes.outcomes import Outcomes

# Once in so many models whose n varies at random the association is found although there is none.
FALSE_ALARM = 1e-3
# A share of missing samples that can move pass@1 by as much as the usual margin forbids a claim.
MANY_MISSING = 0.05

# Problems with less samples than this quantile of their stratum are left out, so that few of them do not make m small.
_FEW = 0.1
# Levels are strata where they have so many problems on average.
_LEVEL_SIZE = 5
_PERMUTATIONS = 9_999
# Of more problems the permutations are not drawn: their distribution is normal (Hoeffding 1951).
_MOST_DRAWN = 5_000
# Numbers that fewer problems than this share have are not those of samples drawn of every problem.
_COMMON = 0.5
_LEAST_PROBLEMS = 8


@dataclass(frozen=True)
class Association:
    """How n goes with the outcome: `rho` is the rank correlation within strata, `p` its two-sided p-value."""

    rho: float
    p: float


def missing_concerns(models: Mapping[str, Outcomes | Counts], counts: Mapping[str, Counts]) -> Iterator[Concern]:
    """At most one concern for each model; it forbids a claim where the missing samples could move pass@1 by the margin.

    `counts` are those of `models` by the metric of the claims.
    """
    for name, of_model in counts.items():
        samples = models[name]
        gaps = _gaps(samples) if isinstance(samples, Outcomes) else 0.0
        found = association(of_model)
        if found is not None and found.p <= FALSE_ALARM:
            which, how = (
                ("more", "failures are left out") if found.rho > 0 else ("fewer", "sampling stops at a success")
            )
            message = (
                f"Problems that are solved more often have {which} samples (p = {found.p:.1g}), as where {how}: give "
                "every sample that was drawn."
            )
            yield Concern(message, max(_missing_share(of_model), gaps) >= MANY_MISSING, (name,))
        elif (of_model.c_P == of_model.n_P).all() and np.unique(of_model.n_P).size > 1:
            message = "Every sample is right, and problems have different numbers of them: give the wrong ones too."
            yield Concern(message, True, (name,))
        elif gaps:
            message = f"By their numbers {gaps:.1%} of the samples are missing: give all that were drawn, failures too."
            yield Concern(message, gaps >= MANY_MISSING, (name,))


def association(counts: Counts, seed: int = 0) -> Association | None:
    """Test whether the number of samples of a problem goes with its success rate; None where n hardly varies.

    The statistic is the sum over strata of the products of the ranks of n and the dealt numbers of correct samples. Its
    p-value is that of 9,999 permutations within strata, or of the normal distribution with their variance where that is
    well above FALSE_ALARM, or there are many problems.
    """
    rng = np.random.default_rng((seed, 3))
    rank_P, dealt_P, stratum_P = _dealt(counts, rng)
    if not rank_P.size:
        return None
    sizes = np.bincount(stratum_P)
    squares = np.bincount(stratum_P, rank_P**2) * np.bincount(stratum_P, dealt_P**2)
    variance = float((squares[sizes > 1] / (sizes[sizes > 1] - 1)).sum())
    if variance <= 0:
        return None
    observed = float(rank_P @ dealt_P)
    rho = observed / float(np.sqrt((rank_P**2).sum() * (dealt_P**2).sum()))
    p = float(2 * stats.norm.sf(abs(observed) / np.sqrt(variance)))
    if p > 20 * FALSE_ALARM or rank_P.size > _MOST_DRAWN:
        return Association(rho, p)
    order = np.argsort(stratum_P, kind="stable")
    rank_P, dealt_P, stratum_P = rank_P[order], dealt_P[order], stratum_P[order]
    extreme = 0
    for _ in range(_PERMUTATIONS):
        # The keys of a stratum lie between its number and the next, so that sorting them permutes within strata.
        permuted = rank_P[np.argsort(stratum_P + rng.random(rank_P.size))]
        extreme += abs(float(permuted @ dealt_P)) >= abs(observed) * (1 - 1e-9)
    return Association(rho, (1 + extreme) / (1 + _PERMUTATIONS))


def _dealt(counts: Counts, rng: np.random.Generator) -> tuple[FloatArray, FloatArray, IntArray]:
    """The rank of n and the number of correct samples among m dealt ones, both less their means in the stratum."""
    stratum_P = _strata(counts)
    m_P = np.zeros(counts.problems, dtype=np.int64)
    for stratum in np.unique(stratum_P).tolist():
        within = stratum_P == stratum
        m_P[within] = np.quantile(counts.n_P[within], _FEW, method="lower")
    kept = counts.n_P >= m_P
    n_P, c_P, m_P, stratum_P = (column[kept] for column in (counts.n_P, counts.c_P, m_P, stratum_P))
    stratum_P = np.unique(stratum_P, return_inverse=True)[1]
    rank_P = np.zeros(n_P.size)
    for stratum in range(int(stratum_P.max()) + 1):
        within = stratum_P == stratum
        rank_P[within] = stats.rankdata(n_P[within])
    dealt_P = rng.hypergeometric(c_P, n_P - c_P, m_P) / m_P
    sizes = np.bincount(stratum_P)
    centred = [column - (np.bincount(stratum_P, column) / sizes)[stratum_P] for column in (rank_P, dealt_P)]
    return centred[0], centred[1], stratum_P


def _strata(counts: Counts) -> IntArray:
    """The set of each problem, and its level where levels have enough problems."""
    of_set = np.zeros(counts.problems, dtype=np.int64)
    if counts.set is not None:
        of_set = np.unique(counts.set, return_inverse=True)[1]
    level = np.unique(counts.level, return_inverse=True)[1]
    both = np.unique(of_set * (int(level.max()) + 1) + level, return_inverse=True)[1]
    return both if counts.problems >= _LEVEL_SIZE * (int(both.max()) + 1) else of_set


def _missing_share(counts: Counts) -> float:
    """The mean share of samples that problems have less than the problem of their stratum that has most."""
    stratum_P = _strata(counts)
    most = np.zeros(int(stratum_P.max()) + 1)
    np.maximum.at(most, stratum_P, counts.n_P)
    return float(1 - np.mean(counts.n_P / most[stratum_P]))


def _gaps(outcomes: Outcomes) -> float:
    """The share of samples whose number is missing below the largest of their problem.

    Only numbers that half of the problems of a set have are missed: others may count rows.
    """
    problems, code_S, number_S = len(outcomes.problem), outcomes.problem_S, outcomes.sample_S
    last_P = np.full(problems, np.iinfo(np.int64).min)
    np.maximum.at(last_P, code_S, number_S)
    first_P = np.full(problems, np.iinfo(np.int64).max)
    np.minimum.at(first_P, code_S, number_S)
    if (first_P == first_P[0]).all() and (last_P - first_P + 1 == np.bincount(code_S)).all():
        return 0.0
    of_set = np.zeros(problems, dtype=np.int64)
    if outcomes.set is not None:
        of_set = np.unique(outcomes.set, return_inverse=True)[1]
    missing = 0
    for set_code in range(int(of_set.max()) + 1):
        in_set = np.flatnonzero(of_set == set_code)
        if in_set.size < _LEAST_PROBLEMS:
            continue
        in_set_S = number_S[of_set[code_S] == set_code]
        numbers, times = np.unique(in_set_S, return_counts=True)
        common = numbers[times >= _COMMON * in_set.size]
        missing += int(np.searchsorted(common, last_P[in_set], side="right").sum())
        missing -= int(np.isin(in_set_S, common).sum())
    return missing / (missing + code_S.size)
