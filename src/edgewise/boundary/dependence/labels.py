"""Group the samples of each problem by what is known of them, such as their text: which are equal, and how often."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgewise.outcomes.counts import IntArray
from edgewise.outcomes.outcomes import BoolArray

# Problems are sorted as rows of a matrix where it has at most so many cells for each sample.
_CELLS_PER_SAMPLE = 4


@dataclass(frozen=True, eq=False)
class Labels:
    """Samples with a label, problem by problem in the order of drawing, and the groups of equal ones.

    `problem_S` numbers the problems from 0, each of which has `n_P` samples. `row_S` are the places of the samples by
    group, those of one group in the order of drawing. `start_L` is where in it each group begins, `times_L` how many
    samples it has and `problem_L` of which problem they are.
    """

    problem_S: IntArray
    n_P: IntArray
    row_S: IntArray
    start_L: IntArray
    times_L: IntArray
    problem_L: IntArray
    is_grouped: bool

    @classmethod
    def of(cls, problem_S: IntArray, label_S: IntArray) -> Labels:
        """Group the samples; `problem_S` ascends."""
        new_S = np.diff(problem_S, prepend=-1) != 0
        number_S = np.cumsum(new_S) - 1
        n_P = np.bincount(number_S)
        row_S = _by_label(number_S, n_P, label_S)
        sorted_S = label_S[row_S]
        starts_S = new_S.copy()
        starts_S[1:] |= sorted_S[1:] != sorted_S[:-1]
        start_L = np.flatnonzero(starts_S)
        runs_S = new_S.copy()
        runs_S[1:] |= label_S[1:] != label_S[:-1]
        return cls(
            problem_S=number_S,
            n_P=n_P,
            row_S=row_S,
            start_L=start_L,
            times_L=np.diff(np.append(start_L, label_S.size)),
            problem_L=number_S[start_L],
            is_grouped=bool(runs_S.sum() <= 1.01 * start_L.size),
        )

    @property
    def repeat(self) -> bool:
        """Whether any two samples of a problem are equal."""
        return self.start_L.size < self.row_S.size

    def coins(self) -> BoolArray:
        """A fair coin for each group, seen at its samples; the same on every run, whatever the labels are called."""
        coin_S = np.random.default_rng(0).random(self.row_S.size) < 0.5
        of_sample_S = np.empty_like(coin_S)
        of_sample_S[self.row_S] = np.repeat(coin_S[self.row_S[self.start_L]], self.times_L)
        return of_sample_S


def _by_label(number_S: IntArray, n_P: IntArray, label_S: IntArray) -> IntArray:
    """The places of the samples by problem, then by label, then as they were."""
    width = int(n_P.max())
    if width * n_P.size > _CELLS_PER_SAMPLE * label_S.size:
        return np.lexsort((label_S, number_S))
    inside_PS = np.arange(width) < n_P[:, None]
    label_PS = np.full(inside_PS.shape, np.iinfo(np.int64).max)
    label_PS[inside_PS] = label_S
    # Equal cells stay in order, so that what lies beyond the samples of a problem stays behind them.
    order_PS = np.argsort(label_PS, axis=1, kind="stable") + (np.cumsum(n_P) - n_P)[:, None]
    return np.asarray(order_PS[inside_PS])
