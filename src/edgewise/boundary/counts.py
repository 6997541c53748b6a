"""What is left of the outcomes once every problem is reduced to its numbers of samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from edgewise.errors import InputError

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]
StrArray = npt.NDArray[np.str_]
Metric = Literal["answer", "process"]


@dataclass(frozen=True)
class Rates:
    """Shares of samples, each the mean over problems of the share within a problem.

    Averaging over problems puts the shares on the scale of pass@1, so that the two compare also
    when problems have different numbers of samples.
    """

    unscorable: float
    truncated: float
    problems: int


@dataclass(frozen=True, eq=False)
class Counts:
    """Samples and correct samples of every problem, sorted by problem id.

    `n_P` counts every sample, unscorable ones too; `c_P` counts only correct ones. An unscorable
    sample is therefore in n and not in c: it is never called wrong, but it lowers pass@k as a
    wrong one would. `unscorable_P` and `truncated_P` say how many such samples there are, so that
    a reader (and `judge_boundary`) can tell a failure to solve from a failure to be judged.

    `first_P` is the number of samples, in sample order, before the first correct one, and n when
    none is correct: problem i is solved within its first m <= n_i samples iff `first_P[i] < m`.
    It is None when only totals are known.

    Raises InputError when lengths differ, a count is negative or exceeds n, or the ids are not
    sorted and distinct.
    """

    problem: StrArray
    level: IntArray
    n_P: IntArray
    c_P: IntArray
    unscorable_P: IntArray
    truncated_P: IntArray
    first_P: IntArray | None = None
    metric: Metric = "answer"

    @classmethod
    def of(
        cls,
        n: int | Sequence[int] | IntArray,
        c: Sequence[int] | IntArray,
        *,
        problem: Sequence[str] | None = None,
        level: Sequence[int] | IntArray | None = None,
    ) -> Counts:
        """Counts from totals alone, as published tables give them: no sample is known to be
        unscorable or truncated, and the order of the samples is unknown.

        `n` is one number for all problems or one for each; problems are named by position unless
        `problem` gives sorted ids.
        """
        c_P = integers("c", c)
        zeros = np.zeros(c_P.size, dtype=np.int64)
        n_P = integers("n", n)
        names = problem if problem is not None else [f"{i:06d}" for i in range(c_P.size)]
        return cls(
            problem=np.asarray(names, dtype=np.str_),
            level=zeros if level is None else integers("level", level),
            n_P=np.full(c_P.size, n_P) if n_P.ndim == 0 else n_P,
            c_P=c_P,
            unscorable_P=zeros,
            truncated_P=zeros,
        )

    def __post_init__(self) -> None:
        if not self.problem.size:
            raise InputError("counts: there is no problem; give at least one")
        columns = [("level", self.level), ("n_P", self.n_P), ("c_P", self.c_P)]
        columns += [("unscorable_P", self.unscorable_P), ("truncated_P", self.truncated_P)]
        if self.first_P is not None:
            columns.append(("first_P", self.first_P))
        for name, column in columns:
            if integers(name, column).shape != self.problem.shape:
                raise InputError(
                    f"{name}: shape {column.shape}; it needs one number for each of the {self.problem.size} problems"
                )
            if name != "level" and (column < 0).any():
                raise InputError(f"{name}: a negative count; counts start at 0")
            if name != "level" and (column > self.n_P).any():
                where = int(np.argmax(column > self.n_P))
                raise InputError(
                    f"{name}: {column[where]} for problem {self.problem[where]}, which has only "
                    f"{self.n_P[where]} samples"
                )
        if not self.n_P.all():
            raise InputError(f"n_P: problem {self.problem[np.argmin(self.n_P)]} has no sample")
        if (self.problem[1:] <= self.problem[:-1]).any():
            raise InputError("problem: the ids must be sorted and distinct")

    @property
    def problems(self) -> int:
        """How many problems there are."""
        return int(self.problem.size)

    @property
    def n(self) -> int:
        """The smallest number of samples of any problem: the largest k all of them support."""
        return int(self.n_P.min())

    def rates(self) -> Rates:
        """The unscorable and the truncated share, averaged over problems."""
        return Rates(
            unscorable=float(np.mean(self.unscorable_P / self.n_P)),
            truncated=float(np.mean(self.truncated_P / self.n_P)),
            problems=self.problems,
        )


def require_same_problems(base: Counts, tuned: Counts) -> None:
    """Raise InputError, naming the first few problems that differ, unless both hold the same
    problems at the same levels, judged by the same metric."""
    only_base = np.setdiff1d(base.problem, tuned.problem)
    only_tuned = np.setdiff1d(tuned.problem, base.problem)
    for where, missing in (("base", only_base), ("tuned", only_tuned)):
        if missing.size:
            raise InputError(
                f"problem: {missing.size} only in {where} ({_few(missing)}); "
                "both arms must be sampled on the same problems"
            )
    moved = base.problem[base.level != tuned.level]
    if moved.size:
        raise InputError(
            f"level: {moved.size} problems have another level in tuned than in base "
            f"({_few(moved)}); a problem has one level"
        )
    if base.metric != tuned.metric:
        raise InputError(f"metric: base is judged by {base.metric} and tuned by {tuned.metric}; judge both by the same")


def integers(name: str, values: Any) -> IntArray:
    """`values` as int64, or InputError naming `name` when they are not integers."""
    array = np.asarray(values)
    if array.dtype.kind not in "iu":
        raise InputError(f"{name}: {array.dtype} values; whole numbers are needed")
    return array.astype(np.int64)


def _few(ids: StrArray) -> str:
    return ", ".join(str(one) for one in ids[:3]) + (", ..." if ids.size > 3 else "")
