"""Rollouts in Parquet: edgewise's documented columns, and the tables that edgewise itself writes.

Names and verdicts are read as codes, batch by batch; no row becomes a Python object. Texts are read
in a second pass: whole prompts and completions only of the rows that are kept, and of the first
TEXT_ROWS rows a hash, to tell whether samples repeat each other.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from edgewise.core.errors import InputError
from edgewise.interop.ingest import values
from edgewise.interop.ingest.builder import Builder, Columns
from edgewise.interop.ingest.coded import Alike, Array, Coded, Rows
from edgewise.interop.ingest.lines import brief
from edgewise.interop.ingest.rows import FIELDS, TEXTS, column_of, hashes
from edgewise.interop.ingest.values import Convert
from edgewise.interop.readers import jsonl as documented

TEXT_ROWS = 200_000

_LAB = {"problem_id", "sample", "answer", "process", "finish_reason", "completion_ids"}
_OUTCOMES = {"problem", "level", "sample", "answer"}
_ROWS = 131_072
# Where a row holds a list or a text, as many rows are in memory at once.
_LONG_ROWS = 4_096


@dataclass(frozen=True)
class Layout:
    """How a table names the columns, and which of its cells mean something else than FIELDS says."""

    source: str
    names: dict[str, str]
    meaning: dict[str, Convert]


def layout(names: list[str]) -> Layout | None:
    """The layout of a table with these columns; None where it is none of ours."""
    marks: dict[str, Convert] = {"correct": values.mark, "process": values.mark}
    if documented.recognised(names):
        return Layout("edgewise rollouts Parquet", documented.columns_of(names), {})
    if set(names) >= _LAB:
        own = {"completion_ids": "tokens", "text": "completion", "answer": "correct", "problem_id": "problem"}
        here = {own.get(name, name): name for name in names if own.get(name, name) in FIELDS}
        return Layout("edgewise lab rollouts", here, marks)
    if set(names) >= _OUTCOMES:
        here = {"correct" if name == "answer" else name: name for name in names if name in FIELDS}
        return Layout("edgewise outcomes", here, marks)
    return None


def schema_names(path: Path) -> list[str]:
    """The names of the columns; InputError when the file is no whole Parquet file or has one twice."""
    with opened(path) as file:
        names = list(file.schema_arrow.names)
    twice = next((name for name in names if names.count(name) > 1), None) if len(names) < 10_000 else "the first"
    if twice is not None:
        raise InputError(f"{path}: column {values.shown(twice)} is there twice; a column has one name")
    return names


def read_parquet(path: Path, builder: Builder, set_name: str | None, table: Layout) -> None:
    """Add the rows of a Parquet file; `set_name` is their set where the rows do not say."""
    builder.begin(path, table.source)
    builder.at(path, "row", 1)
    begin = builder.rows
    examples: list[Rows] = []
    prompts: list[Rows] = []
    with opened(path) as file:
        coded = {column: name for column, name in table.names.items() if column not in TEXTS}
        nested = any(pa.types.is_nested(file.schema_arrow.field(name).type) for name in coded.values())
        for batch in file.iter_batches(_LONG_ROWS if nested else _ROWS, columns=list(dict.fromkeys(coded.values()))):
            if not batch.num_rows:
                continue
            columns: Columns = {}
            for column, name in coded.items():
                columns[column] = _column(builder, column, batch.column(name), table.meaning.get(column))
            if set_name is not None and "set" not in columns:
                columns["set"] = Coded([set_name], np.zeros(batch.num_rows, np.int32))
            wanted = builder.add(batch.num_rows, columns)
            examples.append(wanted.examples - begin)
            prompts.append(wanted.prompts - begin)
        if builder.rows == begin:
            raise InputError(f"{path}: no row; a row is one sample")
        if "prompt" in table.names:
            rows = np.concatenate(prompts)
            for row, text in _texts(file, builder, "prompt", table, rows, begin, builder.asked):
                builder.keep_prompt(begin + row, text)
        if "completion" in table.names:
            rows = np.concatenate(examples)
            beside = {
                name: dict(_texts(file, builder, name, table, rows, begin))
                for name in ("first_wrong_step", "reason")
                if name in table.names
            }
            for row, text in _texts(file, builder, "completion", table, rows, begin, builder.completions):
                step = beside.get("first_wrong_step", {}).get(row)
                builder.keep_example(begin + row, text, step, beside.get("reason", {}).get(row, ""))


def _column(builder: Builder, column: str, array: pa.Array, meaning: Convert | None) -> Coded | Array:
    """The column as codes, or as numbers where no cell is empty and the type fits."""
    kind = array.type
    if column == "tokens" and (pa.types.is_list(kind) or pa.types.is_large_list(kind)):
        array, kind = pc.list_value_length(array).cast(pa.int64()), pa.int64()
    if pa.types.is_nested(kind):
        raise builder.fail(builder.rows, column, f"a column of {kind}; one value a row is needed")
    if column in ("sample", "tokens") and pa.types.is_integer(kind) and not array.null_count:
        return np.asarray(array.cast(pa.int64()).to_numpy(zero_copy_only=False))
    if column in ("score", "graded", "logprob") and pa.types.is_floating(kind):
        number_S = array.cast(pa.float64()).fill_null(0).to_numpy(zero_copy_only=False)
        if not np.isfinite(number_S).all():
            row = int(np.argmin(np.isfinite(number_S)))
            raise builder.fail(builder.rows + row, column, f"{number_S[row]}; use a finite number, null for none")
        return np.asarray(np.where(array.is_valid().to_numpy(zero_copy_only=False), number_S, np.nan))
    encoded = array if pa.types.is_dictionary(kind) else array.dictionary_encode()
    cells = encoded.dictionary.to_pylist()
    code_S = encoded.indices.cast(pa.int32()).fill_null(len(cells)).to_numpy(zero_copy_only=False)
    return column_of(builder, column, Coded([*cells, None], code_S), meaning or FIELDS[column])


def _texts(
    file: pq.ParquetFile,
    builder: Builder,
    column: str,
    table: Layout,
    rows: Rows,
    begin: int,
    alike: Alike | None = None,
) -> Iterator[tuple[int, Any]]:
    """The cells of these rows of one column, those that are not empty, row groups without one unread.

    Rows are counted in the file, whose first is `begin` of the builder. With `alike`, the first
    TEXT_ROWS rows are compared as well.
    """
    rows = np.sort(rows)
    window = TEXT_ROWS if alike is not None else 0
    end = 0
    for group in range(file.num_row_groups):
        start, end = end, end + file.metadata.row_group(group).num_rows
        if start >= window and not _among(rows, start, end).size:
            continue
        at = start
        for batch in file.iter_batches(_LONG_ROWS, row_groups=[group], columns=[table.names[column]]):
            array = batch.column(0)
            if alike is not None and at < window:
                builder.compare(alike, begin + at, *_hashes(array))
            here = _among(rows, at, at + len(array))
            for row, cell in zip(here.tolist(), array.take(pa.array(here - at)).to_pylist(), strict=True):
                try:
                    value = FIELDS[column](cell)
                except ValueError as error:
                    raise builder.fail(begin + row, column, str(error)) from None
                if value is not None:
                    yield row, value
            at += len(array)
            if at >= window and not _among(rows, at, end).size:
                break


def _among(rows: Rows, start: int, end: int) -> Rows:
    return rows[np.searchsorted(rows, start) : np.searchsorted(rows, end)]


def _hashes(array: pa.Array) -> tuple[Rows, Any]:
    """A hash of each cell, and which cells are not empty."""
    given_S = array.is_valid().to_numpy(zero_copy_only=False)
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if pa.types.is_nested(array.type):
        return hashes(array.to_pylist()), given_S
    encoded = array.dictionary_encode()
    of_text = hashes([*encoded.dictionary.to_pylist(), None])
    return of_text[encoded.indices.fill_null(len(of_text) - 1).to_numpy(zero_copy_only=False)], given_S


@contextmanager
def opened(path: Path) -> Iterator[pq.ParquetFile]:
    """The file, read in pieces of a column chunk; InputError where it or what is read of it is corrupt."""
    try:
        with pq.ParquetFile(path, buffer_size=2**20, pre_buffer=False) as file:
            yield file
    except (OSError, pa.ArrowException, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not a whole Parquet file ({brief(error)}); write it again") from None
