"""Number problems in order of appearance, and keep the attributes that all rows of a problem share."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from edgewise.interop.ingest.columns import DictionaryColumn, DictionaryEncoder, GrowingArray
from edgewise.outcomes.counts import IntArray
from edgewise.outcomes.outcomes import Int32Array


class ProblemIndex:
    """Numbers the problems in order of appearance; a problem is a (model, set, id) triple of codes.

    The code -1 stands for a model or a set that the file does not name.
    """

    def __init__(self) -> None:
        self.count = 0
        self._numbers: dict[int, int] = {}
        self._model = GrowingArray(np.int32, -1)
        self._set = GrowingArray(np.int32, -1)
        self._id = GrowingArray(np.int32, -1)
        self._first_row = GrowingArray(np.int64, -1)
        self._rank_in_group = GrowingArray(np.int32, 0)
        self._group_sizes: dict[int, int] = {}

    @property
    def model_P(self) -> Int32Array:
        """The code of each problem's model."""
        return self._model.first(self.count)

    @property
    def set_P(self) -> Int32Array:
        """The code of each problem's set."""
        return self._set.first(self.count)

    @property
    def id_P(self) -> Int32Array:
        """The code of each problem's id."""
        return self._id.first(self.count)

    @property
    def first_row_P(self) -> IntArray:
        """The row in which each problem appeared first."""
        return self._first_row.first(self.count)

    @property
    def rank_in_group_P(self) -> Int32Array:
        """How many problems of the same model and set had appeared before."""
        return self._rank_in_group.first(self.count)

    def number(
        self, start: int, model_S: Int32Array, set_S: Int32Array, id_S: Int32Array
    ) -> tuple[Int32Array, IntArray]:
        """Each row's problem, and the places of the rows that are the first of their problem.

        `start` is the number of rows before these.
        """
        group_S = (model_S.astype(np.int64) + 1) * 2**20 + set_S + 1
        keys, first, inverse = np.unique(group_S * 2**31 + id_S, return_index=True, return_inverse=True)
        # In order of appearance, so that new problems get ascending numbers.
        order = np.argsort(first)
        numbers = [self._numbers.setdefault(key, len(self._numbers)) for key in keys[order].tolist()]
        number_of_key = np.empty(keys.size, np.int32)
        number_of_key[order] = numbers
        before, self.count = self.count, len(self._numbers)
        new_rows = first[order][np.array(numbers) >= before]
        if new_rows.size:
            self.model_P[before:] = model_S[new_rows]
            self.set_P[before:] = set_S[new_rows]
            self.id_P[before:] = id_S[new_rows]
            self.first_row_P[before:] = start + new_rows
            self.rank_in_group_P[before:] = self._ranks(group_S[new_rows])
        return number_of_key[inverse], new_rows

    def _ranks(self, group_N: IntArray) -> IntArray:
        """The ranks of new problems within their groups, whose sizes grow by them."""
        groups, position_N, sizes = np.unique(group_N, return_inverse=True, return_counts=True)
        before = np.array([self._group_sizes.get(group, 0) for group in groups.tolist()])
        self._group_sizes.update(zip(groups.tolist(), (before + sizes).tolist(), strict=True))
        return before[position_N] + rank_within(position_N)


class ProblemAttribute:
    """One attribute of every problem, such as its level: a value that all its rows share, or none."""

    def __init__(self) -> None:
        self._encoder = DictionaryEncoder()
        self._code = GrowingArray(np.int32, -1)

    def add(self, problems: int, problem_S: Int32Array, column: DictionaryColumn) -> tuple[int, Any, Any] | None:
        """Add the cells of some rows; return the first row that contradicts one before, its value and that before."""
        code_S = self._encoder.encode(column)
        given_S = code_S >= 0
        known_P = self._code.first(problems)
        new_S = given_S & (known_P[problem_S] < 0)
        # Backwards, so that the first row of a problem is written last.
        known_P[problem_S[new_S][::-1]] = code_S[new_S][::-1]
        differs_S = given_S & (known_P[problem_S] != code_S)
        if not differs_S.any():
            return None
        row = int(np.argmax(differs_S))
        values = self._encoder.values()
        return row, values[code_S[row]], values[known_P[problem_S[row]]]

    def values(self, problems: int, chosen_P: IntArray) -> list[Any]:
        """The values of the chosen ones of the `problems` there are, None where no row had one."""
        values = self._encoder.values()
        codes = self._code.first(problems)[chosen_P].tolist()
        return [None if code < 0 else values[code] for code in codes]


def rank_within(group_N: npt.NDArray[np.integer[Any]]) -> IntArray:
    """Each item's position among the items of its group; groups are numbered from 0."""
    order = np.argsort(group_N, kind="stable")
    sizes = np.bincount(group_N)
    rank_N = np.empty(group_N.size, dtype=np.int64)
    rank_N[order] = np.arange(group_N.size) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return rank_N
