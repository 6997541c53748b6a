"""lm-evaluation-harness sample logs: `samples_{task}_{time}.jsonl`, one line for each document and filter.

A document is a problem, the task is its set. Where a task has several filters one is read, the same
whatever the order of the lines: a name with "strict" first, then by the alphabet. With `repeats`,
the verdict of each response needs a metric that returns a list; a single number belongs to the one
response that the filter kept. A response that the filter could not read ("[invalid]") is unscorable.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from edgewise.core.errors import InputError
from edgewise.interop.ingest.builder import Builder
from edgewise.interop.ingest.lines import lines, objects, parse
from edgewise.interop.ingest.rows import RowWriter
from edgewise.interop.ingest.values import shown
from edgewise.interop.readers.jsonl import listed

KEYS = {"doc_id", "resps", "filtered_resps"}

_FILE = re.compile(r"samples_(?P<task>.+)_(?P<time>\d{4}-\d\d-\d\dT[\d-]+\.\d+)\.jsonl(?:\.gz)?")
_METRICS = ("exact_match", "acc", "accuracy", "math_verify", "pass@1", "pass_at_1")
_UNREAD = "[invalid]"
_RESULTS_BYTES = 64 * 2**20


def read_lm_eval(path: Path, builder: Builder, score: str | None) -> None:
    """Add the samples of one task; `score` names the metric that holds the verdict."""
    builder.begin(path, "lm-evaluation-harness samples")
    chosen = _filter(path, builder)
    named = _FILE.fullmatch(path.name)
    model = None if named is None else _model(path, named["time"])
    writer = RowWriter(builder, path)
    metric = score
    for number, record, length in objects(path):
        if record.get("filter") != chosen:
            continue
        place = f"{path}: line {number}"
        metric = metric or _metric(record, place, builder)
        common: dict[str, Any] = {"problem": record["doc_id"], "gold": record.get("target"), **_asked(record)}
        if named is not None:
            common["set"] = named["task"]
        if model is not None:
            common["model"] = model
        for row in _samples(record, metric, place, builder):
            writer.write("line", number, common | row, length)
    writer.flush()


def _samples(record: dict[str, Any], metric: str, place: str, builder: Builder) -> list[dict[str, Any]]:
    if metric not in record:
        raise InputError(f"{place}: no metric {shown(metric)}; there are {listed(list(record))}")
    said, kept, value = record["resps"], record["filtered_resps"], record[metric]
    if not isinstance(said, list) or not isinstance(kept, list) or not said or len(kept) != len(said):
        raise InputError(f"{place}: resps, filtered_resps: not lists of one length; is this file whole?")
    if len(said) > 1:
        # Several requests a document are the choices of one question, whose texts are not completions.
        return [{"score": value, "graded": value}]
    responses = said[0] if isinstance(said[0], list) else [said[0]]
    answers = kept[0] if isinstance(kept[0], list) else [kept[0]]
    values = value if isinstance(value, list) else [value]
    if len(values) != len(answers):
        raise InputError(
            f"{place}: {metric}: {len(values)} values for {len(answers)} responses; log one value for each response"
        )
    if len(responses) != len(answers):
        builder.note(f"of {len(responses)} responses the filter kept {len(answers)}; the others have no verdict")
        responses = answers
    return [
        {
            "completion": response,
            "answer": None if answer == _UNREAD else answer,
            "score": one,
            "graded": one,
            "parse_ok": answer != _UNREAD,
        }
        for response, answer, one in zip(responses, answers, values, strict=True)
    ]


def _asked(record: dict[str, Any]) -> dict[str, Any]:
    """The prompt, the level and the sampling settings that a line states."""
    found: dict[str, Any] = {}
    level = record["doc"].get("level") if isinstance(record.get("doc"), dict) else None
    if isinstance(level, int | str) and level != "":
        found["level"] = level
    arguments = record.get("arguments")
    first = arguments.get("gen_args_0") if isinstance(arguments, dict) else None
    if not isinstance(first, dict):
        return found
    if isinstance(first.get("arg_0"), str | list):
        found["prompt"] = first["arg_0"]
    settings = first.get("arg_1")
    if isinstance(settings, dict):
        for column, name in (("temperature", "temperature"), ("top_p", "top_p"), ("max_tokens", "max_gen_toks")):
            found[column] = settings.get(name)
        if settings.get("do_sample") is False:
            found["temperature"] = 0
    return found


def _filter(path: Path, builder: Builder) -> Any:
    found = set()
    for number, record, _ in objects(path):
        absent = sorted(KEYS - set(record))
        if absent:
            raise InputError(f"{path}: line {number}: no {listed(absent)}; there are {listed(list(record))}")
        name = record.get("filter")
        if name is not None and not isinstance(name, str):
            raise InputError(f"{path}: line {number}: filter: {shown(name)}; a filter is a name")
        found.add(name)
    chosen = min(found, key=lambda name: ("strict" not in (name or ""), name or ""))
    if len(found) > 1:
        builder.note(f"of the filters {listed(sorted(name or '' for name in found))} only {shown(chosen)} is read")
    return chosen


def _metric(record: dict[str, Any], place: str, builder: Builder) -> str:
    metrics = record.get("metrics")
    names = [name for name in metrics if isinstance(name, str)] if isinstance(metrics, list) else []
    names = names or [name for name in _METRICS if name in record]
    chosen = names if len(names) == 1 else [name for name in _METRICS if name in names]
    if not chosen:
        raise InputError(f"{place}: score: not named; name one of the metrics {listed(names)}")
    if len(names) > 1:
        builder.note(f"of the metrics {listed(names)} the verdict is {chosen[0]}")
    return chosen[0]


def _model(path: Path, time: str) -> str | None:
    """The model's name, from the results that were written beside the samples."""
    results = path.with_name(f"results_{time}.json")
    if not results.is_file() or results.stat().st_size > _RESULTS_BYTES:
        return None
    found = parse("".join(text for _, text in lines(results)), str(results))
    name = found.get("model_name") if isinstance(found, dict) else None
    return name if isinstance(name, str) and name else None
