"""The table of gold likelihoods that an evaluation writes, one row a problem, as Parquet."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from edgewise.core.atomic import atomic_write
from edgewise.core.errors import InputError
from edgewise.rl.likelihood import GoldLikelihood

GOLD = "gold_likelihood.parquet"


def gold_table(likelihoods: Sequence[GoldLikelihood]) -> pa.Table:
    """Log-probabilities in nats under the model itself (temperature 1, no top-p), the token that ends a text included.

    problem_id, level
    solution          the gold solution
    logp              its log-probability: the sum of `token_logp`
    tokens            how many tokens it has, so that logp / tokens is the mean of a token
    token_logp        of each of its tokens
    answers           every right completion where the world lists them, else null
    answer_logp       of each of them
    total_logp        of writing any of them: exp(total_logp) is the exact pass@1
    """
    return pa.table(
        {
            "problem_id": [gold.problem.id for gold in likelihoods],
            "level": pa.array([gold.problem.level for gold in likelihoods], pa.int64()),
            "solution": [gold.solution for gold in likelihoods],
            "logp": pa.array([gold.logp for gold in likelihoods], pa.float64()),
            "tokens": pa.array([len(gold.token_logp) for gold in likelihoods], pa.int64()),
            "token_logp": pa.array([gold.token_logp for gold in likelihoods], pa.list_(pa.float64())),
            "answers": pa.array([gold.answers for gold in likelihoods], pa.list_(pa.string())),
            "answer_logp": pa.array([gold.answer_logp for gold in likelihoods], pa.list_(pa.float64())),
            "total_logp": pa.array([gold.total_logp for gold in likelihoods], pa.float64()),
        }
    )


def write_gold_likelihood(likelihoods: Sequence[GoldLikelihood], folder: Path) -> None:
    """Write the table into an evaluation's folder, whole or not at all."""
    with atomic_write(folder / GOLD) as unfinished:
        pq.write_table(gold_table(likelihoods), unfinished, compression="zstd")


def read_gold_likelihood(folder: Path) -> pa.Table:
    """The table in an evaluation's folder (see `gold_table`).

    InputError where there is none, because the evaluation did not ask for it, and where it cannot be read.
    """
    path = folder / GOLD
    if not path.exists():
        raise InputError(f"{path}: is not there; evaluate with gold_likelihood=True")
    try:
        return pq.read_table(path)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: missing or corrupt ({type(error).__name__}); remove {folder}") from None
