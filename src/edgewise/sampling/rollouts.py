"""Rollouts: completions with their problems and verdicts, and their table on disk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from edgewise.boundary.outcomes import Outcomes
from edgewise.keyed import key
from edgewise.model.tokenizer import Tokenizer
from edgewise.sampling.base import Completions, Sampler, SamplingSpec
from edgewise.tasks.base import Problem, Verdict, World


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

    def outcomes(self) -> Outcomes:
        """The table that the boundary part reads: one row per sample, problem by problem."""
        marks = np.array([[(v.answer, v.process) for v in row] for row in self.verdict_PG], dtype=np.int8)
        return Outcomes(
            problem=np.repeat([problem.id for problem in self.problems], self.samples),
            level=np.repeat([problem.level for problem in self.problems], self.samples),
            sample=np.tile(np.arange(self.samples), len(self.problems)),
            answer=marks[..., 0].ravel(),
            process=marks[..., 1].ravel(),
            truncated=~self.completions.finished_PG.ravel(),
            tokens=self.completions.length_PG.ravel().astype(np.int64),
        )

    def write(self, path: Path) -> None:
        """Parquet, one row per sample: problem, token ids, log-probability, text and verdict."""
        rows = [(p, g) for p in range(len(self.problems)) for g in range(self.samples)]
        problems = [self.problems[p] for p, _ in rows]
        verdicts = [self.verdict_PG[p][g] for p, g in rows]
        finished: NDArray[np.bool_] = self.completions.finished_PG.ravel()
        table = pa.table(
            {
                "problem_id": [problem.id for problem in problems],
                "level": [problem.level for problem in problems],
                "sample": [g for _, g in rows],
                "prompt": [problem.prompt for problem in problems],
                "prompt_ids": pa.array([self.prompts[p] for p, _ in rows], pa.list_(pa.int32())),
                "completion_ids": pa.array([self.completions.ids(p, g) for p, g in rows], pa.list_(pa.int32())),
                "text": [self.text_PG[p][g] for p, g in rows],
                "logprob": self.completions.logp_PGT.sum(-1, dtype=np.float64).ravel(),
                "finish_reason": np.where(finished, "stop", "length"),
                "answer": [v.answer.name.lower() for v in verdicts],
                "process": [v.process.name.lower() for v in verdicts],
                "first_wrong_step": pa.array([v.first_wrong_step for v in verdicts], pa.int32()),
                "reason": [v.reason for v in verdicts],
            }
        )
        pq.write_table(table, path, compression="zstd")


def roll_out(
    sampler: Sampler,
    tokenizer: Tokenizer,
    world: World,
    problems: Sequence[Problem],
    samples: int,
    law: SamplingSpec,
    seed: int,
) -> Rollouts:
    """Draw and judge `samples` completions of each problem, keyed by (seed, prompt, sample)."""
    prompts = [tokenizer.prompt(problem.prompt) for problem in problems]
    keys = [key("completion", seed, problem.prompt) for problem in problems]
    completions = sampler.sample(prompts, keys, samples, law)
    texts, verdicts = [], []
    for p, problem in enumerate(problems):
        seen: dict[tuple[str, bool], Verdict] = {}
        row = [tokenizer.decode(completions.ids(p, g)) for g in range(samples)]
        for text, finished in zip(row, completions.finished_PG[p].tolist(), strict=True):
            if (text, finished) not in seen:
                seen[text, finished] = world.judge(problem, text, truncated=not finished)
        texts.append(row)
        verdicts.append([seen[t, f] for t, f in zip(row, completions.finished_PG[p].tolist(), strict=True)])
    return Rollouts(problems, prompts, completions, texts, verdicts)
