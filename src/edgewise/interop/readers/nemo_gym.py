"""NeMo Gym's rollouts, `rollouts.jsonl`: one line for each rollout of a task, with the response object and its reward.

Taken are _ng_task_index (the problem), _ng_rollout_index (the sample), reward, mask_sample, response (an object of
OpenAI's Responses API) and responses_create_params (the prompt and the sampling settings). The verdict is `reward`,
unless another field of the verifier is named. A rollout that the verifier masked is unscorable. Rollouts that failed
are not in the file: `rollouts_failures.jsonl` beside it is counted.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edgewise.interop.ingest.records import records
from edgewise.interop.ingest.rows import RowBatcher
from edgewise.interop.ingest.schema import require_keys
from edgewise.interop.ingest.table import RolloutTable
from edgewise.interop.readers.base import FileHead, Reader, ReadOptions

_TASK, _ROLLOUT = "_ng_task_index", "_ng_rollout_index"
KEYS = {_TASK, _ROLLOUT, "reward"}


class NemoGymReader(Reader):
    """Reads the rollouts of NeMo Gym."""

    name = "NeMo Gym rollouts"
    listed_as = "NeMo Gym rollouts"
    sets_are_files = True

    def recognises(self, head: FileHead) -> bool:
        """Records with the indices of task and rollout, and a reward."""
        return head.kind == "records" and set(head.columns) >= KEYS

    def read(self, path: Path, table: RolloutTable, options: ReadOptions) -> None:
        """Add the rollouts of a file; `options.score` names the field that holds the verdict."""
        table.begin(path, self.name)
        field = options.score or "reward"
        if options.score:
            table.obey("score")
        common = {"graded_by": field} | options.names
        batcher = RowBatcher(table, path)
        read = set()
        for noun, number, record, length in records(path):
            require_keys(record, {*KEYS, field}, f"{path}: {noun} {number}")
            row = _row(record) | {"graded": record[field]} | common
            if record.get("mask_sample") is True:
                table.note("rollouts that the verifier masked are unscorable")
                row["graded"] = None
            read.add((str(record[_TASK]), str(record[_ROLLOUT])))
            batcher.add(noun, number, row, length)
        batcher.flush()
        _warn_of_failures(path, read, table)

    def problem_of(self, row: Mapping[str, Any], columns: Mapping[str, str]) -> tuple[str, str | None] | None:
        """The task and its prompt."""
        asked = row.get("responses_create_params")
        return str(row.get(_TASK)), repr(asked.get("input")) if isinstance(asked, dict) else None


def _row(record: dict[str, Any]) -> dict[str, Any]:
    row = {"problem": record[_TASK], "sample": record[_ROLLOUT], "score": record["reward"]}
    asked = record.get("responses_create_params")
    if isinstance(asked, dict):
        row["prompt"] = asked.get("input")
        for column, name in (("temperature", "temperature"), ("top_p", "top_p"), ("max_tokens", "max_output_tokens")):
            row[column] = asked.get(name)
    gold = record.get("expected_answer")
    if isinstance(gold, str | int | float):
        row["gold"] = gold
    response = record.get("response")
    if isinstance(response, dict):
        row["completion"] = response.get("output")
        row["finish_reason"] = response.get("incomplete_details") or response.get("status")
        usage = response.get("usage")
        row["tokens"] = usage.get("output_tokens") if isinstance(usage, dict) else None
        if isinstance(response.get("model"), str) and response["model"]:
            row["model"] = response["model"]
    return row


def _warn_of_failures(path: Path, read: set[tuple[str, str]], table: RolloutTable) -> None:
    """Say how many rollouts failed: what is missing because it failed is not missing at random."""
    failures = path.with_name(path.name.replace(".jsonl", "_failures.jsonl", 1))
    if failures == path or not failures.is_file() or not failures.stat().st_size:
        return
    failed = {(str(record.fields.get(_TASK)), str(record.fields.get(_ROLLOUT))) for record in records(failures)} - read
    if failed:
        table.warn(
            f"{path.name}: {len(failed)} rollouts failed and have no reward ({failures.name}): they are left out"
        )


READER = NemoGymReader()
