"""lm-evaluation-harness sample logs: `samples_{task}_{time}.jsonl`, one line for each document and filter.

Taken are doc_id, resps, filtered_resps, filter, metrics and the metric, target, doc.level and arguments. A
document is a problem, the task is its set. Of several filters one is read, as
`edgewise.interop.tool_logs.lm_eval_filters` says. A metric holds one verdict for each response that the filter kept,
or, with `repeats`, their mean: then the number of correct responses is known, but not which they are. A response that
the filter could not read ("[invalid]") is unscorable. Tasks that edgewise wrote log `process` beside the answer.
Choices of one question, ranked by their log-likelihood, are one sample.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edgewise.core.errors import InputError
from edgewise.interop.ingest.cells import quote
from edgewise.interop.ingest.lines import json_document
from edgewise.interop.ingest.records import Record, records
from edgewise.interop.ingest.rows import RowBatcher
from edgewise.interop.ingest.schema import name_list, require_keys
from edgewise.interop.ingest.table import RolloutTable
from edgewise.interop.readers.base import FileHead, Reader, ReadOptions
from edgewise.interop.tool_logs.lm_eval_filters import choose_filter, first_request
from edgewise.interop.tool_logs.lm_eval_metrics import PROCESS, choose_metric, correct_of_mean

KEYS = {"doc_id", "resps", "filtered_resps"}

_FILE_NAME = re.compile(r"samples_(?P<task>.+)_(?P<time>\d{4}-\d\d-\d\dT[\d-]+\.\d+)\.jsonl?(?:\.\w+)?")
_UNREADABLE = "[invalid]"
_RESULTS_BYTES = 64 * 2**20


class LmEvalReader(Reader):
    """Reads the sample logs of lm-evaluation-harness."""

    name = "lm-evaluation-harness samples"
    listed_as = "lm-evaluation-harness samples"
    # A log with a name of its own does not say its task.
    sets_are_files = True
    # The results, from which the model's name is read.
    companions = ("results_",)

    def recognises(self, head: FileHead) -> bool:
        """Records with doc_id, resps and filtered_resps."""
        return head.kind == "records" and set(head.columns) >= KEYS

    def names_its_set(self, path: Path) -> bool:
        """Whether it has the name that the harness gave it, with the task."""
        return _FILE_NAME.fullmatch(path.name) is not None

    def problem_of(self, row: Mapping[str, Any], columns: Mapping[str, str]) -> tuple[str, str | None] | None:
        """The number of the document, and the document or the requests made of it."""
        asked = row.get("doc", row.get("arguments"))
        return str(row.get("doc_id")), None if asked is None else repr(asked)

    def read(self, path: Path, table: RolloutTable, options: ReadOptions) -> None:
        """Add the samples of one task; `options` name the filter and the metric that holds the verdict."""
        table.begin(path, self.name)
        for noun, number, fields, _ in records(path):
            require_keys(fields, KEYS, f"{path}: {noun} {number}")
        metric = choose_metric(options.head, options.score, table)
        if options.score:
            table.obey("score")
        chosen = choose_filter(path, metric, options.filter, table)
        if options.filter:
            table.obey("filter")
        name_parts = _FILE_NAME.fullmatch(path.name)
        common: dict[str, Any] = {
            "set": options.set_name if name_parts is None else name_parts["task"],
            "model": options.model_name or (None if name_parts is None else _model(path, name_parts["time"])),
            "graded_by": metric if chosen.name is None else f"{metric},{chosen.name}",
        }
        common = {column: value for column, value in common.items() if value is not None}
        batcher = RowBatcher(table, path)
        for record in chosen.lines(records(path)):
            about = {"problem": record.fields["doc_id"], "gold": record.fields.get("target")}
            for row in _samples(record, metric, f"{path}: {record.noun} {record.number}", table):
                row = common | about | _prompt_and_settings(record.fields) | row
                batcher.add(record.noun, record.number, row, record.characters)
        batcher.flush()


def _samples(record: Record, metric: str, where: str, table: RolloutTable) -> list[dict[str, Any]]:
    if metric not in record.fields:
        raise InputError(f"{where}: no metric {quote(metric)}; there are {name_list(list(record.fields))}")
    value = record.fields[metric]
    request = first_request(record.fields, where)
    if request is None:
        # The choices of a question; their texts are not completions.
        return [{"score": value, "graded": value}]
    responses, answers = request
    values = value if isinstance(value, list) else [value]
    if len(values) == 1 < len(answers):
        return _samples_of_mean(values[0], responses, answers, f"{where}: {metric}", table)
    if len(values) != len(answers):
        raise InputError(
            f"{where}: {metric}: {len(values)} values for {len(answers)} responses; log one value for each response"
        )
    if len(responses) != len(answers):
        table.note(f"of {len(responses)} responses the filter kept {len(answers)}; the others have no verdict")
        # A filter that keeps the first responses gives them in their order.
        responses = responses[: len(answers)]
    rows = [
        {
            "completion": response,
            "answer": None if answer == _UNREADABLE else answer,
            "score": verdict,
            "graded": verdict,
            "parse_ok": answer != _UNREADABLE,
        }
        for response, answer, verdict in zip(responses, answers, values, strict=True)
    ]
    process = record.fields.get(PROCESS)
    if metric != PROCESS and isinstance(process, list) and len(process) == len(rows):
        # A task of ours, whose responses are whole completions; the answer within them is not logged.
        return [row | {"process": mark, "answer": None} for row, mark in zip(rows, process, strict=True)]
    return rows


def _samples_of_mean(
    mean: Any, responses: list[Any], answers: list[Any], where: str, table: RolloutTable
) -> list[dict[str, Any]]:
    """The samples of a document whose metric is the mean over its responses; which of them are correct is not told."""
    correct = correct_of_mean(mean, len(answers), where)
    unreadable = answers.count(_UNREADABLE)
    # What could not be read counts as wrong in the mean, unless the metric takes it all the same.
    unreadable = unreadable if correct is not None and correct + unreadable <= len(answers) else 0
    table.note(
        "the metric is the mean of several responses: how many are correct is known, and not which, so that nothing is "
        "said of single answers"
    )
    wrong = len(answers) - (correct or 0) - unreadable
    verdicts = [None] * len(answers) if correct is None else [1] * correct + [0] * wrong + [None] * unreadable
    compared = responses if len(responses) == len(answers) else [None] * len(answers)
    return [
        {"score": verdict, "graded": verdict, "compared": response}
        for verdict, response in zip(verdicts, compared, strict=True)
    ]


def _prompt_and_settings(record: dict[str, Any]) -> dict[str, Any]:
    """The prompt, the level and the sampling settings that a line states."""
    row: dict[str, Any] = {}
    level = record["doc"].get("level") if isinstance(record.get("doc"), dict) else None
    if isinstance(level, int | str) and level != "":
        row["level"] = level
    arguments = record.get("arguments")
    first = arguments.get("gen_args_0") if isinstance(arguments, dict) else None
    if isinstance(arguments, list) and arguments and isinstance(arguments[0], list):
        # Logs before version 0.4.3.
        first = {f"arg_{place}": argument for place, argument in enumerate(arguments[0][:2])}
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


def _model(path: Path, time: str) -> str | None:
    """The model's name, from the results that were written beside the samples."""
    results = path.with_name(f"results_{time}.json")
    if not results.is_file() or results.stat().st_size > _RESULTS_BYTES:
        return None
    content = json_document(results)
    name = content.get("model_name") if isinstance(content, dict) else None
    return name if isinstance(name, str) and name else None


READER = LmEvalReader()
