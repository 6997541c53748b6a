"""Rollouts: completions with their problems and verdicts, and their table on disk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from edgewise.core.atomic import atomic_write
from edgewise.core.errors import InputError
from edgewise.core.keyed import key
from edgewise.model.tokenizer import Tokenizer
from edgewise.outcomes.outcomes import Outcomes
from edgewise.sampling.base import Completions, Params, Sampler
from edgewise.tasks.base import Problem, Score, Verdict, World


@dataclass(frozen=True, slots=True)
class Rollouts:
    """G judged completions of each of P problems; `text_PG` is a view of the token ids."""

    problems: Sequence[Problem]
    prompts: Sequence[Sequence[int]]
    completions: Completions
    text_PG: list[list[str]]
    verdict_PG: list[list[Verdict]]

    @property
    def samples(self) -> int:
        return int(self.completions.length_PG.shape[1])

    @property
    def sampled_tokens(self) -> int:
        return int(self.completions.length_PG.sum())

    def of(self, problems: Sequence[int]) -> Rollouts:
        """The rollouts of some of the problems, by number."""
        chosen, drawn = list(problems), self.completions
        return Rollouts(
            [self.problems[p] for p in chosen],
            [self.prompts[p] for p in chosen],
            Completions(
                drawn.tokens_PGT[chosen],
                drawn.logp_PGT[chosen],
                drawn.length_PG[chosen],
                drawn.finished_PG[chosen],
                drawn.extra_PG if drawn.extra_PG is None else drawn.extra_PG[chosen],
            ),
            [self.text_PG[p] for p in chosen],
            [self.verdict_PG[p] for p in chosen],
        )

    @classmethod
    def joined(cls, parts: Sequence[Rollouts]) -> Rollouts:
        """The rollouts of several draws with equally many samples, one after the other."""
        longest = max(part.completions.tokens_PGT.shape[2] for part in parts)

        def wide(array: np.ndarray, padding: int) -> np.ndarray:
            missing = longest - array.shape[2]
            return np.pad(array, ((0, 0), (0, 0), (0, missing)), constant_values=padding)

        drawn = [part.completions for part in parts]
        return cls(
            [problem for part in parts for problem in part.problems],
            [prompt for part in parts for prompt in part.prompts],
            Completions(
                np.concatenate([wide(c.tokens_PGT, -1) for c in drawn]),
                np.concatenate([wide(c.logp_PGT, 0) for c in drawn]),
                np.concatenate([c.length_PG for c in drawn]),
                np.concatenate([c.finished_PG for c in drawn]),
                np.concatenate([_extra(c) for c in drawn]),
            ),
            [row for part in parts for row in part.text_PG],
            [row for part in parts for row in part.verdict_PG],
        )

    def table(self) -> pa.Table:
        """One row per sample: problem, token ids, log-probability, text and verdict."""
        rows = [(p, g) for p in range(len(self.problems)) for g in range(self.samples)]
        problems = [self.problems[p] for p, _ in rows]
        verdicts = [self.verdict_PG[p][g] for p, g in rows]
        return pa.table(
            {
                "problem_id": [problem.id for problem in problems],
                "level": [problem.level for problem in problems],
                "sample": [g for _, g in rows],
                "prompt": [problem.prompt for problem in problems],
                "prompt_ids": pa.array([self.prompts[p] for p, _ in rows], pa.list_(pa.int32())),
                "completion_ids": pa.array([self.completions.ids(p, g) for p, g in rows], pa.list_(pa.int32())),
                "text": [self.text_PG[p][g] for p, g in rows],
                "logprob": self.completions.logp_PGT.sum(-1, dtype=np.float64).ravel(),
                "extra_tokens": _extra(self.completions).ravel(),
                "finish_reason": np.where(self.completions.finished_PG.ravel(), "stop", "length"),
                "answer": [v.answer.name.lower() for v in verdicts],
                "process": [v.process.name.lower() for v in verdicts],
                "first_wrong_step": pa.array([v.first_wrong_step for v in verdicts], pa.int32()),
                "reason": [v.reason for v in verdicts],
            }
        )

    def outcomes(self) -> Outcomes:
        """What the boundary part sees of these rollouts."""
        return outcomes(self.table())

    def write(self, path: Path) -> None:
        """The table as Parquet."""
        write_table(self.table(), path)


def _extra(completions: Completions) -> NDArray[np.int64]:
    extra_PG = completions.extra_PG
    return np.zeros(completions.length_PG.shape, np.int64) if extra_PG is None else extra_PG


def outcomes(table: pa.Table) -> Outcomes:
    """The verdicts of a rollout table, all that the boundary part ever sees."""
    marks = {mark.name.lower(): int(mark) for mark in Score}
    return Outcomes.of(
        problem=np.array(table["problem_id"].to_pylist(), dtype=np.str_),
        level=table["level"].to_numpy().astype(np.int64),
        sample=table["sample"].to_numpy().astype(np.int64),
        answer=np.array([marks[name] for name in table["answer"].to_pylist()], dtype=np.int8),
        process=np.array([marks[name] for name in table["process"].to_pylist()], dtype=np.int8),
        truncated=np.array([reason == "length" for reason in table["finish_reason"].to_pylist()]),
        tokens=pc.list_value_length(table["completion_ids"]).to_numpy().astype(np.int64),
    )


def write_table(table: pa.Table, path: Path) -> None:
    """Write a Parquet file that is whole or absent."""
    with atomic_write(path) as aside:
        pq.write_table(table, aside, compression="zstd")


def read_table(path: Path, columns: list[str] | None = None) -> pa.Table:
    """Read a rollout table; InputError names the file that is missing or corrupt."""
    try:
        return pq.read_table(path, columns=columns)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: missing or corrupt ({type(error).__name__}); remove {path.parent}") from None


def roll_out(
    sampler: Sampler[Params],
    tokenizer: Tokenizer,
    world: World,
    problems: Sequence[Problem],
    samples: int,
    params: Params,
    seed: int,
) -> Rollouts:
    """Draw and judge `samples` completions of each problem, keyed by (seed, prompt, sample)."""
    prompts = [tokenizer.prompt(problem.prompt) for problem in problems]
    keys = [key("completion", seed, problem.prompt) for problem in problems]
    return verify_completions(tokenizer, world, problems, prompts, sampler.sample(prompts, keys, samples, params))


def write_gold(tokenizer: Tokenizer, world: World, problems: Sequence[Problem], max_new_tokens: int) -> Rollouts:
    """The world's own solution of each problem as its one completion, with log-probability 0.

    InputError where one has more than `max_new_tokens` tokens.
    """
    prompts = [tokenizer.prompt(problem.prompt) for problem in problems]
    gold = [[*tokenizer.encode(world.solution(problem)), tokenizer.eos] for problem in problems]
    longest = max(map(len, gold))
    if longest > max_new_tokens:
        raise InputError(f"max_new_tokens: must hold the longest gold solution ({longest} tokens), is {max_new_tokens}")
    tokens = np.full((len(gold), 1, longest), -1, np.int32)
    for p, ids in enumerate(gold):
        tokens[p, 0, : len(ids)] = ids
    lengths = np.array([[len(ids)] for ids in gold], np.int32)
    completions = Completions(tokens, np.zeros(tokens.shape, np.float32), lengths, np.ones_like(lengths, np.bool_))
    return verify_completions(tokenizer, world, problems, prompts, completions)


def verify_completions(
    tokenizer: Tokenizer,
    world: World,
    problems: Sequence[Problem],
    prompts: Sequence[Sequence[int]],
    completions: Completions,
) -> Rollouts:
    """The completions with their texts and verdicts."""
    samples = completions.length_PG.shape[1]
    texts, verdicts = [], []
    for p, problem in enumerate(problems):
        row = [tokenizer.decode(completions.ids(p, g)) for g in range(samples)]
        pairs = list(zip(row, completions.finished_PG[p].tolist(), strict=True))
        # A sure model writes the same text many times; each is judged once.
        judged = {pair: world.verify(problem, pair[0], truncated=not pair[1]) for pair in set(pairs)}
        texts.append(row)
        verdicts.append([judged[pair] for pair in pairs])
    return Rollouts(problems, prompts, completions, texts, verdicts)
