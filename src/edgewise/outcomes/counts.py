"""Counts per problem: n samples, c correct, and how many were unscorable or truncated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from edgewise.core.errors import InputError

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]
StrArray = npt.NDArray[np.str_]
LabelArray = npt.NDArray[np.int64] | npt.NDArray[np.str_]
Metric = Literal["answer", "process"]


@dataclass(frozen=True)
class Rates:
    """Shares of samples, each the mean over problems of the share within a problem.

    `truncated` is NaN where it was not recorded. Averaging over problems puts the shares on the scale
    of pass@1, so that the two compare also when problems have different numbers of samples.
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
    a reader (and `boundary_verdict`) can tell a failure to solve from a failure to be verified.

    `first_P` is the number of samples, in sample order, before the first correct one, and n when
    none is correct: problem i is solved within its first m <= n_i samples iff `first_P[i] < m`.
    It is None when only totals are known. `truncated_P` is None when truncation was not recorded. `ungraded_P` counts
    the samples that were unscorable, or truncated without being correct; None when only totals are known.

    `level` holds whole numbers or names. `cluster_P`, where given, numbers the template or source
    each problem was made from; problems of one cluster are resampled together. `set` names the
    problem set each problem belongs to.

    Raises InputError when lengths differ, a count is negative or exceeds n, or the ids are not
    sorted and distinct.
    """

    problem: StrArray
    level: LabelArray
    n_P: IntArray
    c_P: IntArray
    unscorable_P: IntArray
    truncated_P: IntArray | None
    first_P: IntArray | None = None
    cluster_P: IntArray | None = None
    set: StrArray | None = None
    metric: Metric = "answer"
    ungraded_P: IntArray | None = None

    @classmethod
    def of(
        cls,
        n: int | Sequence[int] | IntArray,
        c: Sequence[int] | IntArray,
        *,
        problem: Sequence[str] | None = None,
        level: Sequence[int] | Sequence[str] | LabelArray | None = None,
        cluster: Sequence[int] | IntArray | None = None,
    ) -> Counts:
        """Counts from totals alone, as published tables give them: no sample is known to be
        unscorable, which were truncated and the order of the samples is unknown.

        `n` is one number for all problems or one for each; problems are named by position unless
        `problem` gives sorted ids.
        """
        c_P = integers("c", c)
        zeros = np.zeros(c_P.size, dtype=np.int64)
        n_P = integers("n", n)
        names = problem if problem is not None else [f"{i:06d}" for i in range(c_P.size)]
        return cls(
            problem=np.asarray(names, dtype=np.str_),
            level=zeros if level is None else labels("level", level),
            n_P=np.full(c_P.size, n_P) if n_P.ndim == 0 else n_P,
            c_P=c_P,
            unscorable_P=zeros,
            truncated_P=None,
            cluster_P=None if cluster is None else integers("cluster", cluster),
        )

    def __post_init__(self) -> None:
        if not self.problem.size:
            raise InputError("counts: there is no problem; give at least one")
        columns = [("n_P", self.n_P), ("c_P", self.c_P)]
        columns.append(("unscorable_P", self.unscorable_P))
        if self.truncated_P is not None:
            columns.append(("truncated_P", self.truncated_P))
        if self.first_P is not None:
            columns.append(("first_P", self.first_P))
        if self.ungraded_P is not None:
            columns.append(("ungraded_P", self.ungraded_P))
        marks = [("level", labels("level", self.level))]
        if self.cluster_P is not None:
            marks.append(("cluster_P", integers("cluster_P", self.cluster_P)))
        if self.set is not None:
            marks.append(("set", labels("set", self.set)))
        for name, mark in [*marks, *columns]:
            if np.shape(mark) != self.problem.shape:
                raise InputError(
                    f"{name}: shape {np.shape(mark)}; it needs one for each of the {self.problem.size} problems"
                )
        for name, column in columns:
            if (integers(name, column) < 0).any():
                raise InputError(f"{name}: a negative count; counts start at 0")
            if (column > self.n_P).any():
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

    def select(self, chosen_P: npt.NDArray[np.bool_]) -> Counts:
        """The problems where `chosen_P` is true. Raises InputError when that is none."""

        def of(column: Any) -> Any:
            return None if column is None else column[chosen_P]

        return Counts(
            problem=self.problem[chosen_P],
            level=self.level[chosen_P],
            n_P=self.n_P[chosen_P],
            c_P=self.c_P[chosen_P],
            unscorable_P=self.unscorable_P[chosen_P],
            truncated_P=of(self.truncated_P),
            first_P=of(self.first_P),
            cluster_P=of(self.cluster_P),
            set=of(self.set),
            metric=self.metric,
            ungraded_P=of(self.ungraded_P),
        )

    def deal(self, m: int | IntArray, seed: int) -> tuple[Counts, Counts]:
        """m of every problem's samples chosen at random, and the others: two independent draws.

        Samples of one problem are exchangeable, so the split of c correct ones is hypergeometric and
        needs no order of the samples. `m` is one number for all problems or one for each. Rates and
        order are not carried over. Raises InputError unless 0 < m < n for every problem.
        """
        m_P = np.broadcast_to(integers("m", m), self.n_P.shape)
        if (m_P < 1).any() or (m_P >= self.n_P).any():
            raise InputError(f"m: {m_P.min()} to {m_P.max()} samples; every problem must keep at least 1 of its n")
        c_P = np.random.default_rng((seed, 2)).hypergeometric(self.c_P, self.n_P - self.c_P, m_P)
        zeros = np.zeros_like(self.n_P)

        def half(n: IntArray, c: IntArray) -> Counts:
            return Counts(
                problem=self.problem,
                level=self.level,
                n_P=n,
                c_P=c,
                unscorable_P=zeros,
                truncated_P=None,
                cluster_P=self.cluster_P,
                set=self.set,
                metric=self.metric,
            )

        return half(m_P.copy(), c_P), half(self.n_P - m_P, self.c_P - c_P)

    def require_metric(self, metric: Metric) -> Counts:
        """These counts; InputError where they are those of another metric."""
        if self.metric != metric:
            raise InputError(f"metric: the counts are those of the {self.metric}; use {self.metric!r}")
        return self

    @property
    def ungraded_at_most_P(self) -> IntArray:
        """How many samples of each problem were not graded, or, where only totals are known, may not have been."""
        if self.ungraded_P is not None:
            return self.ungraded_P
        cut_P = np.zeros_like(self.n_P) if self.truncated_P is None else self.truncated_P
        most_P: IntArray = np.minimum(self.unscorable_P + cut_P, self.n_P - self.c_P)
        return most_P

    @property
    def scored(self) -> int:
        """How many samples could be scored, of all problems together."""
        return int((self.n_P - self.unscorable_P).sum())

    def require_scored(self, name: str) -> Counts:
        """These counts; InputError, which begins with `name`, where no sample could be scored: they give no rate."""
        if not self.scored:
            raise InputError(
                f"{name}: none of its {self.n_P.sum():,} samples could be scored by the {self.metric}; a rate needs "
                "graded samples"
            )
        return self

    def rates(self) -> Rates:
        """The unscorable and the truncated share, averaged over problems."""
        return Rates(
            unscorable=float(np.mean(self.unscorable_P / self.n_P)),
            truncated=float("nan") if self.truncated_P is None else float(np.mean(self.truncated_P / self.n_P)),
            problems=self.problems,
        )


def require_same_problems(base: Counts, tuned: Counts) -> None:
    """Raise InputError, naming the first few problems that differ, unless both hold the same
    problems in the same sets, at the same levels and in the same clusters, by the same metric."""
    if not np.array_equal(base.problem, tuned.problem):
        for where, arm, other in (("base", base, tuned), ("tuned", tuned, base)):
            missing = np.setdiff1d(arm.problem, other.problem)
            if missing.size:
                raise InputError(
                    f"problem: {missing.size} only in {where} ({_few(missing)}); "
                    "both arms must be sampled on the same problems"
                )
    if base.set is not None and tuned.set is not None:
        elsewhere = base.problem[base.set != tuned.set]
        if elsewhere.size:
            raise InputError(
                f"set: {elsewhere.size} problems are in another set in tuned than in base "
                f"({_few(elsewhere)}); a problem has one set"
            )
    moved = base.problem[base.level != tuned.level]
    if moved.size:
        raise InputError(
            f"level: {moved.size} problems have another level in tuned than in base "
            f"({_few(moved)}); a problem has one level"
        )
    if (
        base.cluster_P is not None
        and tuned.cluster_P is not None
        and not np.array_equal(base.cluster_P, tuned.cluster_P)
    ):
        raise InputError("cluster: the problems form other clusters in tuned than in base; a problem has one cluster")
    if base.metric != tuned.metric:
        raise InputError(f"metric: base is counted by {base.metric} and tuned by {tuned.metric}; use one for both")


def labels(name: str, values: Any) -> LabelArray:
    """`values` as int64 or as strings, or InputError naming `name` when they are neither."""
    array = np.asarray(values)
    if array.dtype.kind == "U":
        return array.copy()
    if array.dtype.kind not in "iu":
        raise InputError(f"{name}: {array.dtype} values; whole numbers or names are needed")
    return array.astype(np.int64)


def integers(name: str, values: Any) -> IntArray:
    """`values` as int64, or InputError naming `name` when they are not integers."""
    array = np.asarray(values)
    if array.dtype.kind not in "iu":
        raise InputError(f"{name}: {array.dtype} values; whole numbers are needed")
    return array.astype(np.int64)


def _few(ids: StrArray) -> str:
    return ", ".join(str(name) for name in ids[:3]) + (", ..." if ids.size > 3 else "")
