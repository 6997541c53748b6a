"""NeMo Evaluator's `trajectories.jsonl` and `verified_log.jsonl`: the repeats of `results.jsonl` once more.

They are read where they are given by themselves, as of a run that was not finished, which leaves the log alone; beside
`results.jsonl` that file is read. Taken are the fields of `edgewise.interop.readers.nemo_evaluator`, and of `model` its
name, the text, the finish reason and the number of tokens.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edgewise.interop.ingest.table import RolloutTable
from edgewise.interop.readers import nemo_evaluator
from edgewise.interop.readers.base import FileHead, Reader, ReadOptions


class NemoTrajectoriesReader(Reader):
    """Reads the trajectories of NeMo Evaluator."""

    name = "NeMo Evaluator trajectories"
    listed_as = ""
    sets_are_files = True
    repeats = nemo_evaluator.NAME

    def recognises(self, head: FileHead) -> bool:
        """Records with the fields of a result, and what only these files have."""
        columns = set(head.columns)
        own = (nemo_evaluator.ONLY_TRAJECTORIES, nemo_evaluator.ONLY_LOG)
        return head.kind == "records" and columns >= nemo_evaluator.KEYS and not columns.isdisjoint(own)

    def read(self, path: Path, table: RolloutTable, options: ReadOptions) -> None:
        """Add the repeats of a file; its verdict is the reward."""
        table.begin(path, self.name)
        nemo_evaluator.add_results(path, table, options, _row)


def _row(record: Mapping[str, Any]) -> dict[str, Any]:
    row = nemo_evaluator.problem_and_gold(record) | nemo_evaluator.ending(record)
    model, response = record.get("model"), record.get("response")
    if isinstance(response, str):
        row["completion"] = response
    if isinstance(model, dict):
        row["completion"] = model.get("content")
        if model.get("model"):
            row["model"] = model["model"]
    return row


READER = NemoTrajectoriesReader()
