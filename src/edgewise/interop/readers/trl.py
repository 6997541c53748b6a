"""TRL's completion logs: `completions_{step}.parquet` with step, prompt, completion, rewards, advantage.

Every training step is another policy, so each step is a model, named "step 40". A log names no
problem: equal prompts are one problem. A reward that is missing is a sample without a verdict.
"""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from edgewise.core.errors import InputError
from edgewise.interop.ingest.builder import Builder
from edgewise.interop.ingest.rows import RowWriter
from edgewise.interop.readers.jsonl import listed
from edgewise.interop.readers.parquet import opened
from edgewise.interop.readers.verl import prompt_id

COLUMNS = {"step", "prompt", "completion", "advantage"}

_ROWS = 1024


def read_trl(path: Path, builder: Builder, score: str | None) -> None:
    """Add the rows of one log; `score` names the reward that holds the verdict, where there are several."""
    builder.begin(path, "TRL completions")
    builder.note("a problem is an equal prompt; its id is a hash of the prompt")
    writer = RowWriter(builder, path)
    number = 0
    with opened(path) as file:
        reward = _reward(path, file.schema_arrow, score)
        builder.note(f"the verdict is the reward {reward}")
        for batch in file.iter_batches(_ROWS, columns=["step", "prompt", "completion", reward]):
            for record in batch.to_pylist():
                number += 1
                row = {
                    "model": f"step {record['step']}",
                    "problem": prompt_id(record["prompt"]),
                    "prompt": record["prompt"],
                    "completion": record["completion"],
                    "score": record[reward],
                    "graded": record[reward],
                }
                writer.write("row", number, row, len(str(record["completion"])))
    if not number:
        raise InputError(f"{path}: no row; a row is one completion")
    writer.flush()


def _reward(path: Path, schema: pa.Schema, score: str | None) -> str:
    numeric: list[str] = [
        field.name
        for field in schema
        if field.name not in COLUMNS and (pa.types.is_floating(field.type) or pa.types.is_integer(field.type))
    ]
    if score is not None and score in schema.names:
        return score
    chosen = numeric if score is None else []
    if len(chosen) > 1:
        chosen = [name for name in numeric if "accuracy" in name or "correct" in name]
    if len(chosen) != 1:
        raise InputError(f"{path}: score: {score or 'not named'}; name one of the rewards {listed(numeric)}")
    return chosen[0]
