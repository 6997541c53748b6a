"""What every world has in common: problems, splits, verdicts, and the protocol that ties them.

A world is a frozen spec (its knobs) with a handful of methods. Adding a world is one module; the conformance
test runs over all of them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from typing import Any, Literal, Self

from edgewise.core.errors import InputError
from edgewise.core.spec import Spec, digest

Split = Literal["train", "validation", "test", "held_out"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test", "held_out")

# Sixteenths of all problems by what they ask, so that none is in two splits.
_SIXTEENTHS: dict[Split, range] = {
    "train": range(10),
    "validation": range(10, 11),
    "test": range(11, 13),
    "held_out": range(13, 16),
}
_SPLIT_OF = tuple(split for split, share in _SIXTEENTHS.items() for _ in share)


class Score(IntEnum):
    """One judgement. Unscorable is neither right nor wrong and is always counted apart."""

    UNSCORABLE = -1
    WRONG = 0
    CORRECT = 1


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the judge says of one completion.

    `answer` and `process` are marks; a correct process has every necessary step, each with the
    right parents and value, and the right answer. `first_wrong_step` counts from 0 over the steps
    the completion wrote (their number, where a step is missing); None where nothing is wrong or
    nothing could be read. `reason` says why in a few words, "" for a correct process. `given` is the
    answer that the completion gives, right or wrong, in one spelling: numbers without zeros or "+"
    in front, expressions and lists without spaces, free text as it is. It is None exactly where the
    answer is unscorable. `extra_steps` is how many of the steps before the first wrong one the
    problem does not need, where a judge lets such steps pass.
    """

    answer: Score
    process: Score
    first_wrong_step: int | None = None
    reason: str = ""
    predicted: str | None = None
    extra_steps: int = 0

    @property
    def answer_correct(self) -> bool:
        return self.answer is Score.CORRECT

    @property
    def process_correct(self) -> bool:
        return self.process is Score.CORRECT


def unscorable(reason: str) -> Verdict:
    """Nothing could be read, or nobody could judge it."""
    return Verdict(Score.UNSCORABLE, Score.UNSCORABLE, None, reason)


@dataclass(frozen=True, slots=True)
class Problem:
    """One question. (world, split, seed, index) addresses it; `id` names its content.

    Problems with equal `id` ask the same thing up to renaming and the order of sentences.
    `level` is the exact number of operations or calls. `gold` is what the judge needs beyond the
    text: the gold graph, where there is one.
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
    """The split of all problems whose content has this 64-bit hash: 10/16 train, 1/16 validation,
    2/16 test, 3/16 held out (for what neither training nor testing may touch, such as RL's own problems)."""
    return _SPLIT_OF[identity % len(_SPLIT_OF)]


def known_split(split: str) -> None:
    """InputError where `split` is none."""
    if split not in SPLITS:
        raise InputError(f"split: must be one of {', '.join(SPLITS)}, is {split!r}")


WorldReward = Callable[..., float]
"""`reward(problem, text, verdict, **numbers)` of a completion that ended by itself; numbers are those of a recipe."""


class World(Spec, ABC):
    """A family of problems with knobs (the fields of the spec), a wording and a judge.

    A subclass names itself and its version, `world: Literal["mine"] = "mine"` and
    `version: Literal[1] = 1`; the version is bumped when the same address gives another problem.
    """

    world: str
    version: int

    @cached_property
    def _digest(self) -> str:
        """What draws are keyed by, so that worlds with other knobs share none."""
        return digest(self)

    @property
    @abstractmethod
    def levels(self) -> Sequence[int]:
        """The levels that `problem` draws from, rising; equally often unless the world says otherwise."""

    @abstractmethod
    def at_level(self, level: int) -> Self:
        """The same world restricted to one level."""

    @abstractmethod
    def words(self) -> tuple[str, ...]:
        """Every word that prompts and solutions can contain, in a fixed order; InputError where
        that is not known beforehand, so that only a model with a tokenizer of its own will do."""

    @abstractmethod
    def problem(self, split: Split, seed: int, index: int) -> Problem:
        """Problem `index` of a split: the same everywhere, in any order, with nothing stored.
        InputError on an unknown split and where the split holds no problem of the level."""

    @abstractmethod
    def solution(self, problem: Problem) -> str:
        """A gold completion, with every step."""

    @abstractmethod
    def verify(self, problem: Problem, completion: str, *, truncated: bool = False) -> Verdict:
        """The verdict on any text whatever, in time linear in its length."""

    def steps(self, problem: Problem) -> int:
        """How many steps a right solution needs, as `Verdict.first_wrong_step` counts them; at least 1.
        The level, unless the world says otherwise."""
        return problem.level

    def rewards(self) -> Mapping[str, WorldReward]:
        """Rewards of this world's own by name, beside those that any verdict gives; most worlds have none.

        A recipe pays one with `reward.function={"kind":"world","name":...}`.
        """
        return {}

    def origin(self, problem: Problem) -> tuple[World, Problem]:
        """The world that made the problem, and the problem as it made it; a mixture says which part that is."""
        return self, problem

    def sources(self) -> Sequence[World]:
        """The worlds that problems of this one come from: itself, or for a mixture those of all its parts."""
        return (self,)
