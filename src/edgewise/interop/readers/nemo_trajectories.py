"""NeMo Evaluator's `trajectories.jsonl`: the repeats of `results.jsonl` with the model's whole answer.

It is read where it is given by itself, such as without its folder; beside `results.jsonl` that file is read. Taken
are the fields of `edgewise.interop.readers.nemo_evaluator`, and of `model` its name, the text, the finish reason and
the number of tokens.
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
        """Records with the fields of a result, a step_id and seed_metadata."""
        return head.kind == "records" and set(head.columns) >= nemo_evaluator.TRAJECTORY_KEYS

    def read(self, path: Path, table: RolloutTable, options: ReadOptions) -> None:
        """Add the repeats of a file; its verdict is the reward."""
        table.begin(path, self.name)
        nemo_evaluator.add_results(path, table, options, _row)


def _row(record: Mapping[str, Any]) -> dict[str, Any]:
    row = nemo_evaluator.problem_and_gold(record) | nemo_evaluator.ending(record)
    model = record.get("model")
    if isinstance(model, dict):
        row["completion"] = model.get("content")
        if model.get("model"):
            row["model"] = model["model"]
    return row


READER = NemoTrajectoriesReader()
