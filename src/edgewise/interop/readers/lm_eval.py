"""lm-evaluation-harness sample logs: `samples_{task}_{time}.jsonl`, one line for each document and filter.

Taken are doc_id, resps, filtered_resps, filter, metrics and the metric, target, doc.level and arguments. A
document is a problem, the task is its set. Of several filters one is read, whatever the order of the lines: a
name with "strict" before others, then the first of the alphabet. With `repeats`, the metric must give a list,
one verdict for each response; a single number belongs to the one response that the filter kept. A response
that the filter could not read ("[invalid]") is unscorable.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from edgewise.core.errors import InputError
from edgewise.interop.ingest.cells import quote
from edgewise.interop.ingest.lines import json_document
from edgewise.interop.ingest.records import records
from edgewise.interop.ingest.rows import RowBatcher
from edgewise.interop.ingest.schema import name_list
from edgewise.interop.ingest.table import RolloutTable
from edgewise.interop.readers.base import FileHead, Reader, ReadOptions

KEYS = {"doc_id", "resps", "filtered_resps"}

_FILE_NAME = re.compile(r"samples_(?P<task>.+)_(?P<time>\d{4}-\d\d-\d\dT[\d-]+\.\d+)\.jsonl(?:\.gz)?")
_METRICS = ("exact_match", "acc", "accuracy", "math_verify", "pass@1", "pass_at_1")
_UNREADABLE = "[invalid]"
_RESULTS_BYTES = 64 * 2**20


class LmEvalReader(Reader):
    """Reads the sample logs of lm-evaluation-harness."""

    name = "lm-evaluation-harness samples"
    listed_as = "lm-evaluation-harness samples"
    # The results, from which the model's name is read.
    companions = "results_"

    def recognises(self, head: FileHead) -> bool:
        """A JSON object in the first line with doc_id, resps and filtered_resps."""
        return head.kind == "records" and set(head.columns) >= KEYS

    def read(self, path: Path, table: RolloutTable, options: ReadOptions) -> None:
        """Add the samples of one task; `options.score` names the metric that holds the verdict."""
        table.begin(path, self.name)
        filter_name = _filter(path, table)
        name_parts = _FILE_NAME.fullmatch(path.name)
        model = None if name_parts is None else _model(path, name_parts["time"])
        batcher = RowBatcher(table, path)
        metric = options.score
        if metric:
            table.obey("score")
        for noun, number, record, length in records(path):
            if record.get("filter") != filter_name:
                continue
            where = f"{path}: {noun} {number}"
            metric = metric or _metric(record, where, table)
            common: dict[str, Any] = {
                "problem": record["doc_id"],
                "gold": record.get("target"),
                "graded_by": metric,
                **_prompt_and_settings(record),
            }
            if name_parts is not None:
                common["set"] = name_parts["task"]
            if model is not None:
                common["model"] = model
            for row in _samples(record, metric, where, table):
                batcher.add(noun, number, common | row, length)
        batcher.flush()


def _samples(record: dict[str, Any], metric: str, where: str, table: RolloutTable) -> list[dict[str, Any]]:
    if metric not in record:
        raise InputError(f"{where}: no metric {quote(metric)}; there are {name_list(list(record))}")
    raw, filtered, value = record["resps"], record["filtered_resps"], record[metric]
    if not isinstance(raw, list) or not isinstance(filtered, list) or not raw or len(filtered) != len(raw):
        raise InputError(f"{where}: resps, filtered_resps: not lists of one length; is this file whole?")
    if len(raw) > 1:
        # Several requests of one document are the choices of a question; their texts are not completions.
        return [{"score": value, "graded": value}]
    responses = raw[0] if isinstance(raw[0], list) else [raw[0]]
    answers = filtered[0] if isinstance(filtered[0], list) else [filtered[0]]
    values = value if isinstance(value, list) else [value]
    if len(values) != len(answers):
        raise InputError(
            f"{where}: {metric}: {len(values)} values for {len(answers)} responses; log one value for each response"
        )
    if len(responses) != len(answers):
        table.note(f"of {len(responses)} responses the filter kept {len(answers)}; the others have no verdict")
        responses = answers
    return [
        {
            "completion": response,
            "answer": None if answer == _UNREADABLE else answer,
            "score": verdict,
            "graded": verdict,
            "parse_ok": answer != _UNREADABLE,
        }
        for response, answer, verdict in zip(responses, answers, values, strict=True)
    ]


def _prompt_and_settings(record: dict[str, Any]) -> dict[str, Any]:
    """The prompt, the level and the sampling settings that a line states."""
    row: dict[str, Any] = {}
    level = record["doc"].get("level") if isinstance(record.get("doc"), dict) else None
    if isinstance(level, int | str) and level != "":
        row["level"] = level
    arguments = record.get("arguments")
    first = arguments.get("gen_args_0") if isinstance(arguments, dict) else None
    if not isinstance(first, dict):
        return row
    if isinstance(first.get("arg_0"), str | list):
        row["prompt"] = first["arg_0"]
    settings = first.get("arg_1")
    if isinstance(settings, dict):
        for column, name in (("temperature", "temperature"), ("top_p", "top_p"), ("max_tokens", "max_gen_toks")):
            row[column] = settings.get(name)
        if settings.get("do_sample") is False:
            row["temperature"] = 0
    return row


def _filter(path: Path, table: RolloutTable) -> Any:
    """The name of the filter whose lines are read."""
    names = set()
    for noun, number, record, _ in records(path):
        absent = sorted(KEYS - set(record))
        if absent:
            what = f"no {name_list(absent)}; there are {name_list(list(record))}"
            raise InputError(f"{path}: {noun} {number}: {what}")
        name = record.get("filter")
        if name is not None and not isinstance(name, str):
            raise InputError(f"{path}: {noun} {number}: filter: {quote(name)}; a filter is a name")
        names.add(name)
    chosen = min(names, key=lambda name: ("strict" not in (name or ""), name or ""))
    if len(names) > 1:
        listed = name_list(sorted(name or "" for name in names))
        table.note(f"of the filters {listed} only {quote(chosen)} is read")
    return chosen


def _metric(record: dict[str, Any], where: str, table: RolloutTable) -> str:
    metrics = record.get("metrics")
    names = [name for name in metrics if isinstance(name, str)] if isinstance(metrics, list) else []
    names = names or [name for name in _METRICS if name in record]
    chosen = names if len(names) == 1 else [name for name in _METRICS if name in names]
    if not chosen:
        raise InputError(f"{where}: score: not named; name one of the metrics {name_list(names)}")
    if len(names) > 1:
        table.note(f"of the metrics {name_list(names)} the verdict is {chosen[0]}")
    return chosen[0]


def _model(path: Path, time: str) -> str | None:
    """The model's name, from the results that were written beside the samples."""
    results = path.with_name(f"results_{time}.json")
    if not results.is_file() or results.stat().st_size > _RESULTS_BYTES:
        return None
    content = json_document(results)
    name = content.get("model_name") if isinstance(content, dict) else None
    return name if isinstance(name, str) and name else None


READER = LmEvalReader()
