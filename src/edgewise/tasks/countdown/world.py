"""The world of Countdown: its knobs, its problems, its splits."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from edgewise.core.errors import InputError
from edgewise.core.keyed import rng
from edgewise.tasks.base import Problem, Split, Verdict, World, check_split, split_of
from edgewise.tasks.countdown.expression import MOST_NUMBERS
from edgewise.tasks.countdown.puzzle import WORDS, draw, expression, prompt, solution
from edgewise.tasks.countdown.verifier import check

_MAX_DRAWS = 2000


class Countdown(World):
    """Reach a target with given numbers, each used exactly once; the level is how many numbers.

    Numbers are 1..`largest`; the target and every result on the gold way to it are
    1..`largest_target`. The defaults ask for sums and products that a small model can learn by
    heart; the paper (arXiv 2509.25123, Countdown as a transfer target) has 1..100 and 1..999, trains
    on 2 numbers and evaluates on 3 to 5. A target may equal a given number: the others must be used
    all the same. Targets are as frequent as ways to them, so the common ones have many right answers.
    """

    world: Literal["countdown"] = "countdown"
    version: Literal[1] = 1
    min_numbers: int = Field(3, ge=2, description="fewest numbers")
    max_numbers: int = Field(5, le=MOST_NUMBERS, description="most numbers")
    largest: int = Field(20, ge=2, le=1000, description="the largest number")
    largest_target: int = Field(
        100, ge=2, le=10_000, description="the largest target, and result on the gold way to it"
    )

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.max_numbers < self.min_numbers:
            raise ValueError(f"max_numbers must be at least min_numbers ({self.min_numbers}), is {self.max_numbers}")
        if self.largest_target < self.largest:
            raise ValueError(f"largest_target must be at least largest ({self.largest}), is {self.largest_target}")
        return self

    @property
    def levels(self) -> range:
        return range(self.min_numbers, self.max_numbers + 1)

    def at_level(self, level: int) -> Self:
        knobs = {**self.model_dump(), "min_numbers": level, "max_numbers": level}
        return type(self).parse(knobs, f"{level} numbers")

    def words(self) -> tuple[str, ...]:
        return WORDS

    def problem(self, split: Split, seed: int, index: int) -> Problem:
        """Problem `index` of a split; InputError where the split holds no problem of that level.

        The level is drawn first and kept; only the split's share of hashes is met by drawing again.
        """
        check_split(split)
        source = rng("problem", self._digest, split, seed, index)
        level = source.choice(self.levels)
        for _ in range(_MAX_DRAWS):
            puzzle = draw(source, level, self.largest, self.largest_target)
            identity = puzzle.identity
            if split_of(identity) == split:
                break
        else:
            raise InputError(
                f"split {split!r} is empty at {level} numbers: too few problems; raise largest or the level"
            )
        return Problem(
            world=self.world,
            split=split,
            seed=seed,
            index=index,
            level=level,
            id=f"countdown-{level}-{identity:016x}",
            prompt=prompt(puzzle),
            answer=expression(puzzle),
            gold=puzzle,
        )

    def solution(self, problem: Problem) -> str:
        return solution(problem.gold)

    def check(self, problem: Problem, text: str) -> Verdict:
        return check(problem.gold, text)

    def steps(self, problem: Problem) -> int:
        """The operations, one fewer than the numbers."""
        return problem.level - 1
