"""TRL's completion logs: `completions_{step}.parquet` with step, prompt, completion, rewards, logged extras, advantage.

Every training step is another policy, so each step is a model, named "step 40". A log names no problem:
equal prompts are one problem, unless a column says that their images differ. Rewards are columns of real numbers and
stand before what `log_extra` logged. The verdict is the one reward; of several, the one whose name says so, such as
accuracy_reward. A reward that is missing is a sample without a verdict.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from edgewise.core.errors import InputError
from edgewise.interop.ingest.cells import prompt_id
from edgewise.interop.ingest.parquet import open_parquet
from edgewise.interop.ingest.prompt_problems import Asked, PromptProblems
from edgewise.interop.ingest.rows import RowBatcher
from edgewise.interop.ingest.schema import name_list
from edgewise.interop.ingest.table import RolloutTable
from edgewise.interop.readers.base import FileHead, Reader, ReadOptions

_COLUMNS = {"step", "prompt", "completion", "advantage"}
_BATCH_ROWS = 1024
_IMAGES = ("images", "image")
# Names of rewards that are the verdict, and of columns that measure something else.
_VERDICT = re.compile(
    r"(accuracy|acc|correct(ness)?|exact_match|math_verify)(_?(reward|func|function))*", re.IGNORECASE
)
_NO_REWARD = re.compile(
    r"advantages?|(.*[-_ ])?(len|lengths?|tokens|entropy|kl|logps?|logprobs?|ratio|weights?|time|seconds|epoch|steps?)",
    re.IGNORECASE,
)


class TrlReader(Reader):
    """Reads TRL's logs of completions."""

    name = "TRL completions"
    listed_as = "TRL completions"

    def recognises(self, head: FileHead) -> bool:
        """A Parquet file with step, prompt, completion and advantage."""
        return head.kind == "parquet" and set(head.columns) >= _COLUMNS

    def read(self, path: Path, table: RolloutTable, options: ReadOptions) -> None:
        """Add the rows of one log; `options` name the columns that hold the verdict and the problem."""
        table.begin(path, self.name)
        problem = options.columns.get("problem")
        if options.score:
            table.obey("score")
        if problem:
            table.obey("map")
        batcher = RowBatcher(table, path)
        with open_parquet(path) as file:
            reward = _reward(path, file.schema_arrow, options.score, table)
            if problem and problem not in file.schema_arrow.names:
                raise InputError(f"{path}: map: no {problem}; there are {name_list(file.schema_arrow.names)}")
            images = [name for name in _IMAGES if name in file.schema_arrow.names]
            asked = (
                [] if problem else [_asked(record, images) for record in _records(file, ["step", "prompt", *images])]
            )
            ids = PromptProblems(asked)
            if not problem:
                _say_what_a_problem_is(ids, path, file, table)
            names = ["step", "prompt", "completion", reward, *([problem] if problem else [])]
            number = 0
            for number, record in enumerate(_records(file, list(dict.fromkeys(names))), 1):
                named = record[problem] if problem else ids.id(asked[number - 1])
                row = {
                    "model": f"step {record['step']}",
                    "problem": prompt_id(named) if problem == "prompt" else named,
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


def _records(file: pq.ParquetFile, columns: list[str]) -> Iterator[dict[str, Any]]:
    for batch in file.iter_batches(_BATCH_ROWS, columns=columns):
        yield from batch.to_pylist()


def _asked(record: dict[str, Any], images: list[str]) -> Asked:
    return Asked.of(record["step"], record["prompt"], [record[name] for name in images if record[name]])


def _say_what_a_problem_is(ids: PromptProblems, path: Path, file: pq.ParquetFile, table: RolloutTable) -> None:
    table.note("a problem is an equal prompt; its id is a hash of the prompt")
    if ids.shared_prompts:
        table.warn(
            f"{ids.shared_prompts} prompts are those of several problems, whose images differ: --map id=prompt takes "
            "equal prompts as one problem"
        )
    first = next(_records(file, ["prompt"]), None)
    if not any(name in file.schema_arrow.names for name in _IMAGES) and "'type': 'image'" in repr(first):
        table.warn(
            f"{path.name}: the prompts have images, which the log leaves out, so that equal texts are one problem: "
            "--map id=COLUMN takes the problem from a column that was logged"
        )


def _reward(path: Path, schema: pa.Schema, score: str | None, table: RolloutTable) -> str:
    """The column that holds the verdict."""
    if score is not None and score in schema.names:
        return score
    fields = [field for field in schema if field.name not in _COLUMNS and not _NO_REWARD.fullmatch(field.name)]
    rewards: list[str] = [field.name for field in fields if pa.types.is_floating(field.type)]
    rewards = rewards or [field.name for field in fields if pa.types.is_integer(field.type)]
    chosen = rewards if len(rewards) == 1 else _clear_ones(rewards)
    if score is not None or len(chosen) != 1:
        raise InputError(f"{path}: score: {score or 'not named'}; name one of the rewards {name_list(rewards)}")
    others = [name for name in rewards if name != chosen[0]]
    if others:
        table.warn(f"of the rewards {name_list(rewards)} the verdict is {chosen[0]}: --score {others[0]} takes another")
    else:
        table.note(f"the verdict is the reward {chosen[0]}")
    return chosen[0]


def _clear_ones(rewards: list[str]) -> list[str]:
    """Those whose names say that they are rewards and the verdict.

    The first column is a reward for sure; a later one, such as `correct`, may be what the user logged beside it.
    """
    return [
        name
        for place, name in enumerate(rewards)
        if _VERDICT.fullmatch(name) and (not place or "reward" in name.casefold())
    ]


READER = TrlReader()
