"""NeMo Evaluator's `results.jsonl`: one line for each repeat of a problem, with its reward.

Taken are problem_idx (the problem), repeat (the sample), reward, scorer_rewards, model_response, extracted_answer,
expected_answer, prompt and scoring_details. The verdict is `reward`, or a scorer that is named. A repeat that the
tool's own machinery failed at (error_category `infra_error` or `system`), or that its judge could not grade, has a
reward of 0 whatever the model would have said: it is unscorable. `eval-*.json` beside the file names the model and the
benchmark, and `trajectories.jsonl` says how each completion ended and how long it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
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

NAME = "NeMo Evaluator results"
KEYS = {"problem_idx", "repeat", "reward", "scoring_details"}
# What lines of trajectories.jsonl and of verified_log.jsonl have besides; these hold the same samples.
ONLY_TRAJECTORIES, ONLY_LOG = "step_id", "scoring_metadata"

_SCORER = "scorer:"
# Categories of errors that are the machinery's and not the model's.
_NOT_THE_MODEL = ("infra_error", "system")


class NemoEvaluatorReader(Reader):
    """Reads the results of NeMo Evaluator."""

    name = NAME
    listed_as = "NeMo Evaluator results"
    sets_are_files = True
    # The result as a whole, and what a run needs to be resumed.
    companions = ("eval-20", "inference_log.jsonl", "model_traffic.jsonl")

    def recognises(self, head: FileHead) -> bool:
        """Records with problem_idx, repeat, reward and scoring_details that are no trajectories."""
        columns = set(head.columns)
        return head.kind == "records" and columns >= KEYS and columns.isdisjoint((ONLY_TRAJECTORIES, ONLY_LOG))

    def read(self, path: Path, table: RolloutTable, options: ReadOptions) -> None:
        """Add the repeats of a file; `options.score` names the scorer that holds the verdict."""
        table.begin(path, self.name)
        ends = _ends(path.with_name("trajectories.jsonl"))
        add_results(path, table, options, lambda record: _row(record) | ends.get(_key(record), {}))


def add_results(
    path: Path,
    table: RolloutTable,
    options: ReadOptions,
    row_of: Callable[[Mapping[str, Any]], dict[str, Any]],
) -> None:
    """Add the lines of a file to the table: what `row_of` makes of each, the verdict, and what all lines share."""
    field = options.score or "reward"
    if options.score:
        table.obey("score")
    common = {"graded_by": field} | options.names | _settings(path.parent)
    batcher = RowBatcher(table, path)
    for noun, number, record, length in records(path):
        where = f"{path}: {noun} {number}"
        require_keys(record, KEYS, where)
        row = common | row_of(record) | {"graded": _graded(record, field, where)}
        if failed := _failed(record["scoring_details"]):
            table.note(f"repeats that {failed} are unscorable")
            row |= {"graded": None, "finish_reason": row.get("finish_reason") or "error"}
        batcher.add(noun, number, row, length)
    batcher.flush()


def problem_and_gold(record: Mapping[str, Any]) -> dict[str, Any]:
    """The cells that lines of results and of trajectories have alike."""
    return {
        "problem": record["problem_idx"],
        "sample": record["repeat"],
        "score": record["reward"],
        "answer": record.get("extracted_answer"),
        "gold": record.get("expected_answer") or None,
        "prompt": record.get("prompt") or None,
    }


def _row(record: Mapping[str, Any]) -> dict[str, Any]:
    return problem_and_gold(record) | {"completion": record.get("model_response")}


def ending(record: Mapping[str, Any]) -> dict[str, Any]:
    """How the completion of a line of trajectories ended and how many tokens it has, where the line says."""
    model = record.get("model")
    if not isinstance(model, dict):
        return {}
    tokens = model.get("tokens")
    return {
        "finish_reason": model.get("finish_reason") or None,
        # The line of results counts the tokens of the prompt as well.
        "tokens": tokens.get("completion") if isinstance(tokens, dict) else None,
    }


def _graded(record: Mapping[str, Any], field: str, where: str) -> Any:
    if field == "reward":
        return record["reward"]
    scorers = record.get("scorer_rewards")
    scorers = scorers if isinstance(scorers, dict) else {}
    name = field if field in scorers else f"{_SCORER}{field}"
    if name not in scorers:
        known = ["reward", *(str(scorer).removeprefix(_SCORER) for scorer in scorers)]
        raise InputError(f"{where}: score: no {quote(field)}; there are {name_list(known)}")
    return scorers[name]


def _failed(details: Any) -> str:
    """Why the reward of a line says nothing of the model; "" where it does."""
    if not isinstance(details, dict):
        return ""
    if details.get("error_category") in _NOT_THE_MODEL:
        return "an error of the evaluator ended"
    judge = details.get("judge")
    return "the judge could not grade" if isinstance(judge, dict) and judge.get("error") else ""


def _settings(folder: Path) -> dict[str, Any]:
    """The model and the benchmark, from the newest bundle beside the results; nothing where there is none."""
    bundles = sorted(folder.glob("eval-*.json"))
    bundle = json_document(bundles[-1]) if bundles else None
    if not isinstance(bundle, dict):
        return {}
    config, benchmark = (bundle.get(name) for name in ("config", "benchmark"))
    config = config if isinstance(config, dict) else {}
    settings = {name: config.get(name) for name in ("model", "temperature", "top_p", "max_tokens")}
    settings["set"] = benchmark.get("name") if isinstance(benchmark, dict) else None
    return {name: value for name, value in settings.items() if value is not None}


def _ends(path: Path) -> dict[tuple[str, str], dict[str, Any]]:
    if not path.is_file() or not path.stat().st_size:
        return {}
    return {_key(record.fields): ending(record.fields) for record in records(path)}


def _key(record: Mapping[str, Any]) -> tuple[str, str]:
    return str(record.get("problem_idx")), str(record.get("repeat"))


READER = NemoEvaluatorReader()
