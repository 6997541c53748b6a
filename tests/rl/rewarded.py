"""Verdicts, rollouts and worlds that rewards are tried on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from hypothesis import strategies as st

from edgewise.core.spec import Spec
from edgewise.rl.rewards.base import AnyRewardFunction, RewardFunction
from edgewise.rl.rewards.correctness import Outcome
from edgewise.rl.rewards.length import AnyLengthReward, NoLength
from edgewise.rollouts.rollouts import Rollouts
from edgewise.sampling.completions import Completions
from edgewise.tasks import Problem, Score, Verdict, World
from edgewise.tasks.graph.world import GraphArithmetic
from edgewise.tasks.mixture import Mixture
from tests.tasks.graph.worlds import GRAPHS
from tests.tasks.test_conformance import WORLDS

RIGHT = Verdict(Score.CORRECT, Score.CORRECT, predicted="7")
LUCKY = Verdict(Score.CORRECT, Score.WRONG, 1, "a step is wrong", "7")
WRONG = Verdict(Score.WRONG, Score.WRONG, 2, "the answer is wrong", "8")
NOTHING = Verdict(Score.UNSCORABLE, Score.UNSCORABLE, None, "no answer")
VERDICTS = (RIGHT, LUCKY, WRONG, NOTHING)
MARKED = st.sampled_from(VERDICTS)
LENGTHS = st.integers(1, 100)
ENGLISH = GraphArithmetic(min_op=3, max_op=6)
PAPER = GraphArithmetic(min_op=3, max_op=6, wording="paper")
COMPACT = GraphArithmetic(min_op=3, max_op=6, wording="compact")
CONTROLS = ("format", "random", "wrong_label", "majority")
CHOICES: tuple[Any, ...] = ("outcome", "process", {"kind": "mixture", "alpha": 0.3}, *CONTROLS)


EVERY_WORLD: dict[str, World] = {**WORLDS, **{f"graph: {name}": world for name, world in GRAPHS.items()}}


def mixed(*parts: World) -> Mixture:
    return Mixture.parse({"parts": [{"share": 1, "world": part} for part in parts], "of": "problems"})


class Holder(Spec):
    reward: AnyRewardFunction = Outcome()
    length: AnyLengthReward = NoLength()


def reward_of(choice: Any) -> RewardFunction:
    return Holder.parse({"reward": choice}).reward


def rollouts_of(
    world: World, texts: Sequence[Sequence[str]], *, cut: Sequence[tuple[int, int]] = (), first: int = 0
) -> Rollouts:
    """Verified rollouts of the world's problems `first`...; those in `cut` did not end by themselves."""
    problems = [world.problem("train", 0, first + p) for p in range(len(texts))]
    finished = np.array([[(p, g) not in cut for g in range(len(row))] for p, row in enumerate(texts)])
    verdicts = [
        [world.verify(problem, text, truncated=not finished[p, g]) for g, text in enumerate(texts[p])]
        for p, problem in enumerate(problems)
    ]
    return verified_rollouts(problems, [list(row) for row in texts], verdicts, finished=finished)


def verified_rollouts(
    problems: list[Problem],
    texts: list[list[str]],
    verdicts: list[list[Verdict]],
    *,
    lengths: Sequence[Sequence[int]] | None = None,
    finished: Any = None,
) -> Rollouts:
    shape = (len(verdicts), len(verdicts[0]))
    length_PG = np.ones(shape, np.int32) if lengths is None else np.array(lengths, np.int32)
    finished_PG = np.ones(shape, np.bool_) if finished is None else finished
    empty = np.zeros((*shape, 1))
    completions = Completions(empty.astype(np.int32), empty.astype(np.float32), length_PG, finished_PG)
    return Rollouts(problems, [[0]] * shape[0], completions, texts, verdicts)


def of_verdicts(verdicts: list[list[Verdict]], lengths: Sequence[Sequence[int]] | None = None) -> Rollouts:
    problems = [COMPACT.problem("train", 0, p) for p in range(len(verdicts))]
    return verified_rollouts(problems, [[""] * len(row) for row in verdicts], verdicts, lengths=lengths)
