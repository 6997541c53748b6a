"""Keep some groups of an RL run to be read: groups.jsonl, every sample of a group with its reward and advantage.

The steps are among those that are probed, at most 51 of a run, spread evenly; of each step the first group of up to
four levels. At most 64 samples of a group are kept, and 2,000 characters of a text. With 16 samples of 300 characters
that is less than 2 MB a run.

What is kept depends on the rollouts alone, so a resumed run keeps the same. It shows how training went and no claim is
made from it: verdicts are made from evaluations.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edgewise.core.errors import InputError
from edgewise.core.json_lines import whole_lines
from edgewise.rl.batch import TokenBatch
from edgewise.rl.collect import ScoredRollouts
from edgewise.training.run_folder import GROUPS

MOST_STEPS, MOST_GROUPS, MOST_SAMPLES, MOST_CHARACTERS = 50, 4, 64, 2_000
# Steps that are kept are probed too: see `rl.probe`.
_EVERY = 4


@dataclass(frozen=True, slots=True)
class KeptSample:
    """A completion of a training step. `text` and `reason` are untrusted.

    `reward` is before length shaping; `advantage` is the mean over the tokens. Either is None where it is no number.
    """

    text: str
    tokens: int
    finished: bool
    reward: float | None
    advantage: float | None
    answer: str
    process: str
    first_wrong_step: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class KeptGroup:
    """Samples of one problem at one training step, all of `sampled` or the first of them."""

    step: int
    problem_id: str
    level: int
    prompt: str
    sampled: int
    rollouts: tuple[KeptSample, ...]


def is_kept(step: int, steps: int) -> bool:
    """Whether groups of `step` of `steps` are kept: of evenly spread ones, the first and the last among them."""
    return step % (_EVERY * max(1, math.ceil(steps / (_EVERY * MOST_STEPS)))) == 0 or step == steps - 1


def groups_to_keep(scored: ScoredRollouts, batch: TokenBatch, step: int) -> list[dict[str, Any]]:
    """The lines of groups.jsonl of a step, a group each: the first of each level, of four at most."""
    rollouts = scored.rollouts
    first_of_level: dict[int, int] = {}
    for p, problem in enumerate(rollouts.problems):
        first_of_level.setdefault(problem.level, p)
    return [asdict(_group(scored, batch, step, first_of_level[level])) for level in _spread(sorted(first_of_level))]


def read_groups(folder: Path) -> tuple[KeptGroup, ...]:
    """The groups that the run in a stage's folder has kept; none where it keeps none. InputError where damaged."""
    path = folder / GROUPS
    try:
        return tuple(_read(json.loads(line)) for line in whole_lines(path))
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise InputError(
            f"{path}: corrupt ({type(error).__name__}); remove {folder} to compute the stage again"
        ) from None


def _group(scored: ScoredRollouts, batch: TokenBatch, step: int, p: int) -> KeptGroup:
    rollouts, problem = scored.rollouts, scored.rollouts.problems[p]
    samples = []
    # Lists of a whole group: single cells of tensors are slow to read.
    for text, verdict, tokens, finished, reward, advantage_T in zip(
        rollouts.text_PG[p][:MOST_SAMPLES],
        rollouts.verdict_PG[p],
        rollouts.completions.length_PG[p].tolist(),
        rollouts.completions.finished_PG[p].tolist(),
        scored.reward_PG[p].tolist(),
        batch.tables.advantage[p].tolist(),
        strict=False,
    ):
        sample = KeptSample(
            text=text[:MOST_CHARACTERS],
            tokens=tokens,
            finished=finished,
            reward=_number(reward),
            # A correctly rounded sum has the same bits everywhere.
            advantage=_number(math.fsum(advantage_T[:tokens]) / tokens),
            answer=verdict.answer.name.lower(),
            process=verdict.process.name.lower(),
            first_wrong_step=verdict.first_wrong_step,
            reason=verdict.reason[:MOST_CHARACTERS],
        )
        samples.append(sample)
    # What the samples go on after, where a part of the gold solution was revealed.
    prompt = f"{problem.prompt} {rollouts.revealed(p)}".strip()[:MOST_CHARACTERS]
    return KeptGroup(step, problem.id, problem.level, prompt, rollouts.samples, tuple(samples))


def _read(fields: dict[str, Any]) -> KeptGroup:
    return KeptGroup(**{**fields, "rollouts": tuple(KeptSample(**sample) for sample in fields["rollouts"])})


def _number(value: float) -> float | None:
    """Six digits, which is more than a reader needs."""
    return float(f"{value:.6g}") if math.isfinite(value) else None


def _spread(levels: list[int]) -> list[int]:
    """At most MOST_GROUPS of the levels, spread evenly, the first and the last among them."""
    if len(levels) <= MOST_GROUPS:
        return levels
    return [levels[i * (len(levels) - 1) // (MOST_GROUPS - 1)] for i in range(MOST_GROUPS)]
