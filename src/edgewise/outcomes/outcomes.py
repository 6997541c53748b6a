"""Outcomes: the table problems x samples of verdicts, and the counts made from it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from edgewise.core.errors import InputError
from edgewise.outcomes.counts import (
    Counts,
    FloatArray,
    IntArray,
    LabelArray,
    Metric,
    Rates,
    StrArray,
    integers,
    labels,
    require_same_problems,
)

# One long id would otherwise widen every row of a fixed-width string column.
MAX_ID_LENGTH = 256

Int32Array = npt.NDArray[np.int32]
MarkArray = npt.NDArray[np.int8]
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Outcomes:
    """S samples of P problems, in any order; columns end in `_S` where they have one value a sample.

    Of the samples: `problem_S` (position of its problem in `problem`), `sample_S` (number of the sample within its
    problem, in the order of drawing), `answer_S` and `process_S` (1 correct, 0 wrong, -1 unscorable), `truncated_S`
    (the completion met the length limit), `tokens_S` (its length), `score_S` (a graded reward), `logprob_S` (sum over
    its tokens, nats), `predicted_S` (position of its final answer in `answers`, -1 where there is none), `text_S` (a
    number of the completion: that of an equal text of the problem, 0 where it is not known), `seed_S` (that it was
    drawn with). These two tell copies from draws and are not stored.

    Of the problems: `problem` (ids, sorted and distinct), `level` (whole numbers or names), `set`
    (problem set), `cluster` (problems made from one template or source share one), `gold` (the right
    answer as text, "" where unknown).

    What was not recorded is None. Raises InputError when there is no sample, lengths or types differ
    from these, a verdict is not in {-1, 0, 1}, or a problem has a sample number twice or no sample.
    """

    problem: StrArray
    level: LabelArray
    problem_S: Int32Array
    sample_S: IntArray
    answer_S: MarkArray
    process_S: MarkArray | None = None
    truncated_S: BoolArray | None = None
    tokens_S: IntArray | None = None
    score_S: FloatArray | None = None
    logprob_S: FloatArray | None = None
    predicted_S: Int32Array | None = None
    text_S: IntArray | None = None
    seed_S: IntArray | None = None
    answers: tuple[str, ...] = ()
    set: StrArray | None = None
    cluster: StrArray | None = None
    gold: StrArray | None = None

    @classmethod
    def of(
        cls,
        *,
        problem: Sequence[str] | StrArray,
        sample: Any,
        answer: Any,
        process: Any = None,
        truncated: Any = None,
        tokens: Any = None,
        level: Any = None,
    ) -> Outcomes:
        """Outcomes from one row per sample: ids, and the problem's level (0 by default), in every row."""
        named = _ids(problem)
        ids, first, code = np.unique(named, return_index=True, return_inverse=True)
        level_S = labels("level", np.zeros(named.size, dtype=np.int64) if level is None else level)
        if level_S.shape != named.shape:
            raise InputError(f"level: shape {level_S.shape}; it needs one value for each of the {named.size} rows")
        moved = level_S != level_S[first][code]
        if moved.any():
            row = int(np.argmax(moved))
            raise InputError(
                f"level: problem {named[row]} has levels {level_S[first][code[row]]} and {level_S[row]}; "
                "a problem has one level"
            )
        return cls(
            problem=ids,
            level=level_S[first],
            problem_S=code.astype(np.int32),
            sample_S=sample,
            answer_S=answer,
            process_S=process,
            truncated_S=truncated,
            tokens_S=tokens,
        )

    def __post_init__(self) -> None:
        problem_S = integers("problem_S", self.problem_S)
        if not problem_S.size:
            raise InputError("problem: there is no row; outcomes need at least one sample")
        problems = len(self.problem)

        def keep(name: str, column: npt.NDArray[Any], size: int = problem_S.size) -> None:
            if column.shape != (size,):
                raise InputError(f"{name}: shape {column.shape}; it needs one value for each of the {size} rows")
            column.setflags(write=False)
            object.__setattr__(self, name, column)

        keep("problem_S", problem_S.astype(np.int32))
        keep("sample_S", integers("sample_S", self.sample_S))
        keep("answer_S", _verdicts("answer_S", self.answer_S))
        if self.process_S is not None:
            keep("process_S", _verdicts("process_S", self.process_S))
        if self.truncated_S is not None:
            truncated = np.asarray(self.truncated_S)
            if truncated.dtype != np.bool_:
                raise InputError(f"truncated_S: {truncated.dtype} values; true or false is needed")
            keep("truncated_S", truncated.copy())
        if self.tokens_S is not None:
            keep("tokens_S", integers("tokens_S", self.tokens_S))
            if (self.tokens_S < 0).any():
                raise InputError("tokens_S: a negative length; lengths start at 0")
        for name in ("score_S", "logprob_S"):
            if getattr(self, name) is not None:
                keep(name, np.asarray(getattr(self, name), dtype=np.float64).copy())
        if self.predicted_S is not None:
            keep("predicted_S", integers("predicted_S", self.predicted_S).astype(np.int32))
            if (self.predicted_S >= len(self.answers)).any():
                raise InputError(f"predicted_S: beyond the {len(self.answers)} answers")
        for name in ("text_S", "seed_S"):
            if getattr(self, name) is not None:
                keep(name, integers(name, getattr(self, name)))
        keep("problem", np.asarray(self.problem, dtype=np.str_).copy(), problems)
        keep("level", labels("level", self.level), problems)
        for name in ("set", "cluster", "gold"):
            if getattr(self, name) is not None:
                keep(name, np.asarray(getattr(self, name), dtype=np.str_).copy(), problems)
        self._check_rows()

    def _check_rows(self) -> None:
        if (self.problem[1:] <= self.problem[:-1]).any():
            raise InputError("problem: the ids must be sorted and distinct")
        n_P = np.bincount(self.problem_S, minlength=len(self.problem))
        if len(n_P) > len(self.problem) or self.problem_S.min() < 0:
            raise InputError(f"problem_S: beyond the {len(self.problem)} problems")
        if not n_P.all():
            raise InputError(f"problem: {self.problem[np.argmin(n_P)]} has no sample")
        order = self.order
        code, sample = self.problem_S[order], self.sample_S[order]
        twice = (code[1:] == code[:-1]) & (sample[1:] == sample[:-1])
        if twice.any():
            row = int(np.argmax(twice))
            raise InputError(
                f"sample: problem {self.problem[code[row]]} has sample {sample[row]} twice; a sample is one row"
            )

    @cached_property
    def order(self) -> IntArray:
        """The rows by problem, then by sample number."""
        return np.lexsort((self.sample_S, self.problem_S))

    @cached_property
    def cluster_P(self) -> IntArray | None:
        """The number of each problem's cluster, None where clusters are not known."""
        return None if self.cluster is None else np.unique(self.cluster, return_inverse=True)[1]

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """What the samples were verified by: the answer, and the process where it was."""
        return ("answer",) if self.process_S is None else ("answer", "process")

    @property
    def levels(self) -> tuple[int | str, ...]:
        """The distinct levels, ascending."""
        return tuple(np.unique(self.level).tolist())

    def select(self, chosen_P: BoolArray) -> Outcomes:
        """The problems where `chosen_P` is true, with their samples.

        Raises InputError when that is none.
        """
        if not chosen_P.any():
            raise InputError("select: no problem is chosen; choose at least one")
        rows = chosen_P[self.problem_S]
        place = np.cumsum(chosen_P) - 1

        def of_samples(column: Any) -> Any:
            return None if column is None else column[rows]

        def of_problems(column: Any) -> Any:
            return None if column is None else column[chosen_P]

        return Outcomes(
            problem=self.problem[chosen_P],
            level=self.level[chosen_P],
            problem_S=place[self.problem_S[rows]],
            sample_S=self.sample_S[rows],
            answer_S=self.answer_S[rows],
            process_S=of_samples(self.process_S),
            truncated_S=of_samples(self.truncated_S),
            tokens_S=of_samples(self.tokens_S),
            score_S=of_samples(self.score_S),
            logprob_S=of_samples(self.logprob_S),
            predicted_S=of_samples(self.predicted_S),
            text_S=of_samples(self.text_S),
            seed_S=of_samples(self.seed_S),
            answers=self.answers,
            set=of_problems(self.set),
            cluster=of_problems(self.cluster),
            gold=of_problems(self.gold),
        )

    def select_levels(self, levels: Iterable[int | str]) -> Outcomes:
        """The problems at one of `levels`. Raises InputError when a level does not occur."""
        wanted = list(levels)
        absent = sorted(set(wanted) - set(self.levels), key=str)
        if absent or not wanted:
            raise InputError(f"levels: {absent or 'none'} asked for; there are {self.levels}")
        return self.select(np.isin(self.level, wanted))

    def rates(self) -> Rates:
        """The shares of samples unscorable by their answer, and truncated; see `Rates`."""
        return self.counts("answer").rates()

    def counts(self, metric: Metric = "answer") -> Counts:
        """Samples and correct samples of every problem, sorted by problem id.

        An unscorable sample is in `n_P` and not in `c_P`; `unscorable_P` counts it beside. See
        `Counts`. Raises InputError when `metric` is neither "answer" nor "process", or the process
        was not verified.
        """
        if metric not in ("answer", "process"):
            raise InputError(f"metric: {metric!r} is unknown; use 'answer' or 'process'")
        verdict = self.answer_S if metric == "answer" else self.process_S
        if verdict is None:
            raise InputError("metric: the process was not verified; use 'answer'")
        code, problems = self.problem_S, len(self.problem)
        n_P = np.bincount(code, minlength=problems).astype(np.int64)

        def count(rows: BoolArray) -> IntArray:
            return np.bincount(code[rows], minlength=problems).astype(np.int64)

        rank = np.empty(code.size, dtype=np.int64)
        rank[self.order] = np.arange(code.size) - np.repeat(np.cumsum(n_P) - n_P, n_P)
        first_P = n_P.copy()
        correct = verdict == 1
        ungraded = verdict == -1
        if self.truncated_S is not None:
            ungraded = ungraded | (self.truncated_S & ~correct)
        np.minimum.at(first_P, code[correct], rank[correct])
        return Counts(
            problem=self.problem,
            level=self.level,
            n_P=n_P,
            c_P=count(correct),
            unscorable_P=count(verdict == -1),
            truncated_P=None if self.truncated_S is None else count(self.truncated_S),
            first_P=first_P,
            cluster_P=self.cluster_P,
            set=self.set,
            metric=metric,
            ungraded_P=count(ungraded),
        )


def align(base: Outcomes, tuned: Outcomes, metric: Metric = "answer") -> tuple[Counts, Counts]:
    """The counts of both arms on the same problems in the same order.

    Raises InputError, naming the first few problems that differ, unless both arms hold the same
    problems at the same levels.
    """
    pair = base.counts(metric), tuned.counts(metric)
    require_same_problems(*pair)
    return pair


def _ids(values: Any) -> StrArray:
    listed = list(values)
    if not listed:
        raise InputError("problem: there is no row; outcomes need at least one sample")
    odd = next((name for name in listed if not isinstance(name, str | int | np.integer)), None)
    if odd is not None:
        raise InputError(f"problem: an id of type {type(odd).__name__}; ids are strings")
    ids = [str(name) for name in listed]
    if max(map(len, ids)) > MAX_ID_LENGTH:
        raise InputError(f"problem: an id is longer than {MAX_ID_LENGTH} characters")
    return np.array(ids, dtype=np.str_)


def _verdicts(name: str, values: Any) -> MarkArray:
    array = integers(name, values)
    odd = array[(array < -1) | (array > 1)]
    if odd.size:
        raise InputError(f"{name}: verdict {odd[0]}; use 1 (correct), 0 (wrong) or -1 (unscorable)")
    return array.astype(np.int8)
