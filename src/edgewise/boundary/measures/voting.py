"""Majority votes (maj@k), and how much the answers to one problem differ.

Columns over the distinct answers of all problems, sorted by problem, end in `_A`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgewise.boundary.inference.estimators import pass_at_k
from edgewise.boundary.inference.means import Estimate, mean_interval
from edgewise.boundary.inference.resampling import BOOTSTRAP, Bootstrap
from edgewise.boundary.inference.supported_k import k_grid
from edgewise.boundary.measures.panel import Cell, Column, Panel, PanelRow, Series, basis
from edgewise.boundary.measures.registry import Arm, Measure, Terms
from edgewise.core.errors import InputError
from edgewise.core.words import counted
from edgewise.outcomes.counts import FloatArray, IntArray, integers
from edgewise.outcomes.outcomes import Outcomes


@dataclass(frozen=True, eq=False)
class MajorityAtK:
    """Mean over problems of maj@k: the answer that most of k samples say is correct.

    `low_K`, `high_K` are pointwise intervals over new problems. `monte_carlo_error_K` is
    the standard error that `value_K` owes to looking at `subsets` random subsets of each problem
    in place of all: 0 at k = 1 and k = n, which are exact; the intervals contain it. `no_answer` is the
    share of samples that say none, averaged over problems. `n` is the smallest number of samples of a
    problem; values at k > n are NaN, values at k > n/2 are too noisy for claims.
    """

    k_K: IntArray
    value_K: FloatArray
    low_K: FloatArray
    high_K: FloatArray
    monte_carlo_error_K: FloatArray
    subsets: int
    no_answer: float
    n: int
    problems: int
    bootstrap: Bootstrap


@dataclass(frozen=True)
class Diversity:
    """How much the answers to one problem differ, averaged over problems.

    `entropy` is the entropy of the answers in nats, by the Chao-Shen estimator, and `entropy_plug_in`
    that of the observed shares, which is too low; both over the `answered` problems with an answer.
    `distinct` is the expected number of different answers among `m` samples, and `distinct_correct`
    that of different correct answers among `m_correct` correct samples, over the `solved` problems that
    have as many. Rarefied to one m, models with different numbers of samples compare. `unanimous` is
    the share of problems all of whose samples say one answer. NaN stands where no problem counts.
    """

    m: int
    m_correct: int
    entropy: Estimate
    entropy_plug_in: Estimate
    distinct: Estimate
    distinct_correct: Estimate
    unanimous: Estimate
    problems: int
    answered: int
    solved: int
    bootstrap: Bootstrap


def majority_vote(
    outcomes: Outcomes,
    ks: Sequence[int],
    *,
    subsets: int = 64,
    bootstrap: Bootstrap = BOOTSTRAP,
) -> MajorityAtK:
    """Mean over problems of maj@k, the expected vote over k-subsets of the recorded samples.

    The subsets are drawn without replacement, so that each problem's value is unbiased for a vote
    among k fresh samples. Most votes win; equal answers share the vote evenly; a sample without an
    answer abstains, and where all abstain the vote is wrong. An answer counts as correct by the share
    of the samples saying it that are marked correct, which is 0 or 1 unless the marks disagree.
    Exact at k = 1 and k = n; in between the mean over `subsets` random subsets.

    Source: Wang et al. 2022, arXiv:2203.11171 (self-consistency).

    Raises InputError when answers were not recorded, and for k < 1 or subsets < 2.
    """
    k_K = integers("ks", ks)
    if (k_K < 1).any():
        raise InputError(f"ks: {list(ks)}; numbers of samples start at 1")
    if subsets < 2:
        raise InputError(f"subsets: {subsets}; at least 2 are needed to know their error")
    answers = _answers(outcomes)
    values_PK = np.full((answers.n_P.size, k_K.size), np.nan)
    variances_PK = np.full_like(values_PK, np.nan)
    rng = np.random.default_rng((bootstrap.seed, 32))
    ends = np.searchsorted(answers.problem_A, np.arange(answers.n_P.size + 1))
    for n in np.unique(answers.n_P).tolist():
        # One list of subsets serves all problems with n samples, each in an order of its own.
        rank_ND = rng.permuted(np.tile(np.arange(n)[:, None], subsets), axis=0)
        drawn_NDK = (rank_ND[:, :, None] < k_K[k_K <= n]).astype(np.min_scalar_type(-n - 1))
        for i in np.flatnonzero(answers.n_P == n):
            rows = slice(ends[i], ends[i + 1])
            count, correct = answers.count_A[rows], answers.correct_A[rows] / answers.count_A[rows]
            right_DK = _votes(count, correct, drawn_NDK[rng.permutation(n)[: count.sum()]])
            right_DK[:, k_K[k_K <= n] == 1] = count @ correct / n
            values_PK[i, k_K <= n] = right_DK.mean(axis=0)
            variances_PK[i, k_K <= n] = right_DK.var(axis=0, ddof=1) / subsets

    cluster_P = outcomes.cluster_P
    low_K, high_K = mean_interval(values_PK, bootstrap.confidence, (0.0, 1.0), cluster_P)
    said_P = np.bincount(answers.problem_A, answers.count_A, minlength=answers.n_P.size)
    return MajorityAtK(
        k_K=k_K,
        value_K=values_PK.mean(axis=0),
        low_K=low_K,
        high_K=high_K,
        monte_carlo_error_K=np.sqrt(variances_PK.sum(axis=0)) / answers.n_P.size,
        subsets=subsets,
        no_answer=float(np.mean(1 - said_P / answers.n_P)),
        n=int(answers.n_P.min()),
        problems=answers.n_P.size,
        bootstrap=bootstrap,
    )


def diversity(
    outcomes: Outcomes,
    m: int,
    m_correct: int = 2,
    *,
    bootstrap: Bootstrap = BOOTSTRAP,
) -> Diversity:
    """Entropy and number of distinct answers, per problem and averaged over problems.

    Numbers of answers are rarefied: their expectation over subsets of m samples (m_correct correct
    samples) drawn without replacement, the sum over answers of the probability that the subset holds
    it (Hurlbert 1971). With m_correct = 2 it is 1 plus the probability that two correct samples say
    different answers. Entropy: Chao and Shen 2003, over the samples that say an answer.

    Raises InputError when answers were not recorded, a problem has fewer than m samples, and for m < 1 or
    m_correct < 1.
    """
    answers = _answers(outcomes)
    problem_A, count_A, correct_A, n_P = answers.problem_A, answers.count_A, answers.correct_A, answers.n_P
    for name, size in (("m", m), ("m_correct", m_correct)):
        if size < 1:
            raise InputError(f"{name}: {size} samples; at least 1 is needed")
    if m > n_P.min():
        raise InputError(f"m: {m} samples; problem {outcomes.problem[n_P.argmin()]} has only {n_P.min()}")

    def total(values_A: npt.ArrayLike) -> FloatArray:
        return np.bincount(problem_A, values_A, minlength=n_P.size).astype(np.float64)

    said_P, right_P = total(count_A), total(correct_A).astype(np.int64)
    share_A = count_A / said_P[problem_A]
    every_P, answered_P, solved_P = n_P > 0, said_P > 0, right_P >= m_correct
    # A problem whose answers are all different would have a coverage of 0: one is counted as repeated.
    single_P = np.minimum(total(count_A == 1), said_P - 1)
    covered_A = (1 - single_P / np.maximum(said_P, 1))[problem_A] * share_A
    seen_A = -np.expm1(said_P[problem_A] * np.log1p(-np.minimum(covered_A, 1 - 1e-15)))
    entropy_P, plug_in_P = total(-covered_A * np.log(covered_A) / seen_A), total(-share_A * np.log(share_A))
    cluster_P = outcomes.cluster_P

    def mean(values_P: FloatArray, of_P: npt.NDArray[np.bool_], bounds: tuple[float, float]) -> Estimate:
        if not of_P.any():
            return Estimate(*[float("nan")] * 3)
        values_P1, cluster = values_P[of_P, None], None if cluster_P is None else cluster_P[of_P]
        low, high = mean_interval(values_P1, bootstrap.confidence, bounds, cluster)
        return Estimate(float(values_P1.mean()), float(low[0]), float(high[0]))

    most = float(np.log(n_P.max()))
    return Diversity(
        m=m,
        m_correct=m_correct,
        entropy=mean(entropy_P, answered_P, (0.0, max(most, float(entropy_P.max())))),
        entropy_plug_in=mean(plug_in_P, answered_P, (0.0, most)),
        distinct=mean(total(pass_at_k(n_P[problem_A], count_A, m)), every_P, (0.0, float(m))),
        distinct_correct=mean(
            total(pass_at_k(right_P[problem_A], correct_A, m_correct)), solved_P, (1.0, float(m_correct))
        ),
        unanimous=mean(total(count_A == n_P[problem_A]), every_P, (0.0, 1.0)),
        problems=n_P.size,
        answered=int(answered_P.sum()),
        solved=int(solved_P.sum()),
        bootstrap=bootstrap,
    )


@dataclass(frozen=True, eq=False)
class _Answers:
    """How often each distinct answer of each problem was said, how often so marked correct, and n_P."""

    problem_A: IntArray
    count_A: IntArray
    correct_A: IntArray
    n_P: IntArray


def _answers(outcomes: Outcomes) -> _Answers:
    if outcomes.predicted_S is None:
        raise InputError("said: no sample's answer was recorded; votes need what each sample says")
    width = len(outcomes.answers) + 1
    predicted_S = outcomes.problem_S.astype(np.int64) * width + np.maximum(outcomes.predicted_S, -1) + 1
    marked, count = np.unique(2 * predicted_S + (outcomes.answer_S == 1), return_counts=True)
    said_A, first = np.unique(marked // 2, return_index=True)
    answer = said_A % width > 0
    return _Answers(
        problem_A=(said_A // width)[answer],
        count_A=np.add.reduceat(count, first)[answer],
        correct_A=np.add.reduceat(count * (marked % 2), first)[answer],
        n_P=np.bincount(outcomes.problem_S).astype(np.int64),
    )


def _votes(count_A: IntArray, correct_A: FloatArray, drawn_NDK: npt.NDArray[np.signedinteger]) -> FloatArray:
    """Correctness of the vote in D subsets of each size, shape (D, K).

    `drawn_NDK` says which of the samples that say an answer are drawn; the first `count_A[0]` say the
    first answer, and so on.
    """
    right_A = np.flatnonzero(correct_A)
    if not right_A.size:
        return np.zeros(drawn_NDK.shape[1:])
    start_A = np.cumsum(count_A) - count_A
    votes_ADK = drawn_NDK[start_A]
    for a in np.flatnonzero(count_A > 1).tolist():
        rows = slice(start_A[a], start_A[a] + count_A[a])
        drawn_NDK[rows].sum(axis=0, dtype=drawn_NDK.dtype, out=votes_ADK[a])
    most_DK = votes_ADK.max(axis=0)
    wins_ADK = votes_ADK == most_DK
    right_DK: FloatArray = np.tensordot(correct_A[right_A], wins_ADK[right_A], axes=1)
    right_DK[most_DK == 0] = 0.0
    right_DK /= np.count_nonzero(wins_ADK, axis=0)
    return right_DK


def _majority_vote(arm: Arm, terms: Terms) -> MajorityAtK | None:
    return None if arm.samples is None else majority_vote(arm.samples, k_grid(terms.n), bootstrap=terms.bootstrap)


def _vote_panel(result: MajorityAtK) -> Panel:
    columns = (Column("majority", "maj@k", "percent"), Column("no_answer", "Samples without an answer", "percent"))
    votes = Series("k", result.k_K, result.value_K, result.low_K, result.high_K)
    note = f"{basis(result)} Intervals hold at this k alone."
    return Panel(columns, (PanelRow((votes, Cell(result.no_answer))),), note)


def _diversity(arm: Arm, terms: Terms) -> Diversity | None:
    return None if arm.samples is None else diversity(arm.samples, terms.n, bootstrap=terms.bootstrap)


def _diversity_panel(result: Diversity) -> Panel:
    columns = (
        Column("entropy", "Entropy, nats", "number"),
        Column("distinct", "Different answers", "number"),
        Column("distinct_correct", "Different right answers", "number"),
        Column("unanimous", "All samples agree", "percent"),
        Column("answered", "Problems with an answer", "count"),
    )
    cells = (
        Cell.of(result.entropy),
        Cell.of(result.distinct, f"of {result.m} samples"),
        Cell.of(result.distinct_correct, f"of {result.m_correct} right ones, {counted(result.solved, 'problem')}"),
        Cell.of(result.unanimous),
        Cell(result.answered, beside=f"of {result.problems}"),
    )
    note = f"Means over problems; entropy by Chao and Shen's estimator. {basis(result)}"
    return Panel(columns, (PanelRow(cells),), note)


MAJORITY_VOTE = Measure(
    name="majority_vote",
    title="Majority vote",
    explanation="maj@k asks that the answer that most of k samples give is right.",
    source="Wang et al. 2022, arXiv:2203.11171",
    unit="model",
    rank=54,
    needs=("answers",),
    compute=_majority_vote,
    panel=_vote_panel,
)
DIVERSITY = Measure(
    name="diversity",
    title="Answer diversity",
    explanation="How much the answers to one problem differ; a model can be right more often by saying fewer things.",
    source="Chao and Shen 2003; rarefaction, Hurlbert 1971",
    unit="model",
    rank=90,
    needs=("answers",),
    compute=_diversity,
    panel=_diversity_panel,
)
MEASURES = (MAJORITY_VOTE, DIVERSITY)
