"""Read Parquet and Arrow files into the table, batch by batch as columns; no row becomes a Python object.

Texts are read in a second pass: whole prompts and completions only of the rows that are kept, and a hash of
those of the first TEXT_ROWS rows, to see whether samples repeat each other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from edgewise.core.errors import InputError
from edgewise.interop.ingest.arrow import ArrowColumns, is_arrow
from edgewise.interop.ingest.cells import CellConverter, quote
from edgewise.interop.ingest.columns import BatchColumn, DictionaryColumn
from edgewise.interop.ingest.lines import error_summary
from edgewise.interop.ingest.records import Record
from edgewise.interop.ingest.rows import RowBatcher, converted_column
from edgewise.interop.ingest.schema import CONVERTERS, TEXT_COLUMNS
from edgewise.interop.ingest.table import RolloutTable
from edgewise.interop.ingest.texts import TextComparison, answer_marks, text_hashes
from edgewise.outcomes.counts import IntArray

TEXT_ROWS = 200_000

_BATCH_ROWS = 131_072
# Where a row holds a list or a text, a batch is smaller.
_LONG_BATCH_ROWS = 4_096
_HEAD_BATCH_ROWS = 128


def parquet_columns(path: Path) -> list[str]:
    """The names of the columns; InputError when the file is not whole or has a name twice."""
    with open_parquet(path) as file:
        names = list(file.schema_arrow.names)
    repeated = next((name for name in names if names.count(name) > 1), None) if len(names) < 10_000 else "the first"
    if repeated is not None:
        raise InputError(f"{path}: column {quote(repeated)} is there twice; a column has one name")
    return names


def first_rows(path: Path, most: int, characters: int) -> tuple[dict[str, Any], ...]:
    """The first `most` rows as Python objects; fewer where their texts are longer than `characters` all together."""
    rows: list[dict[str, Any]] = []
    size = 0
    with open_parquet(path) as file:
        for batch in file.iter_batches(_HEAD_BATCH_ROWS):
            rows += batch.to_pylist()
            size += batch.nbytes
            if len(rows) >= most or size > characters:
                break
    return tuple(rows[:most])


def parquet_records(path: Path) -> Iterator[Record]:
    """The rows as Python objects, one at a time; slow, for rows that hold lists of samples."""
    number = 0
    with open_parquet(path) as file:
        for batch in file.iter_batches(_HEAD_BATCH_ROWS):
            characters = batch.nbytes // max(batch.num_rows, 1)
            for row in batch.to_pylist():
                number += 1
                yield Record("row", number, row, characters)


@contextmanager
def open_parquet(path: Path) -> Iterator[pq.ParquetFile]:
    """Open a file so that little of it is in memory at once; InputError where it, or what is read of it, is corrupt.

    An Arrow file has the same methods as a Parquet file.
    """
    kind = "Parquet"
    try:
        with path.open("rb") as stream:
            kind = "Arrow" if is_arrow(stream.read(6)) else kind
        opened = ArrowColumns(path) if kind == "Arrow" else pq.ParquetFile(path, buffer_size=2**20, pre_buffer=False)
        with opened as file:
            yield file
    except (OSError, pa.ArrowException, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not a whole {kind} file ({error_summary(error)}); write it again") from None


def add_parquet(
    path: Path,
    table: RolloutTable,
    names: Mapping[str, str],
    constants: Mapping[str, str | None],
    converters: Mapping[str, CellConverter] | None = None,
) -> None:
    """Add the rows of a Parquet or Arrow file to the table.

    `names` holds the name in the file of each column of CONVERTERS that it has; `converters` holds those
    cells that mean something else than CONVERTERS says. `constants` holds names that all rows have, such as their
    set, where the file has no such column.
    """
    if table.listener is not None:
        _add_rows(path, table, names, constants, converters)
        return
    table.origins.mark(table.rows, path, "row", 1)
    start = table.rows
    completions: list[IntArray] = []
    prompts: list[IntArray] = []
    with open_parquet(path) as file:
        coded = {column: name for column, name in names.items() if column not in TEXT_COLUMNS}
        nested = any(pa.types.is_nested(file.schema_arrow.field(name).type) for name in coded.values())
        batch_rows = _LONG_BATCH_ROWS if nested else _BATCH_ROWS
        for batch in file.iter_batches(batch_rows, columns=list(dict.fromkeys(coded.values()))):
            if not batch.num_rows:
                continue
            columns: dict[str, BatchColumn] = {}
            for column, name in coded.items():
                converter = (converters or {}).get(column, CONVERTERS[column])
                columns[column] = _column(table, column, batch.column(name), converter)
            for column, value in constants.items():
                if value is not None and column not in columns:
                    columns[column] = DictionaryColumn([value], np.zeros(batch.num_rows, np.int32))
            wanted = table.add(batch.num_rows, columns)
            completions.append(wanted.completions - start)
            prompts.append(wanted.prompts - start)
        if table.rows == start:
            raise InputError(f"{path}: no row; a row is one sample")
        texts = _TextReader(file, table, names, start)
        if "prompt" in names:
            for row, text in texts.read("prompt", np.concatenate(prompts), table.prompt_texts):
                table.texts.keep_prompt(start + row, text)
        if "completion" in names:
            rows = np.concatenate(completions)
            beside = {name: dict(texts.read(name, rows)) for name in ("first_wrong_step", "reason") if name in names}
            for row, text in texts.read("completion", rows, table.completion_texts):
                step = beside.get("first_wrong_step", {}).get(row)
                table.texts.keep_completion(start + row, text, step, beside.get("reason", {}).get(row, ""))


def _add_rows(
    path: Path,
    table: RolloutTable,
    names: Mapping[str, str],
    constants: Mapping[str, str | None],
    converters: Mapping[str, CellConverter] | None,
) -> None:
    batcher = RowBatcher(table, path, converters, constants)
    for noun, number, fields, characters in parquet_records(path):
        row = {column: fields[name] for column, name in names.items()}
        if isinstance(row.get("tokens"), list):
            row["tokens"] = len(row["tokens"])
        batcher.add(noun, number, row, characters)
    batcher.flush()


def _column(table: RolloutTable, column: str, array: pa.Array, converter: CellConverter) -> BatchColumn:
    """A batch of a column: dictionary-encoded, or as numbers where no cell is empty and the type fits."""
    kind = array.type
    if column == "tokens" and (pa.types.is_list(kind) or pa.types.is_large_list(kind)):
        array, kind = pc.list_value_length(array).cast(pa.int64()), pa.int64()
    if pa.types.is_nested(kind):
        raise table.error(table.rows, column, f"a column of {kind}; one value a row is needed")
    if column in ("sample", "tokens") and pa.types.is_integer(kind) and not array.null_count:
        return np.asarray(array.cast(pa.int64()).to_numpy(zero_copy_only=False))
    if column in ("score", "graded", "logprob") and pa.types.is_floating(kind):
        number_S = array.cast(pa.float64()).fill_null(np.nan).to_numpy(zero_copy_only=False)
        if np.isinf(number_S).any():
            row = int(np.argmax(np.isinf(number_S)))
            raise table.error(table.rows + row, column, f"{number_S[row]}; use a finite number, null for none")
        return np.asarray(number_S)
    encoded = array if pa.types.is_dictionary(kind) else array.dictionary_encode()
    values = encoded.dictionary.to_pylist()
    code_S = encoded.indices.cast(pa.int32()).fill_null(len(values)).to_numpy(zero_copy_only=False)
    return converted_column(table, column, DictionaryColumn([*values, None], code_S), converter)


class _TextReader:
    """Reads texts of single rows, which are counted in the file; its first is row `start` of the table."""

    def __init__(self, file: pq.ParquetFile, table: RolloutTable, names: Mapping[str, str], start: int) -> None:
        self._file = file
        self._table = table
        self._names = names
        self._start = start

    def read(self, column: str, rows: IntArray, comparison: TextComparison | None = None) -> Iterator[tuple[int, Any]]:
        """The cells of these rows that are not empty; row groups without one are not read.

        With `comparison`, the texts of the first TEXT_ROWS rows are compared as well.
        """
        rows = np.sort(rows)
        compared_rows = TEXT_ROWS if comparison is not None else 0
        end = 0
        for group in range(self._file.num_row_groups):
            start, end = end, end + self._file.metadata.row_group(group).num_rows
            if start >= compared_rows and not _between(rows, start, end).size:
                continue
            at = start
            for batch in self._file.iter_batches(_LONG_BATCH_ROWS, row_groups=[group], columns=[self._names[column]]):
                array = batch.column(0)
                if comparison is not None and at < compared_rows:
                    given_S = array.is_valid().to_numpy(zero_copy_only=False)
                    hash_S, texts = _per_text(array, text_hashes), partial(_cell, array)
                    self._table.compare_texts(comparison, self._start + at, hash_S, given_S, texts)
                    if column == "completion":
                        self._table.mark_texts(self._start + at, _per_text(array, answer_marks))
                wanted = _between(rows, at, at + len(array))
                for row, cell in zip(wanted.tolist(), array.take(pa.array(wanted - at)).to_pylist(), strict=True):
                    if (text := self._convert(column, row, cell)) is not None:
                        yield row, text
                at += len(array)
                if at >= compared_rows and not _between(rows, at, end).size:
                    break

    def _convert(self, column: str, row: int, cell: Any) -> Any:
        try:
            return CONVERTERS[column](cell)
        except ValueError as error:
            raise self._table.error(self._start + row, column, str(error)) from None


def _cell(array: pa.Array, place: int) -> Any:
    return array[place].as_py()


def _between(rows: IntArray, start: int, end: int) -> IntArray:
    return rows[np.searchsorted(rows, start) : np.searchsorted(rows, end)]


def _per_text(array: pa.Array, of_texts: Callable[[list[Any]], IntArray]) -> IntArray:
    """A number of each cell, that of an empty one being that of None; equal cells are looked at once."""
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if pa.types.is_nested(array.type):
        return of_texts(array.to_pylist())
    encoded = array.dictionary_encode()
    number_of_value = of_texts([*encoded.dictionary.to_pylist(), None])
    return np.asarray(
        number_of_value[encoded.indices.fill_null(len(number_of_value) - 1).to_numpy(zero_copy_only=False)]
    )
