"""Read the run that was handed over to another trainer, and grade a completion as its recipe does.

`hand_over.json` in the folder that `edgewise export` writes says everything: world, split, seed of draws, recipe. The
reward of a completion is computed from it by the same functions as here, one completion at a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgewise.core.atomic import read_json_object, write_json
from edgewise.core.errors import InputError
from edgewise.core.spec import Spec, plain
from edgewise.rl.recipes.registry import AnyRecipe
from edgewise.rollouts.rollouts import Rollouts
from edgewise.sampling.completions import Completions
from edgewise.tasks import AnyWorld, Problem, Split, Verdict, World
from edgewise.tasks.base import SPLITS

# The files of the folder: the run, its model and problems, and what its validations leave.
HAND_OVER, MODEL, TRAIN, TEST = "hand_over.json", "model", "train.parquet", "test.parquet"
VALIDATION = "validation"
# So many problems are kept, which are asked for once for each of their completions.
_KEPT = 65_536


class HandOver(Spec):
    """A run of RL as another trainer gets it: `recipe` on problems of a split of `world` under a seed of draws.

    `run` is the folder of the stage that it came from, `edgewise` the version that wrote it. `samples` completions of
    each test problem are drawn in a validation.
    """

    edgewise: str
    run: str
    world: AnyWorld
    split: Split
    seed: int
    recipe: AnyRecipe
    samples: int


def write_hand_over(run: HandOver, folder: Path) -> None:
    """Write `hand_over.json` into a folder."""
    write_json(folder / HAND_OVER, plain(run))


def address_of(problem: Problem, level: int | None = None) -> str:
    """Where a problem is found again: "split/seed/index", and "/level" where its world was restricted to that."""
    address = f"{problem.split}/{problem.seed}/{problem.index}"
    return address if level is None else f"{address}/{level}"


def problem_at(world: World, address: str) -> Problem:
    """The problem at an address of `address_of`; InputError where it is none."""
    split, *numbers = address.split("/")
    if split not in SPLITS or len(numbers) not in (2, 3) or not all(number.isdecimal() for number in numbers):
        raise InputError(f"address: must be split/seed/index or split/seed/index/level, is {address!r:.80}")
    seed, index, *level = map(int, numbers)
    return (world.at_level(level[0]) if level else world).problem(split, seed, index)


@dataclass(frozen=True, slots=True)
class GradedCompletion:
    """What a completion earns (`reward`), the binary outcome that filters look at, and the verdict."""

    reward: float
    outcome: bool
    verdict: Verdict


class HandedOver:
    """The run in a folder that `edgewise export` wrote, and the grading of its completions."""

    def __init__(self, folder: Path) -> None:
        """InputError where `hand_over.json` is missing or damaged, or names what is not known here."""
        path = folder / HAND_OVER
        self.run = HandOver.parse(read_json_object(path), str(path))
        self._problems: dict[str, Problem] = {}

    def problem(self, address: str) -> Problem:
        """The problem at an address."""
        if address not in self._problems:
            if len(self._problems) >= _KEPT:
                self._problems.clear()
            self._problems[address] = problem_at(self.run.world, address)
        return self._problems[address]

    def grade(self, address: str, text: str, tokens: int, *, truncated: bool) -> GradedCompletion:
        """Verify and reward a completion of the problem at `address`, as the recipe does.

        `tokens` is its length, its end included. A length reward with a cycle counts as it does in the first step.
        """
        problem, recipe = self.problem(address), self.run.recipe
        verdict = self.run.world.verify(problem, text, truncated=truncated)
        rollouts = _one(problem, text, verdict, tokens, finished=not truncated)
        outcome_PG, reward_PG = recipe.reward.function.score(self.run.world, rollouts, self.run.seed)
        reward_PG = recipe.reward.length.adjust(reward_PG, outcome_PG, rollouts, recipe.sampling.max_new_tokens, 0)
        return GradedCompletion(float(reward_PG[0, 0]), bool(outcome_PG[0, 0]), verdict)


def _one(problem: Problem, text: str, verdict: Verdict, length: int, *, finished: bool) -> Rollouts:
    """Rollouts of one completion of one problem, of which rewards may look at text, verdict and length alone."""
    completions = Completions(
        tokens_PGT=np.full((1, 1, length), -1, np.int32),
        logp_PGT=np.zeros((1, 1, length), np.float32),
        length_PG=np.array([[length]], np.int32),
        finished_PG=np.array([[finished]]),
    )
    return Rollouts([problem], [()], completions, [[text]], [[verdict]])
