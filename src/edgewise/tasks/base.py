"""What every world has in common: problems, verdicts, and the protocol that ties them.

A world is a frozen spec (its knobs) with a handful of methods. Adding a world is one module; the conformance
test runs over all of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Literal, Protocol, Self

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")


class Mark(IntEnum):
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
    nothing could be read. `reason` says why in a few words, "" for a correct process.
    """

    answer: Mark
    process: Mark
    first_wrong_step: int | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Problem:
    """One question. (world, split, seed, index) addresses it; `id` names its content.

    Problems with equal `id` ask the same thing up to renaming and the order of sentences.
    `level` is the exact number of operations. `graph` is the gold graph, where the world has one.
    """

    world: str
    split: Split
    seed: int
    index: int
    level: int
    id: str
    prompt: str
    answer: str
    graph: Any


class World(Protocol):
    """A family of problems with knobs, a wording and a judge."""

    @property
    def levels(self) -> range:
        """The levels that `problem` draws from, each equally often."""

    def at_level(self, level: int) -> Self:
        """The same world restricted to one level."""

    def words(self) -> tuple[str, ...]:
        """Every word that prompts and solutions can contain, in a fixed order."""

    def problem(self, split: Split, seed: int, index: int) -> Problem:
        """Problem `index` of a split: the same everywhere, in any order, with nothing stored."""

    def solution(self, problem: Problem) -> str:
        """The gold completion, with every step."""

    def judge(self, problem: Problem, completion: str, *, truncated: bool = False) -> Verdict:
        """The verdict on any text whatever, in time linear in its length."""
