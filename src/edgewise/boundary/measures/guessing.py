"""Guess floor: what guessing achieves within k samples, and how far a model exceeds it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import stats

from edgewise.boundary.inference.estimators import pass_at_k
from edgewise.boundary.inference.means import mean_interval
from edgewise.boundary.inference.multiple_testing import benjamini_hochberg
from edgewise.boundary.inference.resampling import BOOTSTRAP, Bootstrap
from edgewise.boundary.inference.supported_k import k_grid
from edgewise.boundary.measures.panel import Cell, Column, Panel, PanelRow, Series, basis
from edgewise.boundary.measures.registry import Arm, Measure, Terms
from edgewise.core.errors import InputError
from edgewise.core.words import counted
from edgewise.outcomes.counts import Counts, FloatArray, IntArray, StrArray, integers
from edgewise.outcomes.outcomes import Outcomes


@dataclass(frozen=True, eq=False)
class GuessFloor:
    """How often a guess at each problem is right, without having worked it out.

    `rate_P` is that probability, NaN where it is unknown. `source` says where it is from: answers to other
    problems, a declared number of possible answers, or a run without reasoning. Where guesses were counted,
    `right_P` of `guesses_P` were right (0 of 0 where unknown); for a declared number both are None, as the rate
    is exact.
    """

    problem: StrArray
    rate_P: FloatArray
    source: Literal["answers to other problems", "declared number of answers", "no reasoning"]
    guesses_P: IntArray | None = None
    right_P: IntArray | None = None

    @property
    def known_P(self) -> npt.NDArray[np.bool_]:
        """Whether the floor of each problem is known."""
        return ~np.isnan(self.rate_P)


@dataclass(frozen=True, eq=False)
class ExcessCoverage:
    """Mean pass@k at each k, the guess floor, and the difference, over the problems whose floor is known.

    `low_K` and `high_K` are the interval of `excess_K`, over new problems of the same kind. NaN where
    some problem has fewer than k samples, or fewer than k counted guesses.
    """

    k_K: IntArray
    coverage_K: FloatArray
    floor_K: FloatArray
    excess_K: FloatArray
    low_K: FloatArray
    high_K: FloatArray
    problems: int
    bootstrap: Bootstrap


@dataclass(frozen=True, eq=False)
class AboveGuessing:
    """Whether each problem is solved more often than by guessing, at a false discovery rate of q.

    `p_P` are one-sided p-values and `q_P` their Benjamini-Hochberg adjustment over the `tested` problems, those
    whose floor is known; NaN for the others. `above` is the number of problems with q_P <= q.
    """

    problem: StrArray
    p_P: FloatArray
    q_P: FloatArray
    above: int
    tested: int
    q: float


def shuffled_floor(outcomes: Outcomes, others: Sequence[Outcomes] = ()) -> GuessFloor:
    """The share of the model's answers to other problems that are right for this one.

    A model that knows which kind of number is asked for, and nothing else, would answer so. Right for a problem are
    its gold answer and every answer that was verified as correct for it, in `outcomes` or in `others` (more arms on the
    same problems); a problem with neither, or without another beside it, is unknown. Samples without an answer are
    left out.

    Raises InputError when the answers were not recorded, or `others` hold other problems.
    """
    arms = (outcomes, *others)
    for arm in arms:
        if arm.predicted_S is None:
            raise InputError(
                "predicted_S: the answers were not recorded; a shuffled floor needs what every sample said"
            )
        if not np.array_equal(arm.problem, outcomes.problem):
            raise InputError("others: other problems than in outcomes; all arms must be sampled on the same problems")
    problems = len(outcomes.problem)
    code = {text: place for place, text in enumerate(dict.fromkeys(text for arm in arms for text in _texts(arm)))}
    problem_S, predicted_S = _said(outcomes, code)
    asked_P = np.bincount(problem_S, minlength=problems)
    said_A = np.bincount(predicted_S, minlength=len(code))
    right_R = _right(arms, code)
    right_problem_R, right_answer_R = np.divmod(right_R, max(1, len(code)))
    pair_S = np.sort(problem_S * len(code) + predicted_S)
    own_R = np.searchsorted(pair_S, right_R, side="right") - np.searchsorted(pair_S, right_R, side="left")
    elsewhere_R = said_A[right_answer_R] - own_R
    right_P = np.bincount(right_problem_R, weights=elsewhere_R, minlength=problems).astype(np.int64)
    known_P = np.isin(np.arange(problems), right_problem_R)
    guesses_P = np.where(known_P, predicted_S.size - asked_P, 0)
    return _counted(outcomes.problem, "answers to other problems", guesses_P, right_P)


def declared_floor(problem: StrArray, answers: int | IntArray) -> GuessFloor:
    """A guess drawn evenly from `answers` possible ones (one number, or one for each problem): rate 1/answers.

    Raises InputError for a number below 1, or as many numbers as there are not problems.
    """
    answers_P = integers("answers", answers)
    if (answers_P < 1).any():
        raise InputError(f"answers: {answers_P.min()} possible answers; there is at least 1")
    if answers_P.shape not in ((), problem.shape):
        raise InputError(f"answers: {answers_P.size} numbers; give one, or one for each of the {problem.size} problems")
    return GuessFloor(problem, np.broadcast_to(1 / answers_P, problem.shape), "declared number of answers")


def direct_floor(no_reasoning: Counts) -> GuessFloor:
    """How often the model is right when made to answer at once, without reasoning: c/n of such a run."""
    return _counted(no_reasoning.problem, "no reasoning", no_reasoning.n_P, no_reasoning.c_P)


def guess_curve(floor: GuessFloor, ks: Sequence[int]) -> FloatArray:
    """Mean over the known problems of the probability that one of k guesses is right, 1 - (1-g)^k.

    Where guesses were counted, by the unbiased estimator and so NaN at k beyond their number: 1 - (1-c/n)^k with
    an estimated rate is biased, and 0 at every k where no guess was right. NaN where no problem is known.
    """
    if not floor.known_P.any():
        return np.full(len(ks), np.nan)
    return np.asarray(_guess_PK(floor, _ks(ks)).mean(axis=0))


def excess_coverage(
    counts: Counts,
    floor: GuessFloor,
    ks: Sequence[int],
    *,
    bootstrap: Bootstrap = BOOTSTRAP,
) -> ExcessCoverage:
    """pass@k beyond what guessing gives at the same k, with an interval over problems.

    With answers from 0 to 999, even guesses cover 12% at k = 128 and 64% at k = 1024, so that coverage alone says
    little there. Raises InputError when `floor` is of other problems, or none of them is known.
    """
    _require_same(counts, floor)
    known_P = floor.known_P
    if not known_P.any():
        raise InputError("floor: no problem has a known floor; there is nothing to compare with")
    k_K = _ks(ks)
    some = counts.select(known_P)
    coverage_PK = pass_at_k(some.n_P[:, None], some.c_P[:, None], k_K[None, :])
    guess_PK = _guess_PK(floor, k_K)
    excess_PK = coverage_PK - guess_PK
    low_K, high_K = mean_interval(excess_PK, bootstrap.confidence, (-1.0, 1.0), some.cluster_P)
    return ExcessCoverage(
        k_K=k_K,
        coverage_K=coverage_PK.mean(axis=0),
        floor_K=guess_PK.mean(axis=0),
        excess_K=excess_PK.mean(axis=0),
        low_K=low_K,
        high_K=high_K,
        problems=some.problems,
        bootstrap=bootstrap,
    )


def above_guessing(counts: Counts, floor: GuessFloor, *, q: float = 0.05) -> AboveGuessing:
    """Test for every problem whether its success rate exceeds its floor.

    Against an exact rate, the binomial probability of as many correct samples or more. Against counted guesses,
    Fisher's one-sided test of the two counts, for none right of a hundred guesses is not a rate of 0. Both are
    conservative, as counts are whole numbers. Raises InputError when `floor` is of other problems, or q is not
    between 0 and 1.
    """
    if not 0 < q < 1:
        raise InputError(f"q: {q}; a false discovery rate between 0 and 1 is needed, such as 0.05")
    _require_same(counts, floor)
    known_P = floor.known_P
    some, p_P, q_P = counts.select(known_P), np.full(counts.problems, np.nan), np.full(counts.problems, np.nan)
    if floor.guesses_P is None or floor.right_P is None:
        tail_P = stats.binom.sf(some.c_P - 1, some.n_P, floor.rate_P[known_P])
    else:
        guesses_P, right_P = floor.guesses_P[known_P], floor.right_P[known_P]
        tail_P = stats.hypergeom.sf(some.c_P - 1, some.n_P + guesses_P, some.c_P + right_P, some.n_P)
    p_P[known_P] = np.clip(tail_P, 0.0, 1.0)
    q_P[known_P] = benjamini_hochberg(p_P[known_P])
    return AboveGuessing(
        problem=counts.problem, p_P=p_P, q_P=q_P, above=int((q_P <= q).sum()), tested=int(known_P.sum()), q=q
    )


def _counted(
    problem: StrArray,
    source: Literal["answers to other problems", "no reasoning"],
    guesses_P: IntArray,
    right_P: IntArray,
) -> GuessFloor:
    rate_P = np.full(problem.shape, np.nan)
    np.divide(right_P, guesses_P, out=rate_P, where=guesses_P > 0)
    return GuessFloor(problem, rate_P, source, guesses_P, right_P)


def _guess_PK(floor: GuessFloor, k_K: IntArray) -> FloatArray:
    known_P = floor.known_P
    if floor.guesses_P is None or floor.right_P is None:
        with np.errstate(divide="ignore"):
            return -np.expm1(k_K * np.log1p(-floor.rate_P[known_P])[:, None])
    return pass_at_k(floor.guesses_P[known_P][:, None], floor.right_P[known_P][:, None], k_K)


def _texts(arm: Outcomes) -> list[str]:
    return [*arm.answers, *([] if arm.gold is None else arm.gold.tolist())]


def _said(arm: Outcomes, code: dict[str, int], rows: npt.NDArray[np.bool_] | None = None) -> tuple[IntArray, IntArray]:
    """The problem and the answer, numbered as in `code`, of every sample that has one."""
    predicted_S = np.asarray(arm.predicted_S)
    chosen = predicted_S >= 0 if rows is None else (predicted_S >= 0) & rows
    renumbered = np.array([code[text] for text in arm.answers], dtype=np.int64)
    return arm.problem_S[chosen].astype(np.int64), renumbered[predicted_S[chosen]]


def _right(arms: Sequence[Outcomes], code: dict[str, int]) -> IntArray:
    """The distinct right answers of all problems, each as problem x answers + answer."""
    pairs = []
    for arm in arms:
        problem_S, predicted_S = _said(arm, code, arm.answer_S == 1)
        pairs.append(problem_S * len(code) + predicted_S)
        if arm.gold is not None:
            known = np.flatnonzero(arm.gold != "")
            pairs.append(known * len(code) + np.array([code[text] for text in arm.gold[known]], dtype=np.int64))
    return np.unique(np.concatenate(pairs))


def _ks(ks: Sequence[int]) -> IntArray:
    k_K = integers("ks", list(ks))
    if k_K.ndim != 1 or not k_K.size or (k_K < 1).any():
        raise InputError(f"ks: {list(ks)}; numbers of samples, from 1, are needed")
    return k_K


def _require_same(counts: Counts, floor: GuessFloor) -> None:
    if not np.array_equal(counts.problem, floor.problem):
        raise InputError("floor: of other problems than counts; take both from the same rollouts")


@dataclass(frozen=True, eq=False)
class Guessing:
    """What guessing without any work achieves on one set, and how far each model exceeds it.

    `source` says what the floor is made of; `known` problems have one, which is `floor_K` on average.
    """

    source: str
    known: int
    k_K: IntArray
    floor_K: FloatArray
    excess: Mapping[str, ExcessCoverage]
    above: Mapping[str, AboveGuessing]

    def floor_at(self, k: int) -> float:
        """The share of problems that guessing solves within k samples."""
        return float(self.floor_K[self.k_K == k][0])


def _guessing(arms: tuple[Arm, ...], terms: Terms) -> Guessing | None:
    """The floor of one set; None where nothing says what a guess would be, or no problem has a known floor."""
    floor = _floor(arms, terms.guess)
    if floor is None or not floor.known_P.any():
        return None
    ks = sorted({*k_grid(terms.n), terms.k})
    return Guessing(
        source=floor.source,
        known=int(floor.known_P.sum()),
        k_K=np.array(ks),
        floor_K=guess_curve(floor, ks),
        excess={arm.name: excess_coverage(arm.counts, floor, ks, bootstrap=terms.bootstrap) for arm in arms},
        above={arm.name: above_guessing(arm.counts, floor) for arm in arms},
    )


def _floor(arms: tuple[Arm, ...], guess: int | Counts | None) -> GuessFloor | None:
    base, *tuned = arms
    problem = base.counts.problem
    if isinstance(guess, int):
        return declared_floor(problem, guess)
    if guess is not None:
        lacking = np.setdiff1d(problem, guess.problem)
        if lacking.size:
            raise InputError(
                f"guess: the run without reasoning lacks {lacking.size} problems ({lacking[0]}, ...); give one of all"
            )
        return direct_floor(guess.select(np.isin(guess.problem, problem)))
    if base.samples is None or base.samples.predicted_S is None or len(problem) < 2:
        return None
    others = [arm.samples for arm in tuned if arm.samples is not None and arm.samples.predicted_S is not None]
    return shuffled_floor(base.samples, others)


def _panel(result: Guessing) -> Panel:
    columns = (
        Column("coverage", "pass@k", "percent"),
        Column("floor", "Floor", "percent"),
        Column("excess", "Beyond it, points", "points"),
        Column("above", "Problems above guessing", "count"),
    )
    rows = []
    for model, excess in result.excess.items():
        above = result.above[model]
        cells = (
            Series("k", excess.k_K, excess.coverage_K),
            Series("k", excess.k_K, excess.floor_K),
            Series("k", excess.k_K, excess.excess_K, excess.low_K, excess.high_K),
            Cell(above.above, beside=f"of {above.tested}"),
        )
        rows.append(PanelRow(cells, model=model))
    excess, above = next(iter(result.excess.values())), next(iter(result.above.values()))
    note = (
        f"The floor is made of: {result.source}. It is known for {counted(result.known, 'problem')}, on which all "
        f"of this is computed. {basis(excess)} Problems are counted at a false "
        f"discovery rate of {above.q:g}."
    )
    return Panel(columns, tuple(rows), note)


GUESSING = Measure(
    name="guessing",
    title="Guess floor",
    explanation="What guessing reaches without working anything out; only what lies above it can be skill.",
    source="answers to other problems, `--answers` or `--no-reasoning`",
    unit="set",
    rank=70,
    needs=("guesses",),
    compute=_guessing,
    panel=_panel,
)
MEASURES = (GUESSING,)
