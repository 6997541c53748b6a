"""Rollouts: completions with their problems and verdicts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgewise.sampling.completions import Completions
from edgewise.tasks.base import Problem, Verdict


@dataclass(frozen=True, slots=True)
class Rollouts:
    """G verified completions of each of P problems; `text_PG` is a view of the token ids.

    `start_logp_PG` is the log-probability of each whole completion under the model that a run of RL began with, there
    where a reward asks for it. `revealed_P` is what of the gold solution was put before the completions of a problem,
    and stands at the end of its prompt; "" where nothing was, None where it was of no problem. Verdicts are on it and
    the completion together.
    """

    problems: Sequence[Problem]
    prompts: Sequence[Sequence[int]]
    completions: Completions
    text_PG: list[list[str]]
    verdict_PG: list[list[Verdict]]
    start_logp_PG: NDArray[np.float32] | None = None
    revealed_P: Sequence[str] | None = None

    def revealed(self, problem: int) -> str:
        """What of a problem's gold solution was put before its completions, "" where nothing was."""
        return "" if self.revealed_P is None else self.revealed_P[problem]

    def solution_text(self, problem: int, sample: int) -> str:
        """The text that was verified: a completion, behind what was revealed of the gold solution."""
        return f"{self.revealed(problem)} {self.text_PG[problem][sample]}".strip()

    @property
    def samples(self) -> int:
        """Completions of each problem."""
        return int(self.completions.length_PG.shape[1])

    @property
    def sampled_tokens(self) -> int:
        """Tokens of all completions."""
        return int(self.completions.length_PG.sum())

    @property
    def extra_PG(self) -> NDArray[np.int64]:
        """Tokens that were computed besides a completion's own and its prompt's (see `Completions`)."""
        extra_PG = self.completions.extra_PG
        return np.zeros(self.completions.length_PG.shape, np.int64) if extra_PG is None else extra_PG

    def select(self, problems: Sequence[int]) -> Rollouts:
        """The rollouts of some of the problems, by their indices."""
        chosen, completions = list(problems), self.completions
        return Rollouts(
            [self.problems[p] for p in chosen],
            [self.prompts[p] for p in chosen],
            Completions(
                completions.tokens_PGT[chosen],
                completions.logp_PGT[chosen],
                completions.length_PG[chosen],
                completions.finished_PG[chosen],
                None if completions.extra_PG is None else completions.extra_PG[chosen],
            ),
            [self.text_PG[p] for p in chosen],
            [self.verdict_PG[p] for p in chosen],
            None if self.start_logp_PG is None else self.start_logp_PG[chosen],
            None if self.revealed_P is None else [self.revealed_P[p] for p in chosen],
        )

    @classmethod
    def concatenate(cls, parts: Sequence[Rollouts]) -> Rollouts:
        """The problems of all parts, one after the other; every part has equally many samples."""
        longest = max(part.completions.tokens_PGT.shape[2] for part in parts)

        def padded(array: np.ndarray, padding: int) -> np.ndarray:
            missing = longest - array.shape[2]
            return np.pad(array, ((0, 0), (0, 0), (0, missing)), constant_values=padding)

        completions = [part.completions for part in parts]
        start_logps = [part.start_logp_PG for part in parts if part.start_logp_PG is not None]
        return cls(
            [problem for part in parts for problem in part.problems],
            [prompt for part in parts for prompt in part.prompts],
            Completions(
                np.concatenate([padded(part.tokens_PGT, -1) for part in completions]),
                np.concatenate([padded(part.logp_PGT, 0) for part in completions]),
                np.concatenate([part.length_PG for part in completions]),
                np.concatenate([part.finished_PG for part in completions]),
                np.concatenate([part.extra_PG for part in parts]),
            ),
            [texts for part in parts for texts in part.text_PG],
            [verdicts for part in parts for verdicts in part.verdict_PG],
            np.concatenate(start_logps) if len(start_logps) == len(parts) else None,
            None
            if all(part.revealed_P is None for part in parts)
            else [part.revealed(p) for part in parts for p in range(len(part.problems))],
        )
