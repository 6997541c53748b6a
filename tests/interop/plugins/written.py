"""Completions of a world's problems that are right, wrong in the answer or a step, unreadable or cut off; a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

from edgewise.core.keyed import key, rng
from edgewise.interop.plugins.world_problems import MARKS
from edgewise.model.decoder import Decoder, DecoderSpec
from edgewise.model.hf import save_pretrained
from edgewise.model.tokenizer import Tokenizer
from edgewise.outcomes.counts import Counts
from edgewise.tasks import Problem, World
from edgewise.tasks.base import first_distinct

# Of what a scripted model writes, beside its own solution.
UNREADABLE = "no answer at all"


def problems_of(world: World, count: int) -> list[Problem]:
    """The problems of the test split that a stage `Evaluate` with seed 0 takes."""
    levels = [world.at_level(level) for level in world.levels]
    return [problem for level in levels for problem in first_distinct(level, "test", 0, count).values()]


def written(world: World, problems: Sequence[Problem], samples: int) -> dict[str, list[tuple[str, bool]]]:
    """By prompt: completions, and whether they ended by themselves; right ones in all numbers from none to all."""
    texts = {}
    for p, problem in enumerate(problems):
        source = rng("written", key(problem.id))
        right, other = world.solution(problem), world.solution(problems[(p + 1) % len(problems)])
        # Wrong answers, and a right answer after other steps.
        wrong = [other, UNREADABLE, f"{other.rsplit(' ', 1)[0]} {problem.answer}"]
        some = [(right, True)] * (p % (samples + 1))
        some += [(source.choice(wrong), True) for _ in range(samples - len(some))]
        some[-1] = (some[-1][0], p % 4 != 0)
        source.shuffle(some)
        texts[problem.prompt] = some
    return texts


def expected(
    world: World, problems: Sequence[Problem], texts: Mapping[str, Sequence[tuple[str, bool]]]
) -> dict[str, Counts]:
    """Our own counts of the same completions, by answer and by process."""
    ordered = sorted(problems, key=lambda problem: problem.id)
    verdicts = [
        [world.verify(problem, text, truncated=not finished) for text, finished in texts[problem.prompt]]
        for problem in ordered
    ]
    n = len(next(iter(texts.values())))
    marks = {
        "answer": [[MARKS[verdict.answer] for verdict in some] for some in verdicts],
        "process": [[MARKS[verdict.process] for verdict in some] for some in verdicts],
    }
    return {
        name: Counts.of(n, np.array([sum(mark == 1 for mark in some) for some in of_name]))
        for name, of_name in marks.items()
    }


def save_random_model(world: World, folder: Path, positions: int = 256) -> Path:
    """A decoder with random weights that knows the words of the world."""
    torch.manual_seed(0)
    tokenizer = Tokenizer(world.words())
    spec = DecoderSpec(width=32, layers=1, heads=2, kv_heads=1, feed_forward=64, max_positions=positions)
    save_pretrained(Decoder(spec, len(tokenizer)), tokenizer, folder)
    return folder
