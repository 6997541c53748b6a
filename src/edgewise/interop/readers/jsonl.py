"""Rollouts as JSONL in edgewise's documented columns: one row is one sample.

Needed in every row:

| column | aliases | holds |
|---|---|---|
| problem_id | problem, id, doc_id, question_id | a string or a whole number; 1 and "1" are the same |
| correct | is_correct, answer_correct | true, false, 1 or 0; null where no verdict could be given |

A file without `correct` may have `score` instead: when its scores are only 0 and 1, or only -1 and 1,
1 is correct; any other score needs a threshold. The others may be left out:

| column | aliases | holds |
|---|---|---|
| sample_id | sample | whole number or name, distinct within a problem; rows are numbered in order without it |
| process_correct | | as correct; null where the process was not verified |
| parse_ok | | false: no verdict could be given, whatever `correct` says |
| answer, gold | | the final answer of the completion; the right one |
| prompt, completion | completion: text, output, response | text or chat messages |
| truncated, finish_reason | | true, or "length", where the completion met the length limit |
| tokens, logprob, score | | length of the completion; its log-probability in nats; a graded reward |
| level, set, cluster | level: group, difficulty, op; set: task, benchmark; cluster: template | of the problem |
| temperature, top_p, max_tokens, seed | | sampling settings; one of each for a model and set |
| top_k, min_p, repetition_penalty, frequency_penalty, presence_penalty | | as temperature |
| model, verifier | verifier: grader | names |
| first_wrong_step, reason | | what the verifier says of a wrong process |

Other columns are ignored. Where a row has two names of one column, the one that stands first here counts.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edgewise.core.errors import InputError
from edgewise.interop.ingest.records import records
from edgewise.interop.ingest.rows import RowBatcher
from edgewise.interop.ingest.schema import has_a_needed_column, require_columns
from edgewise.interop.ingest.table import RolloutTable
from edgewise.interop.readers.base import FileHead, Reader, ReadOptions

# Rows with the same keys share one look-up of the columns; a hostile file has other keys in every row.
_REMEMBERED_KEYS = 1000


class JsonlReader(Reader):
    """Reads records in edgewise's documented columns: JSON lines, a JSON array or CSV, plain or compressed."""

    name = "edgewise rollouts JSONL"
    listed_as = "edgewise JSONL (problem_id, correct)"
    priority = 0
    sets_are_files = True

    def recognises(self, head: FileHead) -> bool:
        """A first record that names the problem or the verdict."""
        return head.kind == "records" and has_a_needed_column(head.columns)

    def read(self, path: Path, table: RolloutTable, options: ReadOptions) -> None:
        """Add the rows of the file; the set of a row that names none is `options.set_name`."""
        table.begin(path, self.name)
        batcher = RowBatcher(table, path)
        names_of_keys: dict[tuple[str, ...], dict[str, str]] = {}
        names_of_file: dict[str, str] = {}
        for noun, number, record, length in records(path):
            keys = tuple(record)
            names = names_of_keys.get(keys)
            if names is None:
                names = _names(keys, names_of_file, f"{path}: {noun} {number}")
                if len(names_of_keys) < _REMEMBERED_KEYS:
                    names_of_keys[keys] = names
            row: dict[str, Any] = {column: record[name] for column, name in names.items()}
            for column, value in (("set", options.set_name), ("model", options.model_name)):
                if value is not None:
                    row.setdefault(column, value)
            row["graded_by"] = names.get("correct", names.get("score"))
            batcher.add(noun, number, row, length)
        batcher.flush()


def _names(keys: tuple[str, ...], names_of_file: dict[str, str], where: str) -> dict[str, str]:
    """The name of each column in a row with these keys; `names_of_file` holds those of the rows before."""
    names = require_columns(keys, where)
    if names_of_file and ("correct" in names_of_file) != ("correct" in names):
        raise InputError(f"{where}: correct: in some rows only; every row needs it, null where there is no verdict")
    for column, name in names.items():
        if names_of_file.setdefault(column, name) != name:
            raise InputError(f"{where}: {column}: named {name} here and {names_of_file[column]} before; use one name")
    return names


READER = JsonlReader()
