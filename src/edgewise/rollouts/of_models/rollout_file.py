"""The Parquet file of a language model's rollouts: the columns that audits read, token ids, and where all came from."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from edgewise.core.atomic import atomic_write
from edgewise.core.errors import InputError
from edgewise.core.parquet_metadata import parquet_metadata
from edgewise.core.spec import canonical_json, difference_of_fields
from edgewise.outcomes.outcomes import Outcomes
from edgewise.rollouts.of_models.request import RolloutRequest
from edgewise.rollouts.rollouts import Rollouts
from edgewise.tasks.base import Score

# The key in the metadata of the file's schema, and what its JSON is called as a format.
METADATA_KEY, FORMAT = b"edgewise", "rollouts of a model, 1"
_CORRECT = {Score.CORRECT: True, Score.WRONG: False, Score.UNSCORABLE: None}


def audit_table(rollouts: Rollouts, request: RolloutRequest, model: str, first: int) -> pa.Table:
    """One row a sample, with the columns of `edgewise.interop.readers.rows`; samples are numbered from `first`.

    `model` is its name. Beside those columns stand the token ids of prompt and completion. A completion that was cut
    off has the finish reason "length" and no verdict. Worlds that look at answers alone give no verdict on the process.
    """
    places = [(p, g) for p in range(len(rollouts.problems)) for g in range(rollouts.samples)]
    problems = [rollouts.problems[p] for p, _ in places]
    verdicts = [rollouts.verdict_PG[p][g] for p, g in places]
    completions, sampling, rows = rollouts.completions, request.sampling, len(places)
    process = {}
    if request.world.verifies_process:
        process["process_correct"] = pa.array([_CORRECT[verdict.process] for verdict in verdicts], pa.bool_())
    return pa.table(
        {
            "problem_id": [problem.id for problem in problems],
            "level": [problem.level for problem in problems],
            "sample": pa.array([first + g for _, g in places], pa.int64()),
            "correct": pa.array([_CORRECT[verdict.answer] for verdict in verdicts], pa.bool_()),
            **process,
            "first_wrong_step": pa.array([verdict.first_wrong_step for verdict in verdicts], pa.int32()),
            "reason": [verdict.reason for verdict in verdicts],
            "verifier": [request.world.world] * rows,
            "answer": pa.array([verdict.predicted for verdict in verdicts], pa.string()),
            "gold": [problem.answer for problem in problems],
            "finish_reason": np.where(completions.finished_PG.ravel(), "stop", "length"),
            "tokens": completions.length_PG.ravel().astype(np.int64),
            "logprob": completions.logp_PGT.sum(-1, dtype=np.float64).ravel(),
            "temperature": [sampling.temperature] * rows,
            "top_p": [sampling.top_p] * rows,
            "max_tokens": [sampling.max_new_tokens] * rows,
            "model": [model] * rows,
            "prompt": [problem.prompt for problem in problems],
            "completion": [rollouts.text_PG[p][g] for p, g in places],
            "prompt_ids": pa.array([list(rollouts.prompts[p]) for p, _ in places], pa.list_(pa.int32())),
            "completion_ids": pa.array([completions.ids(p, g) for p, g in places], pa.list_(pa.int32())),
        }
    )


def write_rollout_file(
    table: pa.Table, path: Path, request: RolloutRequest, made_by: dict[str, str], samples: int
) -> None:
    """Write all rows as one file that is whole or absent.

    To the table's own metadata are added the request, what computed the rollouts (`made_by`), and the number of samples
    of each problem.
    """
    about = {**about_request(request), "made_by": made_by, "samples": samples}
    text = json.dumps(about, sort_keys=True, allow_nan=False).encode()
    metadata = {**(table.schema.metadata or {}), METADATA_KEY: text}
    with atomic_write(path) as unfinished:
        pq.write_table(table.replace_schema_metadata(metadata), unfinished, compression="zstd")


def about_request(request: RolloutRequest) -> dict[str, Any]:
    """How a file or a folder of parts says what it was asked for; where things are found is no part of it."""
    return {"format": FORMAT, "request": json.loads(canonical_json(request))}


def read_about(path: Path) -> dict[str, Any] | None:
    """What a file of rollouts says of itself; None where it is no Parquet file that this module wrote.

    InputError where it cannot be read.
    """
    try:
        about = json.loads(parquet_metadata(path, METADATA_KEY) or b"null")
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read ({type(error).__name__}); remove it, or name another --out") from None
    return about if isinstance(about, dict) and about.get("format") == FORMAT else None


def file_outcomes(path: Path) -> tuple[Outcomes, Counter[str]]:
    """The verdicts of a file of rollouts, and how often each reason was given."""
    columns = ["problem_id", "level", "sample", "correct", "process_correct", "finish_reason", "tokens", "reason"]
    table = pq.read_table(path, columns=[name for name in columns if name in pq.read_schema(path).names]).to_pydict()
    process = table.get("process_correct")
    score = {correct: int(of) for of, correct in _CORRECT.items()}
    outcomes = Outcomes.of(
        problem=table["problem_id"],
        level=table["level"],
        sample=table["sample"],
        answer=[score[correct] for correct in table["correct"]],
        process=None if process is None else [score[correct] for correct in process],
        truncated=[reason == "length" for reason in table["finish_reason"]],
        tokens=table["tokens"],
    )
    return outcomes, Counter(filter(None, table["reason"]))


def check_same_request(path: Path, about: dict[str, Any] | None, request: RolloutRequest) -> None:
    """InputError where a file holds the rollouts of another request, with the first field that differs."""
    if about is None:
        raise InputError(f"{path}: is there and holds no rollouts of `edgewise rollouts`; name another --out")
    differing = difference_of_fields(about["request"], about_request(request)["request"])
    if differing:
        name, (theirs, ours) = next(iter(differing.items()))
        raise InputError(
            f"{path}: holds rollouts with {name} {theirs!r:.60}, now it is {ours!r:.60}; name another --out"
        )
