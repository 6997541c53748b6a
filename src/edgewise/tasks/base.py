"""Base of all worlds: problems, splits, and the class `World`.

A world is a frozen spec (its knobs) with a handful of methods. `edgewise.tasks.drawn.DrawnWorld` has most of them
for worlds that draw problems at random. Adding a world is one module; the conformance test runs over all of them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, Self, final

from edgewise.core.errors import InputError
from edgewise.core.spec import Spec, digest_of_values
from edgewise.tasks.verdict import MAX_CHARACTERS, Score, Unscorable, Verdict, right, unreadable, unscorable, wrong

__all__ = [
    "MAX_CHARACTERS",
    "SPLITS",
    "Problem",
    "Score",
    "Split",
    "Unscorable",
    "Verdict",
    "World",
    "WorldReward",
    "check_split",
    "right",
    "split_of",
    "unscorable",
    "wrong",
]

Split = Literal["train", "validation", "test", "held_out"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test", "held_out")

# Sixteenths of all problems, by a hash of what they ask, so that no problem is in two splits.
_SIXTEENTHS: dict[Split, range] = {
    "train": range(10),
    "validation": range(10, 11),
    "test": range(11, 13),
    "held_out": range(13, 16),
}
_SPLIT_OF = tuple(split for split, share in _SIXTEENTHS.items() for _ in share)


@dataclass(frozen=True, slots=True)
class Problem:
    """One question with its answer.

    (world, split, seed, index) is its address; `id` names its content: problems with equal `id` ask the same thing
    up to renaming and the order of sentences, also where worlds with other knobs made them, so that the same answers
    are right. `level` is its difficulty, the exact number of operations or calls.
    `gold` is what the verifier needs besides the answer, e.g. the graph that the text describes.
    """

    world: str
    split: Split
    seed: int
    index: int
    level: int
    id: str
    prompt: str
    answer: str
    gold: Any


def split_of(identity: int) -> Split:
    """The split of all problems whose content has this 64-bit hash: 10/16 train, 1/16 validation, 2/16 test, and
    3/16 held out, for what neither pre-training nor evaluation touches: the problems of RL."""
    return _SPLIT_OF[identity % len(_SPLIT_OF)]


def check_split(split: str) -> None:
    """Raise InputError if `split` is not one of `SPLITS`."""
    if split not in SPLITS:
        raise InputError(f"split: must be one of {', '.join(SPLITS)}, is {split!r}")


WorldReward = Callable[..., float]
"""`reward(problem, text, verdict, **numbers)` of a completion that ended by itself; a recipe gives the numbers."""


class World(Spec, ABC):
    """A family of problems with knobs (the fields of the spec), a wording and a verifier.

    A subclass names itself and its version, `world: Literal["mine"] = "mine"` and `version: Literal[1] = 1`. Bump
    the version whenever the same address gives another problem.
    """

    world: str
    version: int

    @cached_property
    def _digest(self) -> str:
        """What draws are keyed by, so that worlds with different knobs share none; an edited verifier keeps them."""
        return digest_of_values(self)

    @property
    @abstractmethod
    def levels(self) -> Sequence[int]:
        """The levels that `problem` draws from, ascending; each equally often unless the world says otherwise."""

    @abstractmethod
    def at_level(self, level: int) -> Self:
        """The same world restricted to one level."""

    @abstractmethod
    def words(self) -> tuple[str, ...]:
        """Every word that prompts and solutions can contain, in a fixed order.

        InputError if they are not known beforehand: then only a model with its own tokenizer can be used.
        """

    @abstractmethod
    def problem(self, split: Split, seed: int, index: int) -> Problem:
        """Problem `index` of a split: the same on every machine and in any order; nothing is stored.

        InputError on an unknown split, and if the split holds no problem of the level.
        """

    @abstractmethod
    def solution(self, problem: Problem) -> str:
        """A gold completion, with every step."""

    @final
    def verify(self, problem: Problem, completion: str, *, truncated: bool = False) -> Verdict:
        """Grade a completion, whatever its text.

        A completion that was cut off or has more than `MAX_CHARACTERS` characters is unscorable and is not read;
        `check` grades all others.
        """
        return unreadable(completion, truncated=truncated) or self.check(problem, completion)

    @abstractmethod
    def check(self, problem: Problem, text: str) -> Verdict:
        """Grade a finished completion of at most `MAX_CHARACTERS` characters, in time linear in its length.

        Called by `verify` only. Any text must get a verdict; what cannot be read is `unscorable`.
        """

    @property
    def verifies_process(self) -> bool:
        """Whether verdicts look at the steps of a solution; where they do not, `process` repeats `answer`."""
        return True

    def steps(self, problem: Problem) -> int:
        """How many steps a right solution needs, counted as `Verdict.first_wrong_step` counts them; at least 1.

        The level, unless the world says otherwise.
        """
        return problem.level

    def rewards(self) -> Mapping[str, WorldReward]:
        """Rewards that only this world has, by name, besides those that any verdict gives; most worlds have none.

        A recipe pays one with `reward.function={"kind":"world","name":...}`.
        """
        return {}

    def origin(self, problem: Problem) -> tuple[World, Problem]:
        """The world that made the problem, and the problem as that world made it; a mixture names one of its parts."""
        return self, problem

    def sources(self) -> Sequence[World]:
        """The worlds that problems come from: this one; for a mixture, the sources of all its parts."""
        return (self,)


def listed_answers(world: World, problem: Problem) -> tuple[str, ...] | None:
    """Every right completion of a problem, where the world that made it lists them in `answers`; else None."""
    source, original = world.origin(problem)
    answers = getattr(source, "answers", None)
    return None if answers is None else tuple(answers(original))


def first_distinct(world: World, split: Split, seed: int, count: int) -> dict[int, Problem]:
    """Index -> problem of the first `count` problems of a split that have different ids; fewer where it has fewer.

    A world is taken to have no more after 16 (n + 64) draws in a row without a new one, where n are known. Of equally
    likely problems a single missing one would be missed so with probability e^-16.
    """
    distinct: dict[int, Problem] = {}
    known: set[str] = set()
    index = last = 0
    while len(distinct) < count and index - last < 16 * (len(distinct) + 64):
        problem = world.problem(split, seed, index)
        if problem.id not in known:
            known.add(problem.id)
            distinct[index], last = problem, index
        index += 1
    return distinct


def all_distinct(world: World, split: Split, seed: int, count: int) -> dict[int, Problem]:
    """Index -> problem of the first `count` of a split, as `first_distinct`, of a world of one level.

    InputError where it has fewer.
    """
    distinct = first_distinct(world, split, seed, count)
    if len(distinct) < count:
        raise InputError(
            f"problems: only {len(distinct)} different ones of level {world.levels[0]} in split {split!r}; ask for"
            " fewer"
        )
    return distinct
