"""verifiers' results, `results.jsonl`, and the rollouts of a step that prime-rl writes in the same form.

Taken are example_id (the problem), task or env_name (its set), prompt, completion, answer (the right one), reward,
metrics, error, is_truncated, stop_condition and token_usage; `metadata.json` beside the file holds the model and its
sampling settings. The verdict is `reward`, a weighted sum of the environment's functions; one of these, in `metrics` or
in a column, may be named instead. A rollout that ended in an error is unscorable: its reward is 0 whatever it was.
prime-rl's `step_5/train_rollouts.jsonl` is of the model of that step.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edgewise.core.errors import InputError
from edgewise.interop.ingest.cells import quote
from edgewise.interop.ingest.lines import json_document
from edgewise.interop.ingest.records import records
from edgewise.interop.ingest.rows import RowBatcher
from edgewise.interop.ingest.schema import name_list, require_keys
from edgewise.interop.ingest.table import RolloutTable
from edgewise.interop.readers.base import FileHead, Reader, ReadOptions

KEYS = {"example_id", "prompt", "completion", "reward"}


class VerifiersReader(Reader):
    """Reads the results of verifiers and the rollouts of prime-rl."""

    name = "verifiers results"
    listed_as = "verifiers and prime-rl results"
    sets_are_files = True
    # The settings of the run.
    companions = ("metadata.json",)

    def recognises(self, head: FileHead) -> bool:
        """Records with example_id, prompt, completion and reward."""
        return head.kind == "records" and set(head.columns) >= KEYS

    def read(self, path: Path, table: RolloutTable, options: ReadOptions) -> None:
        """Add the rows of a file; `options.score` names the metric that holds the verdict."""
        table.begin(path, self.name)
        field = options.score or "reward"
        if options.score:
            table.obey("score")
        common = _settings(path.with_name("metadata.json")) | {"graded_by": field} | options.names
        batcher = RowBatcher(table, path)
        for noun, number, record, length in records(path):
            require_keys(record, KEYS, f"{path}: {noun} {number}")
            graded = _graded(record, field, f"{path}: {noun} {number}")
            if record.get("error") is not None:
                table.note("rollouts that ended in an error are unscorable")
                graded = None
            batcher.add(noun, number, common | _row(record) | {"graded": graded}, length)
        batcher.flush()

    def problem_of(self, row: Mapping[str, Any], columns: Mapping[str, str]) -> tuple[str, str | None] | None:
        """The example and its prompt."""
        return str(row.get("example_id")), repr(row.get("prompt"))


def _row(record: dict[str, Any]) -> dict[str, Any]:
    row = {
        "problem": record["example_id"],
        "prompt": record["prompt"],
        "completion": record["completion"],
        "gold": record.get("answer"),
        "score": record["reward"],
        "finish_reason": record.get("stop_condition"),
        "truncated": record.get("is_truncated"),
    }
    for name in ("task", "env_name", "env_id"):
        if isinstance(record.get(name), str) and record[name]:
            row["set"] = record[name]
            break
    usage = record.get("token_usage")
    if isinstance(usage, dict):
        row["tokens"] = usage.get("output_tokens")
    return row


def _graded(record: dict[str, Any], field: str, where: str) -> Any:
    if field in record:
        return record[field]
    metrics = record.get("metrics")
    metrics = metrics if isinstance(metrics, dict) else {}
    if field not in metrics:
        raise InputError(f"{where}: score: no {quote(field)}; there are {name_list(['reward', *metrics])}")
    return metrics[field]


def _settings(path: Path) -> dict[str, Any]:
    """The model and the sampling settings of a run; nothing where they are not beside its results."""
    metadata = json_document(path) if path.is_file() else None
    if not isinstance(metadata, dict):
        return {}
    sampling = metadata.get("sampling_args")
    sampling = sampling if isinstance(sampling, dict) else {}
    limit = sampling.get("max_tokens", sampling.get("max_completion_tokens"))
    settings = {
        "model": metadata.get("model"),
        "set": metadata.get("env_id"),
        "temperature": sampling.get("temperature"),
        "top_p": sampling.get("top_p"),
        "max_tokens": limit,
    }
    return {name: value for name, value in settings.items() if value is not None}


READER = VerifiersReader()
