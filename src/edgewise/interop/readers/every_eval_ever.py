"""Every Eval Ever's instance-level records (schema instance_level_eval 0.2): one line for each evaluated answer.

Taken are sample_id (the problem), evaluation_name (its set), model_id, input (raw, reference), output or messages,
answer_attribution, evaluation (is_correct, score), token_usage, error, and of metadata stop_reason, epoch and what
edgewise writes there. The verdict is `is_correct`, or `score` where that is named. An answer with an `error` is
unscorable. Several lines of one sample_id are samples of one problem, but those of several metrics of one evaluation
(evaluation_result_id) are the same samples once more: of these the first is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edgewise.core.errors import InputError
from edgewise.interop.ingest.cells import quote
from edgewise.interop.ingest.records import records
from edgewise.interop.ingest.rows import RowBatcher
from edgewise.interop.ingest.schema import name_list, require_keys
from edgewise.interop.ingest.table import RolloutTable
from edgewise.interop.readers.base import FileHead, Reader, ReadOptions

KEYS = {"evaluation_id", "sample_id", "interaction_type", "evaluation"}

_FIELDS = ("is_correct", "score")


class EveryEvalEverReader(Reader):
    """Reads instance-level records of Every Eval Ever."""

    name = "Every Eval Ever instances"
    listed_as = "Every Eval Ever instances"

    def recognises(self, head: FileHead) -> bool:
        """Records with evaluation_id, sample_id, interaction_type and evaluation."""
        return head.kind == "records" and set(head.columns) >= KEYS

    def read(self, path: Path, table: RolloutTable, options: ReadOptions) -> None:
        """Add the rows of a file; `options.score` is is_correct or score."""
        table.begin(path, self.name)
        field = options.score or _FIELDS[0]
        if field not in _FIELDS:
            raise InputError(f"{path}: score: {quote(field)}; name one of {name_list(_FIELDS)}")
        if options.score:
            table.obey("score")
        batcher = RowBatcher(table, path)
        result_of: dict[tuple[str, str], Any] = {}
        for noun, number, record, length in records(path):
            evaluation = record.get("evaluation")
            require_keys(record, KEYS, f"{path}: {noun} {number}")
            result = record.get("evaluation_result_id")
            read = result_of.setdefault((str(record.get("model_id")), str(record.get("evaluation_name"))), result)
            if result != read:
                table.warn(f"{path.name}: lines are there for several metrics; only those of {quote(read)} are read")
                continue
            if not isinstance(evaluation, dict):
                raise InputError(f"{path}: {noun} {number}: evaluation: {quote(evaluation)}; an object is needed")
            row = _row(record) | {"score": evaluation.get("score"), "graded_by": field}
            if record.get("error"):
                table.note("answers with an error are unscorable")
            else:
                row["correct" if field == "is_correct" else "graded"] = evaluation.get(field)
            batcher.add(noun, number, row, length)
        batcher.flush()

    def problem_of(self, row: Mapping[str, Any], columns: Mapping[str, str]) -> tuple[str, str | None] | None:
        """The sample and what it asks."""
        asked = row.get("input")
        return str(row.get("sample_id")), repr(asked.get("raw")) if isinstance(asked, dict) else None


def _row(record: dict[str, Any]) -> dict[str, Any]:
    row: dict[str, Any] = {"problem": record["sample_id"]}
    for column, name in (("set", "evaluation_name"), ("model", "model_id")):
        if record.get(name) is not None:
            row[column] = record[name]
    asked, output, usage = (record.get(name) for name in ("input", "output", "token_usage"))
    if isinstance(asked, dict):
        row["prompt"] = asked.get("formatted") or asked.get("raw")
        row["gold"] = asked.get("reference")
    row["completion"] = output.get("raw") if isinstance(output, dict) else record.get("messages")
    if isinstance(usage, dict):
        row["tokens"] = usage.get("output_tokens")
    extracted = record.get("answer_attribution")
    last = (
        [one for one in extracted if isinstance(one, dict) and one.get("is_terminal")]
        if isinstance(extracted, list)
        else []
    )
    if last:
        row["answer"] = last[-1].get("extracted_value")
    metadata = record.get("metadata")
    if isinstance(metadata, dict):
        names = {"finish_reason": "stop_reason", "process": "process_correct", "level": "level", "reason": "reason"}
        row |= {column: metadata[name] for column, name in names.items() if metadata.get(name) not in (None, "")}
        if isinstance(metadata.get("epoch"), str) and metadata["epoch"]:
            row["sample"] = metadata["epoch"]
    return row


READER = EveryEvalEverReader()
