"""Columns in memory: dictionary encoding, arrays that grow and columns in chunks; a few bytes a row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt

from edgewise.outcomes.counts import FloatArray, IntArray
from edgewise.outcomes.outcomes import Int32Array

Array = npt.NDArray[Any]

# An empty cell of a column of whole numbers; of real numbers it is NaN.
MISSING = int(np.iinfo(np.int64).min)


@dataclass(frozen=True, eq=False)
class DictionaryColumn:
    """A dictionary-encoded column: its `values` (None for an empty cell) and each row's place among them."""

    values: Sequence[Any]
    code_S: Int32Array

    @classmethod
    def of(cls, cells: Sequence[Any]) -> DictionaryColumn:
        """Encode the cells of a column. Cells of several types, or lists, are not compared: each is a value."""
        types = set(map(type, cells)) - {type(None)}
        if len(types) > 1 or not types <= {str, int, float, bool}:
            return cls(cells, np.arange(len(cells), dtype=np.int32))
        places: dict[Any, int] = {}
        code_S = np.fromiter((places.setdefault(cell, len(places)) for cell in cells), np.int32, len(cells))
        return cls(list(places), code_S)

    def convert(
        self, convert_cell: Callable[[Any], Any], error_of_row: Callable[[int, str], Exception]
    ) -> DictionaryColumn:
        """Convert every distinct value once; raise `error_of_row(row, words)` where that raises ValueError(words)."""
        converted = []
        for code, value in enumerate(self.values):
            try:
                converted.append(convert_cell(value))
            except ValueError as error:
                if (self.code_S == code).any():
                    raise error_of_row(int(np.argmax(self.code_S == code)), str(error)) from None
                # A dictionary that was stored in a file may hold values that no row has.
                converted.append(None)
        return DictionaryColumn(converted, self.code_S)


BatchColumn = DictionaryColumn | Array


def integers_of(column: BatchColumn) -> IntArray:
    """The cells as int64, MISSING where empty."""
    if not isinstance(column, DictionaryColumn):
        return column.astype(np.int64, copy=False)
    values = [MISSING if value is None else value for value in column.values]
    return np.array(values, dtype=np.int64)[column.code_S]


def floats_of(column: BatchColumn) -> FloatArray:
    """The cells as float64, NaN where empty."""
    if not isinstance(column, DictionaryColumn):
        return column.astype(np.float64, copy=False)
    values = [np.nan if value is None else value for value in column.values]
    return np.array(values, dtype=np.float64)[column.code_S]


class DictionaryEncoder:
    """One dictionary for all batches of a column: distinct values, numbered in order of appearance.

    An empty cell has the code -1. Values beyond the first `limit` have it too, and then `full` is true.
    """

    def __init__(self, limit: int = 2**31 - 1) -> None:
        self.limit = limit
        self.full = False
        self._codes: dict[Any, int] = {}

    def encode(self, column: DictionaryColumn) -> Int32Array:
        """Each row's code."""
        codes = self._codes
        code_of_value = np.fromiter(
            (-1 if value is None else codes.setdefault(value, len(codes)) for value in column.values),
            np.int32,
            len(column.values),
        )
        if len(codes) > self.limit:
            self.full = True
            code_of_value[code_of_value >= self.limit] = -1
            self._codes = dict(islice(codes.items(), self.limit))
        return code_of_value[column.code_S]

    def values(self) -> list[Any]:
        """The distinct values; a code is a place here."""
        return list(self._codes)


class GrowingArray:
    """A NumPy array with one number for each of a growing number of problems."""

    def __init__(self, dtype: type[np.generic], fill: int) -> None:
        self._array: Array = np.full(1024, fill, dtype)
        self._fill = fill

    def first(self, size: int) -> Array:
        """The numbers of the first `size` problems, a view to write to."""
        if size > self._array.size:
            longer = np.full(max(size, 2 * self._array.size), self._fill, self._array.dtype)
            longer[: self._array.size] = self._array
            self._array = longer
        return self._array[:size]


class ChunkedColumn:
    """A column in chunks, which may leave rows out; they are joined once, at the end."""

    def __init__(self) -> None:
        self._chunks: list[tuple[int, Array]] = []

    def append(self, start: int, chunk: Array) -> None:
        """Add the cells from row `start` on."""
        self._chunks.append((start, chunk))

    def slice(self, start: int, end: int) -> Array:
        """The cells of these rows, none of which was left out."""
        parts = []
        for first, chunk in reversed(self._chunks):
            if first < end:
                parts.append(chunk[max(start - first, 0) : end - first])
            if first <= start:
                break
        return np.concatenate(parts[::-1])

    def combine(self, rows: int, fill: float) -> Array:
        """All cells, `fill` in the rows that were left out. Frees the chunks on the way."""
        combined = np.full(rows, fill, self._chunks[0][1].dtype)
        while self._chunks:
            start, chunk = self._chunks.pop()
            combined[start : start + chunk.size] = chunk
        return combined
