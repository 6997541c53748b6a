"""Rollouts in edgewise's own column names, as JSONL: one row a sample.

Needed in every row:

| column | aliases | holds |
|---|---|---|
| problem_id | problem, id, doc_id, question_id | a string or a whole number; 1 and "1" are the same |
| correct | is_correct, answer_correct | true, false, 1 or 0; null where no verdict could be given |

A file without `correct` may have `score` instead: when its scores are only 0 and 1, or only -1 and 1,
1 is correct; any other score needs a threshold. The others may be left out:

| column | aliases | holds |
|---|---|---|
| sample_id | sample | whole number or name, distinct within a problem; rows are numbered in order without it |
| process_correct | | as correct; null where the process was not verified |
| parse_ok | | false: no verdict could be given, whatever `correct` says |
| answer, gold | | the final answer as said; the right one |
| prompt, completion | completion: text, output, response | text or chat messages |
| truncated, finish_reason | | true, or "length", where the completion met the length limit |
| tokens, logprob, score | | length of the completion; its log-probability in nats; a graded reward |
| level, set, cluster | level: group, difficulty, op; set: task, benchmark; cluster: template | of the problem |
| temperature, top_p, max_tokens, seed | | how it was drawn; one law for a model and set |
| model, verifier | verifier: grader | names |
| first_wrong_step, reason | | what the verifier says of a wrong process |

Other columns are ignored. Of two names for one column the first here counts.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edgewise.core.errors import InputError
from edgewise.interop.ingest.builder import Builder
from edgewise.interop.ingest.lines import objects
from edgewise.interop.ingest.rows import FIELDS, RowWriter
from edgewise.interop.ingest.values import shown

NAMES: dict[str, tuple[str, ...]] = {
    **{name: (name,) for name in FIELDS if name != "graded"},
    "problem": ("problem_id", "problem", "id", "doc_id", "question_id"),
    "correct": ("correct", "is_correct", "answer_correct"),
    "sample": ("sample_id", "sample"),
    "process": ("process_correct",),
    "completion": ("completion", "text", "output", "response"),
    "level": ("level", "group", "difficulty", "op"),
    "set": ("set", "task", "benchmark"),
    "cluster": ("cluster", "template"),
    "verifier": ("verifier", "grader"),
}


def columns_of(present: list[str]) -> dict[str, str]:
    """Which of the present names each column goes by here, for the columns that are here."""
    here = {
        column: next(name for name in names if name in present)
        for column, names in NAMES.items()
        if any(name in present for name in names)
    }
    if "correct" not in here and "score" in here:
        here["graded"] = here["score"]
    return here


def recognised(present: list[str]) -> bool:
    """Whether these names say whose sample a row is and whether it is right."""
    here = columns_of(present)
    return "problem" in here and ("correct" in here or "score" in here)


def near(present: list[str]) -> bool:
    """Whether some needed column is there, so that one can say which is not."""
    here = columns_of(present)
    return "problem" in here or "correct" in here


def require(present: list[str], where: str) -> dict[str, str]:
    """`columns_of`, or InputError when a needed column is not there."""
    here = columns_of(present)
    for column, needed in (("problem", "problem_id"), ("correct", "correct")):
        if column not in here and not (column == "correct" and "score" in here):
            raise InputError(f"{where}: no column {needed}; there are {listed(present)}")
    return here


def read_jsonl(path: Path, builder: Builder, set_name: str | None) -> None:
    """Add the rows of a JSONL file; `set_name` is their set where the rows do not say."""
    builder.begin(path, "edgewise rollouts JSONL")
    writer = RowWriter(builder, path)
    plans: dict[tuple[str, ...], dict[str, str]] = {}
    names: dict[str, str] = {}
    for number, record, length in objects(path):
        keys = tuple(record)
        plan = plans.get(keys)
        if plan is None:
            plan = _plan(keys, names, f"{path}: line {number}")
            if len(plans) < 1000:
                plans[keys] = plan
        row: dict[str, Any] = {column: record[name] for column, name in plan.items()}
        if set_name is not None:
            row.setdefault("set", set_name)
        writer.write("line", number, row, length)
    writer.flush()


def listed(names: list[str]) -> str:
    """Column names, as messages show them."""
    return ", ".join(shown(name)[1:-1] for name in names[:20]) + (", ..." if len(names) > 20 else "")


def _plan(keys: tuple[str, ...], names: dict[str, str], where: str) -> dict[str, str]:
    """Where the columns of a row with these keys are; `names` remembers it for the file."""
    plan = require(list(keys), where)
    if names and ("correct" in names) != ("correct" in plan):
        raise InputError(f"{where}: correct: in some rows only; every row needs it, null where there is no verdict")
    for column, name in plan.items():
        if names.setdefault(column, name) != name:
            raise InputError(f"{where}: {column}: named {name} here and {names[column]} before; use one name")
    return plan
