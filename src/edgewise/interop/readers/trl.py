"""TRL's completion logs: `completions_{step}.parquet` with step, prompt, completion, rewards, advantage.

Every training step is another policy, so each step is a model, named "step 40". A log names no problem:
equal prompts are one problem. The verdict is the one reward; of several, the one named accuracy or correct. A
reward that is missing is a sample without a verdict.
"""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from edgewise.core.errors import InputError
from edgewise.interop.ingest.cells import prompt_id
from edgewise.interop.ingest.parquet import open_parquet
from edgewise.interop.ingest.rows import RowBatcher
from edgewise.interop.ingest.schema import name_list
from edgewise.interop.ingest.table import RolloutTable
from edgewise.interop.readers.base import FileHead, Reader, ReadOptions

_COLUMNS = {"step", "prompt", "completion", "advantage"}
_BATCH_ROWS = 1024


class TrlReader(Reader):
    """Reads TRL's logs of completions."""

    name = "TRL completions"
    listed_as = "TRL completions"

    def recognises(self, head: FileHead) -> bool:
        """A Parquet file with step, prompt, completion and advantage."""
        return head.kind == "parquet" and set(head.columns) >= _COLUMNS

    def read(self, path: Path, table: RolloutTable, options: ReadOptions) -> None:
        """Add the rows of one log; `options.score` names the reward that holds the verdict, where there are several."""
        table.begin(path, self.name)
        table.note("a problem is an equal prompt; its id is a hash of the prompt")
        batcher = RowBatcher(table, path)
        number = 0
        with open_parquet(path) as file:
            reward = _reward(path, file.schema_arrow, options.score)
            if options.score:
                table.obey("score")
            table.note(f"the verdict is the reward {reward}")
            for batch in file.iter_batches(_BATCH_ROWS, columns=["step", "prompt", "completion", reward]):
                for record in batch.to_pylist():
                    number += 1
                    row = {
                        "model": f"step {record['step']}",
                        "problem": prompt_id(record["prompt"]),
                        "prompt": record["prompt"],
                        "completion": record["completion"],
                        "score": record[reward],
                        "graded": record[reward],
                        "graded_by": reward,
                    }
                    batcher.add("row", number, row, len(str(record["completion"])))
        if not number:
            raise InputError(f"{path}: no row; a row is one completion")
        batcher.flush()


def _reward(path: Path, schema: pa.Schema, score: str | None) -> str:
    """The column that holds the verdict."""
    if score is not None and score in schema.names:
        return score
    numeric: list[str] = [
        field.name
        for field in schema
        if field.name not in _COLUMNS and (pa.types.is_floating(field.type) or pa.types.is_integer(field.type))
    ]
    rewards = numeric if score is None else []
    if len(rewards) > 1:
        rewards = [name for name in numeric if "accuracy" in name or "correct" in name]
    if len(rewards) != 1:
        raise InputError(f"{path}: score: {score or 'not named'}; name one of the rewards {name_list(numeric)}")
    return rewards[0]


READER = TrlReader()
