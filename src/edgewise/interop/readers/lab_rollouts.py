"""Rollouts that a stage of the laboratory stored, `rollouts.parquet`: with token ids, log-probs and texts.

Taken are problem_id, sample, answer and process (verdicts), finish_reason, completion_ids (its length is
`tokens`), text (the completion), prompt, logprob, level, first_wrong_step and reason.
"""

from __future__ import annotations

from pathlib import Path

from edgewise.interop.ingest.cells import to_stored_verdict
from edgewise.interop.ingest.lines import json_document
from edgewise.interop.ingest.parquet import add_parquet, parquet_columns
from edgewise.interop.ingest.schema import CONVERTERS, has_needed_columns
from edgewise.interop.ingest.table import RolloutTable
from edgewise.interop.readers.base import FileHead, Reader, ReadOptions

NAME = "edgewise lab rollouts"

_COLUMNS = {"problem_id", "sample", "answer", "process", "finish_reason", "completion_ids"}
_RENAMED = {"completion_ids": "tokens", "text": "completion", "answer": "correct", "problem_id": "problem"}


class LabRolloutsReader(Reader):
    """Reads the rollouts that a stage of the laboratory stored."""

    name = NAME
    listed_as = ""
    sets_are_files = True

    def recognises(self, head: FileHead) -> bool:
        """The columns of the laboratory's table; a table with a column `correct` or `score` is a documented one."""
        return head.kind == "parquet" and set(head.columns) >= _COLUMNS and not has_needed_columns(head.columns)

    def model_of(self, path: Path) -> str | None:
        """The stage whose model was evaluated."""
        return evaluated_stage(path)

    def read(self, path: Path, table: RolloutTable, options: ReadOptions) -> None:
        """Add the rows of the file; their set is `options.set_name` where no column says."""
        renamed = {_RENAMED.get(name, name): name for name in parquet_columns(path)}
        names = {column: name for column, name in renamed.items() if column in CONVERTERS}
        table.begin(path, self.name)
        constants = {"set": options.set_name, "model": self.model_of(path) or options.model_name}
        add_parquet(path, table, names, constants, dict.fromkeys(("correct", "process"), to_stored_verdict))


def evaluated_stage(path: Path) -> str | None:
    """The folder of the stage whose model wrote these rollouts, from the provenance beside them."""
    provenance = path.parent / "provenance.json"
    about = json_document(provenance) if provenance.is_file() else None
    parents = about.get("parents") if isinstance(about, dict) else None
    if not isinstance(parents, list) or len(parents) != 1 or not isinstance(parents[0], str):
        return None
    return parents[0]


READER = LabRolloutsReader()
