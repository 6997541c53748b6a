"""lighteval's details, `details_{task}_{date}.parquet`: one row a document, with its responses and its metrics.

Taken are doc (id, query, choices, gold_index, task_name, generation_size), model_response (text, output_tokens, input)
and metric. A document is a problem, the task its set, and the model is that of the folder. Of several responses the
file has no verdict each, only numbers of all: `avg@n` and `pass@k` with k = 1 are the share of right ones, so that
their number is known, and not which they are. A majority, a pass@k with a larger k and any other metric of several
responses, of which lighteval takes the best, say nothing of a sample and are refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edgewise.core.errors import InputError
from edgewise.interop.ingest.cells import quote
from edgewise.interop.ingest.lines import json_document
from edgewise.interop.ingest.parquet import parquet_records
from edgewise.interop.ingest.rows import RowBatcher
from edgewise.interop.ingest.schema import name_list
from edgewise.interop.ingest.table import RolloutTable
from edgewise.interop.readers.base import FileHead, Reader, ReadOptions
from edgewise.interop.tool_logs.lm_eval_metrics import correct_of_mean

KEYS = {"doc", "metric", "model_response"}

_FILE_NAME = re.compile(r"details_(?P<task>.+)_(?P<date>\d{4}-\d\d-\d\dT[\d-]+(\.\d+)?)\.parquet")
_SHARE_OF_RIGHT = re.compile(r"(?P<name>.*(avg@|pass@(k|1(?!\d))).*)")
_PARAMETER = re.compile(r"(?:^|[:&])(?P<name>[kn])=(?P<value>\d+)")


class LightevalReader(Reader):
    """Reads the details of lighteval."""

    name = "lighteval details"
    listed_as = "lighteval details"
    sets_are_files = True
    # The results of a run, and the same as a table.
    companions = ("results_",)

    def recognises(self, head: FileHead) -> bool:
        """A Parquet file with the columns doc, metric and model_response."""
        return head.kind == "parquet" and set(head.columns) >= KEYS

    def names_its_set(self, path: Path) -> bool:
        """Whether it has the name that lighteval gave it, with the task."""
        return _FILE_NAME.fullmatch(path.name) is not None

    def read(self, path: Path, table: RolloutTable, options: ReadOptions) -> None:
        """Add the responses of a file; `options.score` names the metric that holds the verdict."""
        table.begin(path, self.name)
        metric = _metric(options.head, options.score, table)
        if options.score:
            table.obey("score")
        common = {"graded_by": metric} | options.names | _about_the_run(path)
        batcher = RowBatcher(table, path)
        for noun, number, record, length in parquet_records(path):
            where = f"{path}: {noun} {number}"
            for row in _samples(record, metric, where, table):
                batcher.add(noun, number, common | row, length)
        batcher.flush()

    def problem_of(self, row: Mapping[str, Any], columns: Mapping[str, str]) -> tuple[str, str | None] | None:
        """The document and what it asks."""
        doc = row.get("doc")
        return (str(doc.get("id")), repr(doc.get("query"))) if isinstance(doc, dict) else None


def _metric(head: FileHead, wanted: str | None, table: RolloutTable) -> str:
    """The metric that holds the verdict: the one that is wanted, or the only one that can."""
    metrics: dict[str, bool] = {}
    for row in head.rows:
        several = len(_texts(row)) > 1
        for name, value in _mapping(row, "metric").items():
            if isinstance(value, bool | int | float):
                metrics[name] = metrics.get(name, True) and (not several or _is_share(name))
    if wanted is not None:
        if wanted in metrics and not metrics[wanted]:
            what = f"{quote(wanted)} is about several responses together; name a share of right ones, of "
            raise InputError(f"{head.path}: score: {what}{name_list([name for name, can in metrics.items() if can])}")
        if wanted not in metrics:
            raise InputError(f"{head.path}: score: no {quote(wanted)}; there are {name_list(list(metrics))}")
        return wanted
    able = [name for name, can in metrics.items() if can]
    # avg@n and pass@k with k = 1 are the same number.
    if len(able) != 1 and not (able and _are_equal(head, able)):
        what = "not named; name one of" if able else "no metric is the share of right responses, of"
        raise InputError(f"{head.path}: score: {what} {name_list(able or list(metrics))}")
    if len(metrics) > 1:
        table.note(f"of the metrics {name_list(list(metrics))} the verdict is {quote(able[0])}")
    return able[0]


def _are_equal(head: FileHead, names: list[str]) -> bool:
    for row in head.rows:
        values = [value for name in names if isinstance(value := _mapping(row, "metric").get(name), int | float)]
        if len(values) < len(names) or max(values) - min(values) > 1e-9:
            return False
    return True


def _is_share(name: str) -> bool:
    """Whether a metric of several responses is the share of right ones."""
    if "g-pass@" in name or _SHARE_OF_RIGHT.fullmatch(name) is None:
        return False
    return _parameters(name).get("k", 0 if "pass@k" in name else 1) == 1


def _parameters(name: str) -> dict[str, int]:
    return {match["name"]: int(match["value"]) for match in _PARAMETER.finditer(name)}


def _samples(record: Mapping[str, Any], metric: str, where: str, table: RolloutTable) -> list[dict[str, Any]]:
    doc, response = _mapping(record, "doc"), _mapping(record, "model_response")
    if doc.get("id") is None:
        raise InputError(f"{where}: doc: no id; is this file whole?")
    value = _mapping(record, "metric").get(metric)
    about = {
        "problem": doc["id"],
        "prompt": response.get("input") or doc.get("query"),
        "gold": _gold(doc),
        "max_tokens": doc.get("generation_size"),
    }
    if isinstance(doc.get("task_name"), str) and doc["task_name"]:
        about["set"] = doc["task_name"]
    texts = _texts(record)
    tokens = [len(some) if isinstance(some, list) else None for some in response.get("output_tokens") or []]
    tokens = tokens if len(tokens) == len(texts) else [None] * len(texts)
    if len(texts) <= 1:
        # Choices that are ranked by their likelihood have no text.
        text = texts[0] if texts else None
        return [about | {"completion": text, "tokens": tokens[0] if tokens else None, "score": value, "graded": value}]
    # pass@k looks at its first n responses.
    texts = texts[: _parameters(metric).get("n", len(texts))]
    correct = correct_of_mean(value, len(texts), f"{where}: metric: {metric}")
    table.note(
        "the metric is the share of right responses: how many are correct is known, and not which, so that nothing is "
        "said of single answers"
    )
    marks = [None] * len(texts) if correct is None else [1] * correct + [0] * (len(texts) - correct)
    return [about | {"compared": text, "score": mark, "graded": mark} for text, mark in zip(texts, marks, strict=True)]


def _texts(record: Mapping[str, Any]) -> list[Any]:
    texts = _mapping(record, "model_response").get("text")
    return texts if isinstance(texts, list) else []


def _gold(doc: Mapping[str, Any]) -> Any:
    choices, index = doc.get("choices"), doc.get("gold_index")
    index = index[0] if isinstance(index, list) and len(index) == 1 else index
    if not isinstance(choices, list) or not isinstance(index, int) or not 0 <= index < len(choices):
        return None
    return choices[index]


def _about_the_run(path: Path) -> dict[str, Any]:
    """The model, from the folder, and its sampling settings, from the results of the run; nothing where unknown.

    The file is `details/MODEL/DATE/details_TASK_DATE.parquet`, and the results are `results/MODEL/results_DATE.json`.
    """
    named = _FILE_NAME.fullmatch(path.name)
    parts = path.parts
    if named is None or path.parent.name != named["date"] or "details" not in parts[:-2]:
        return {}
    place = len(parts) - 1 - parts[::-1].index("details")
    model = "/".join(parts[place + 1 : -2])
    about: dict[str, Any] = {"model": model} if model else {}
    results = Path(*parts[:place], "results", *parts[place + 1 : -2], f"results_{named['date']}.json")
    content = json_document(results) if results.is_file() else None
    general = _mapping(content, "config_general") if isinstance(content, dict) else {}
    settings = _mapping(_mapping(general, "model_config"), "generation_parameters")
    return about | {name: settings[name] for name in ("temperature", "top_p") if settings.get(name) is not None}


def _mapping(part: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = part.get(name)
    return value if isinstance(value, dict) else {}


READER = LightevalReader()
