"""Columns that last from batch to batch: dictionaries with a limit, growing arrays and chunks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgewise.interop.ingest.columns import (
    MISSING,
    ChunkedColumn,
    DictionaryColumn,
    DictionaryEncoder,
    GrowingArray,
    floats_of,
    integers_of,
)

batches = st.lists(st.lists(st.sampled_from(["a", "b", "c", "d", "e", None]), max_size=8), max_size=5)


@given(batches, st.integers(1, 6))
def test_an_encoder_numbers_values_in_order_of_appearance_up_to_its_limit(
    cells: list[list[str | None]], limit: int
) -> None:
    encoder = DictionaryEncoder(limit)
    codes = [code for batch in cells for code in encoder.encode(DictionaryColumn.of(batch)).tolist()]
    distinct = list(dict.fromkeys(cell for batch in cells for cell in batch if cell is not None))
    assert encoder.values() == distinct[:limit]
    assert encoder.full == (len(distinct) > limit)
    kept = {value: code for code, value in enumerate(distinct[:limit])}
    assert codes == [kept.get(cell, -1) if cell is not None else -1 for batch in cells for cell in batch]


@pytest.mark.parametrize("cells", [["a", "b", "a", None], [1, 1, None], [1, True, 1.0], [[1], [1]], []])
def test_a_dictionary_column_holds_its_cells(cells: list[Any]) -> None:
    column = DictionaryColumn.of(cells)
    found = [column.values[code] for code in column.code_S]
    assert found == cells
    # 1, 1.0 and true are equal to Python and not one cell.
    assert [type(cell) for cell in found] == [type(cell) for cell in cells]


def test_a_conversion_names_the_first_row_of_a_bad_value_and_ignores_values_without_a_row() -> None:
    column = DictionaryColumn(["1", "x", "unused", "2"], np.array([0, 3, 1, 1], np.int32))

    def error(row: int, words: str) -> Exception:
        return LookupError(f"{row}: {words}")

    with pytest.raises(LookupError, match=r"^2: invalid literal"):
        column.convert(int, error)
    column = DictionaryColumn(["1", "unused", "2"], np.array([0, 2], np.int32))
    assert integers_of(column.convert(int, error)).tolist() == [1, 2]


def test_empty_cells_of_numbers() -> None:
    column = DictionaryColumn.of([3, None])
    assert integers_of(column).tolist() == [3, MISSING]
    assert floats_of(column)[0] == 3 and np.isnan(floats_of(column)[1])


def test_a_growing_array_keeps_what_was_written() -> None:
    array = GrowingArray(np.int32, -1)
    array.first(3)[:] = [1, 2, 3]
    grown = array.first(5000)
    assert grown[:4].tolist() == [1, 2, 3, -1] and (grown[3:] == -1).all()


def test_chunks_are_sliced_and_combined() -> None:
    column = ChunkedColumn()
    column.append(2, np.array([2, 3]))
    column.append(4, np.array([4, 5, 6]))
    assert column.slice(3, 6).tolist() == [3, 4, 5]
    assert column.slice(4, 5).tolist() == [4]
    assert column.combine(9, -1).tolist() == [-1, -1, 2, 3, 4, 5, 6, -1, -1]
