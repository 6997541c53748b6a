"""verl's rollout and validation dumps: `{step}.jsonl` with input, output, gts, score, step and more.

Every training step is another policy, so each step is a model, named "step 40". A dump names no problem:
equal inputs are one problem. The verdict is `acc` where it is there, which verl's graders write beside a
shaped reward; otherwise it is `score`. A completion whose answer the grader could not read (`pred` is
"[INVALID]") is unscorable. `data_source` is the set.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edgewise.core.errors import InputError
from edgewise.interop.ingest.cells import prompt_id
from edgewise.interop.ingest.records import records
from edgewise.interop.ingest.rows import RowBatcher
from edgewise.interop.ingest.schema import name_list
from edgewise.interop.ingest.table import RolloutTable
from edgewise.interop.readers.base import FileHead, Reader, ReadOptions

KEYS = {"input", "output", "score", "step"}

_UNREADABLE = "[INVALID]"


class VerlReader(Reader):
    """Reads verl's dumps of rollouts."""

    name = "verl rollouts"
    listed_as = "verl rollouts"

    def recognises(self, head: FileHead) -> bool:
        """A JSON object in the first line with input, output, score and step."""
        return head.kind == "records" and set(head.columns) >= KEYS

    def read(self, path: Path, table: RolloutTable, options: ReadOptions) -> None:
        """Add the rows of one dump; `options.score` names the field that holds the verdict."""
        table.begin(path, self.name)
        table.note("a problem is an equal prompt; its id is a hash of the prompt")
        batcher = RowBatcher(table, path)
        field = options.score or ""
        if field:
            table.obey("score")
        for noun, number, record, length in records(path):
            if not field:
                field = "acc" if "acc" in record else "score"
                if field != "score":
                    table.note(f"the verdict is the field {field}")
            absent = sorted({*KEYS, field} - set(record))
            if absent:
                what = f"no {name_list(absent)}; there are {name_list(list(record))}"
                raise InputError(f"{path}: {noun} {number}: {what}")
            batcher.add(noun, number, _row(record, field), length)
        batcher.flush()


def _row(record: dict[str, Any], field: str) -> dict[str, Any]:
    row: dict[str, Any] = {
        "model": f"step {record['step']}",
        "problem": prompt_id(record["input"]),
        "prompt": record["input"],
        "completion": record["output"],
        "gold": record.get("gts"),
        "answer": None if record.get("pred") == _UNREADABLE else record.get("pred"),
        "parse_ok": record.get("pred") != _UNREADABLE,
        "score": record["score"],
        "graded": record[field],
        "graded_by": field,
    }
    if isinstance(record.get("data_source"), str):
        row["set"] = record["data_source"]
    return row


READER = VerlReader()
