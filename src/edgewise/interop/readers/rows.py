"""Rollouts in columns: one row a sample, in JSON lines, a JSON array, CSV (comma, semicolon, tab) or Parquet.

`edgewise.interop.ingest.schema.ALIASES` has the other names of each column. Needed in every row:

| column | holds |
|---|---|
| problem_id | a string or a whole number; 1 and "1" are the same; without it, equal prompts are one problem |
| correct | true, false, 1 or 0, or a word such as "passed"; empty where no verdict could be given |

A file without `correct` may have `score` instead: when its scores are only 0 and 1, or only -1 and 1, 1 is correct;
any other score needs a threshold. The others may be left out:

| column | holds |
|---|---|
| sample_id | whole number or name, distinct within a problem; rows are numbered in order without it |
| process_correct | as correct; empty where the process was not verified |
| parse_ok | false: no verdict could be given, whatever `correct` says |
| answer, gold | the final answer of the completion; the right one |
| prompt, completion | text or chat messages |
| truncated, finish_reason | true, or "length", where the completion met the length limit |
| tokens, logprob, score | length of the completion; its log-probability in nats; a graded reward |
| level, set, cluster | of the problem |
| temperature, top_p, max_tokens, seed | sampling settings; one of each for a model and set |
| top_k, min_p, repetition_penalty, frequency_penalty, presence_penalty | as temperature |
| model, verifier | names |
| training_seed | number or name of the training run; the runs of one model are training seeds of one recipe |
| first_wrong_step, reason | what the verifier says of a wrong process |

Other columns are ignored. Where a file has several names of one column, `edgewise.interop.ingest.roles` chooses by what
they hold. Rows with lists of samples, rows of two models and JSON objects of rows are read as well:
`edgewise.interop.ingest.shapes`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from edgewise.core.errors import InputError
from edgewise.interop.ingest.guess import missing_column
from edgewise.interop.ingest.head import Head
from edgewise.interop.ingest.roles import FileColumns, choose_columns, verdict_names
from edgewise.interop.ingest.rows import RowBatcher
from edgewise.interop.ingest.schema import ALIASES, TRUSTED, VERDICT_NAMES, has_needed_columns
from edgewise.interop.ingest.shapes import is_row, names_models
from edgewise.interop.ingest.table import RolloutTable
from edgewise.interop.readers.base import FileHead, Reader, ReadOptions, problem_in, read_head
from edgewise.interop.readers.row_source import RowSource

# Rows with the same keys share one look-up of the columns; a hostile file has other keys in every row.
_REMEMBERED_KEYS = 1000
_COLUMNS_OF = {
    name: tuple(column for column, names in ALIASES.items() if name in names)
    for name in (name for names in ALIASES.values() for name in names)
}


class RowsReader(Reader):
    """Reads records in edgewise's documented columns: JSON lines, a JSON array or CSV, plain or compressed."""

    name = "edgewise rollouts JSONL"
    listed_as = "edgewise JSONL (problem_id, correct)"
    priority = 0
    sets_are_files = True

    def recognises(self, head: FileHead) -> bool:
        """Rows that name the problem and the verdict, or one of them by its documented name."""
        return head.kind in ("records", "document") and (
            (head.kind == "records" and holds_rollouts(head, head.record)) or RowSource(head).document is not None
        )

    def takes(self, head: FileHead, columns: Mapping[str, str]) -> bool:
        """Records that have all these columns, be it in the samples within a row."""
        return head.kind == "records" and has_columns(head.record, columns)

    def problems_of(self, head: FileHead, most: int, columns: Mapping[str, str]) -> dict[str, str | None]:
        """As the base class says, by the columns that are chosen by content."""
        return problems_by_content(head, most, columns)

    def read(self, path: Path, table: RolloutTable, options: ReadOptions) -> None:
        """Add the rows of the file; the set of a row that names none is `options.set_name`."""
        table.begin(path, self.name)
        source = RowSource(options.head, options.score, options.columns)
        add_rows(path, table, options, source, columns_of(table, options, source))


def holds_rollouts(head: FileHead, record: Any) -> bool:
    """Whether a file with this first record may hold rollouts, so that an error can name what is missing."""
    names = set(head.columns)
    return (
        has_needed_columns(head.columns)
        or not names.isdisjoint((ALIASES["problem"][0], ALIASES["correct"][0]))
        or is_row(record, verdict_names(None, {}))
        or (has_needed_columns((*head.columns, "correct")) and names_models(head.columns))
    )


def has_columns(record: Any, columns: Mapping[str, str]) -> bool:
    """Whether a first record has all the columns that --map names, itself or in a list of samples."""
    if not isinstance(record, Mapping):
        return False
    samples = [cell[0] for cell in record.values() if isinstance(cell, list) and cell and isinstance(cell[0], dict)]
    return set().union(record, *samples) >= set(columns.values())


def problems_by_content(head: FileHead, most: int, columns: Mapping[str, str]) -> dict[str, str | None]:
    """The problems in the first rows, by the columns that are chosen by content; none where these cannot be told."""
    source = RowSource(read_head(head.path) if head.kind == "document" else replace(head), None, columns, most)
    try:
        if not source.head:
            return {}
        mapped = {column: name for column, name in columns.items() if name in source.head[0]}
        has_verdict = "correct" in mapped or not VERDICT_NAMES.isdisjoint(source.head[0])
        chosen = choose_columns(source.head, source.place, score=None, mapped=mapped, has_verdict=has_verdict)
    except InputError:
        # It is raised once more, or answered by an option, when the file is read.
        return {}
    problems = (problem_in(row, chosen.names) for row in source.head)
    return dict(problem for problem in problems if problem is not None)


def columns_of(table: RolloutTable, options: ReadOptions, source: RowSource) -> FileColumns:
    """The columns of a file, with what was assumed told to the table."""
    if not source.head:
        raise InputError(f"{options.head.path}: no row; a row is one sample")
    columns = choose_columns(source.head, source.place, score=options.score, mapped=options.columns)
    for note in columns.notes:
        table.note(note)
    for warning in (*source.warnings, *columns.warnings):
        table.warn(warning)
    table.row_ids = columns.row_ids
    for option, value in (("score", options.score), ("map", options.columns)):
        if value:
            table.obey(option)
    return columns


def add_rows(path: Path, table: RolloutTable, options: ReadOptions, source: RowSource, columns: FileColumns) -> None:
    """Add the rows of a file, one at a time."""
    constants = {"set": options.set_name, "model": options.model_name, "graded_by": columns.graded_by}
    batcher = RowBatcher(table, path, columns.converters, constants)
    names_of_keys: dict[tuple[str, ...], dict[str, str]] = {}
    names_of_file = dict(columns.names)
    for noun, number, record, length in source:
        keys = tuple(record)
        names = names_of_keys.get(keys)
        if names is None:
            names = _names(keys, columns, names_of_file, f"{path}: {noun} {number}")
            if len(names_of_keys) < _REMEMBERED_KEYS:
                names_of_keys[keys] = names
        batcher.add(noun, number, {column: record[name] for column, name in names.items()}, length)
    batcher.flush()
    if source.records_without_rows:
        table.note(f"{source.records_without_rows} rows of {path.name} hold no sample and are left out")


def _names(keys: tuple[str, ...], columns: FileColumns, names_of_file: dict[str, str], where: str) -> dict[str, str]:
    """The name of each column in a row with these keys. InputError where it has another name than in rows before."""
    present = set(keys)
    names = {column: name for column, name in names_of_file.items() if name in present}
    for name in (name for name in keys if name in _COLUMNS_OF and name not in columns.first):
        for column in _COLUMNS_OF[name]:
            if column in names:
                continue
            if column in names_of_file:
                what = f"named {name} here and {names_of_file[column]} before"
                raise InputError(f"{where}: {column}: {what}; use one name")
            if name in TRUSTED and column not in ("problem", "correct", "score") and name not in names.values():
                names[column] = names_of_file[column] = name
    if "problem" not in names:
        raise missing_column(Head([dict.fromkeys(keys)]), where, "problem_id")
    if not {"correct", "graded"} & names.keys():
        if columns.first & VERDICT_NAMES and VERDICT_NAMES & present:
            raise InputError(f"{where}: correct: in some rows only; every row needs it, null where there is no verdict")
        raise missing_column(Head([dict.fromkeys(keys)]), where, "correct")
    return names


READER = RowsReader()
