"""Columns as codes: a few bytes a row, whatever the strings are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Codes = npt.NDArray[np.int32]
Rows = npt.NDArray[np.int64]
Array = npt.NDArray[Any]

# An empty cell of a column of whole numbers; of real numbers it is NaN.
MISSING = int(np.iinfo(np.int64).min)


@dataclass(frozen=True, eq=False)
class Coded:
    """A column of rows as its distinct `values` (None for an empty cell) and each row's place among them."""

    values: Sequence[Any]
    code: Codes

    @classmethod
    def of(cls, cells: Sequence[Any]) -> Coded:
        """The column of these cells. Cells of several types, or lists, are not compared."""
        kinds = set(map(type, cells)) - {type(None)}
        if len(kinds) > 1 or not kinds <= {str, int, float, bool}:
            return cls(cells, np.arange(len(cells), dtype=np.int32))
        places: dict[Any, int] = {}
        code = np.fromiter((places.setdefault(cell, len(places)) for cell in cells), np.int32, len(cells))
        return cls(list(places), code)

    def map(self, convert: Callable[[Any], Any], fail: Callable[[int, str], Exception]) -> Coded:
        """The column of what `convert` makes of the cells; its ValueError is `fail` of the row and the words."""
        found = []
        for code, value in enumerate(self.values):
            try:
                found.append(convert(value))
            except ValueError as error:
                if (self.code == code).any():
                    raise fail(int(np.argmax(self.code == code)), str(error)) from None
                # A stored dictionary may hold values that no row has.
                found.append(None)
        return Coded(found, self.code)

    def whole(self) -> Rows:
        """The cells as whole numbers, MISSING where empty."""
        return np.array([MISSING if value is None else value for value in self.values], dtype=np.int64)[self.code]

    def real(self) -> npt.NDArray[np.float64]:
        """The cells as real numbers, NaN where empty."""
        return np.array([np.nan if value is None else value for value in self.values], dtype=np.float64)[self.code]


class Names:
    """Distinct values, numbered in order of appearance; an empty cell is -1.

    Values beyond the first `most` are -1 too, and then `full` is true.
    """

    def __init__(self, most: int = 2**31 - 1) -> None:
        self.values: list[Any] = []
        self.full = False
        self._most = most
        self._number: dict[Any, int] = {}

    def codes(self, column: Coded) -> Codes:
        """Each row's number."""
        local = np.fromiter((self._code(value) for value in column.values), np.int32, len(column.values))
        return local[column.code]

    def _code(self, value: Any) -> int:
        if value is None:
            return -1
        number = self._number.get(value)
        if number is None:
            number = len(self.values)
            if number == self._most:
                self.full = True
                return -1
            self._number[value] = number
            self.values.append(value)
        return number


class Growing:
    """One number for each of ever more problems."""

    def __init__(self, dtype: type[np.generic], fill: int) -> None:
        self._array: Array = np.full(1024, fill, dtype)
        self._fill = fill

    def upto(self, size: int) -> Array:
        """The numbers of the first `size`, a view to write to."""
        if size > self._array.size:
            longer = np.full(max(size, 2 * self._array.size), self._fill, self._array.dtype)
            longer[: self._array.size] = self._array
            self._array = longer
        return self._array[:size]


class Alike:
    """Whether all texts seen of a problem are one and the same, from their hashes."""

    def __init__(self) -> None:
        self._first = Growing(np.int64, 0)
        self._seen = Growing(np.int64, 0)
        self._differ = Growing(np.bool_, 0)

    def add(self, problems: int, problem_S: Codes, hash_S: Rows) -> None:
        """Count texts of some of the `problems` there are so far."""
        first, seen, differ = self._first.upto(problems), self._seen.upto(problems), self._differ.upto(problems)
        new = seen[problem_S] == 0
        first[problem_S[new][::-1]] = hash_S[new][::-1]
        seen += np.bincount(problem_S, minlength=problems)
        differ[problem_S[hash_S != first[problem_S]]] = True

    def seen(self, problems: int) -> Rows:
        """How many texts there were of each problem."""
        return self._seen.upto(problems)

    def differ(self, problems: int) -> npt.NDArray[np.bool_]:
        """Whether two texts of a problem differed."""
        return self._differ.upto(problems)


class Parts:
    """A column in parts, some of them empty; the whole of it is made once, at the end."""

    def __init__(self) -> None:
        self._parts: list[tuple[int, Array]] = []

    def add(self, start: int, part: Array) -> None:
        """The cells from row `start` on."""
        self._parts.append((start, part))

    def between(self, start: int, end: int) -> Array:
        """The cells of these rows, all of them given."""
        found = []
        for first, part in reversed(self._parts):
            if first < end:
                found.append(part[max(start - first, 0) : end - first])
            if first <= start:
                break
        return np.concatenate(found[::-1])

    def whole(self, rows: int, fill: float) -> Array:
        """All cells, `fill` where none was given. The parts are given up on the way."""
        whole = np.full(rows, fill, self._parts[0][1].dtype)
        while self._parts:
            start, part = self._parts.pop()
            whole[start : start + part.size] = part
        return whole
