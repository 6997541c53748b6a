"""The table of rollouts, one row per sample, as Parquet; and the outcomes in it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from edgewise.core.atomic import atomic_write
from edgewise.core.errors import InputError
from edgewise.outcomes.outcomes import Outcomes
from edgewise.rollouts.rollouts import Rollouts
from edgewise.tasks.base import Score


def rollout_table(rollouts: Rollouts) -> pa.Table:
    """One row per sample: problem, token ids, log-probability, text and verdict."""
    samples = [(p, g) for p in range(len(rollouts.problems)) for g in range(rollouts.samples)]
    problems = [rollouts.problems[p] for p, _ in samples]
    verdicts = [rollouts.verdict_PG[p][g] for p, g in samples]
    completions = rollouts.completions
    return pa.table(
        {
            "problem_id": [problem.id for problem in problems],
            "level": [problem.level for problem in problems],
            "sample": [g for _, g in samples],
            "prompt": [problem.prompt for problem in problems],
            "prompt_ids": pa.array([rollouts.prompts[p] for p, _ in samples], pa.list_(pa.int32())),
            "completion_ids": pa.array([completions.ids(p, g) for p, g in samples], pa.list_(pa.int32())),
            "text": [rollouts.text_PG[p][g] for p, g in samples],
            "logprob": completions.logp_PGT.sum(-1, dtype=np.float64).ravel(),
            "extra_tokens": rollouts.extra_PG.ravel(),
            "finish_reason": np.where(completions.finished_PG.ravel(), "stop", "length"),
            "answer": [verdict.answer.name.lower() for verdict in verdicts],
            "process": [verdict.process.name.lower() for verdict in verdicts],
            "first_wrong_step": pa.array([verdict.first_wrong_step for verdict in verdicts], pa.int32()),
            "reason": [verdict.reason for verdict in verdicts],
        }
    )


def table_outcomes(table: pa.Table) -> Outcomes:
    """The outcomes in a table of rollouts: the verdicts, without texts and tokens."""
    scores = {score.name.lower(): int(score) for score in Score}
    return Outcomes.of(
        problem=np.array(table["problem_id"].to_pylist(), dtype=np.str_),
        level=table["level"].to_numpy().astype(np.int64),
        sample=table["sample"].to_numpy().astype(np.int64),
        answer=np.array([scores[name] for name in table["answer"].to_pylist()], dtype=np.int8),
        process=np.array([scores[name] for name in table["process"].to_pylist()], dtype=np.int8),
        truncated=np.array([reason == "length" for reason in table["finish_reason"].to_pylist()]),
        tokens=pc.list_value_length(table["completion_ids"]).to_numpy().astype(np.int64),
    )


def write_rollout_table(table: pa.Table, path: Path) -> None:
    """Write the table as a Parquet file that is whole or absent."""
    with atomic_write(path) as unfinished:
        pq.write_table(table, unfinished, compression="zstd")


def read_rollout_table(path: Path, columns: list[str] | None = None) -> pa.Table:
    """Read the table, or some of its columns; InputError names the file that is missing or corrupt."""
    try:
        return pq.read_table(path, columns=columns)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: missing or corrupt ({type(error).__name__}); remove {path.parent}") from None
