"""verl's rollout and validation dumps: `{step}.jsonl` with input, output, gts, score, step and more.

Every training step is another policy, so each step is a model, named "step 40". A dump names no
problem: equal inputs are one problem. `acc`, which verl's graders write beside a shaped reward, is
the verdict where it is there; otherwise the score is. A completion whose answer the grader could not
read (`pred` is "[INVALID]") is unscorable.
"""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Any

from edgewise.core.errors import InputError
from edgewise.interop.ingest.builder import Builder
from edgewise.interop.ingest.lines import objects
from edgewise.interop.ingest.rows import RowWriter
from edgewise.interop.readers.jsonl import listed

KEYS = {"input", "output", "score", "step"}

_UNREAD = "[INVALID]"


def read_verl(path: Path, builder: Builder, score: str | None) -> None:
    """Add the rows of one dump; `score` names the field that holds the verdict."""
    builder.begin(path, "verl rollouts")
    builder.note("a problem is an equal prompt; its id is a hash of the prompt")
    writer = RowWriter(builder, path)
    judge = score or ""
    for number, record, length in objects(path):
        if not judge:
            judge = "acc" if "acc" in record else "score"
            if judge != "score":
                builder.note(f"the verdict is the field {judge}")
        absent = sorted({*KEYS, judge} - set(record))
        if absent:
            raise InputError(f"{path}: line {number}: no {listed(absent)}; there are {listed(list(record))}")
        row: dict[str, Any] = {
            "model": f"step {record['step']}",
            "problem": prompt_id(record["input"]),
            "prompt": record["input"],
            "completion": record["output"],
            "gold": record.get("gts"),
            "answer": None if record.get("pred") == _UNREAD else record.get("pred"),
            "parse_ok": record.get("pred") != _UNREAD,
            "score": record["score"],
            "graded": record[judge],
        }
        if isinstance(record.get("data_source"), str):
            row["set"] = record["data_source"]
        writer.write("line", number, row, length)
    writer.flush()


def prompt_id(prompt: Any) -> str:
    """The id of a problem that has only a prompt."""
    text = prompt if isinstance(prompt, str) else repr(prompt)
    return sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:16]
