"""Mixtures of worlds by share: each problem of a mixture is a problem of one of its parts."""

from __future__ import annotations

import statistics
from bisect import bisect
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache, cached_property
from itertools import accumulate
from math import hypot
from typing import Literal, NamedTuple, Self

from pydantic import Field, field_validator

from edgewise.core.errors import InputError
from edgewise.core.keyed import key
from edgewise.core.spec import Spec
from edgewise.tasks.base import Problem, Split, Verdict, World, WorldReward, check_split
from edgewise.tasks.registry import AnyWorld

# Problems of a part on which its mean length is measured.
MEASURED = 256


class MixturePart(Spec):
    """One world of a mixture and its share of the whole."""

    share: float = Field(gt=0, description="how much of the mixture this world is; shares need not sum to 1")
    world: AnyWorld


class MeanLength(NamedTuple):
    """Tokens of a worked problem: the mean over `MEASURED` problems, and its standard error."""

    mean: float
    error: float


@dataclass(frozen=True, slots=True)
class Origin:
    """The gold of a mixture's problem: the part that made it, and the problem of that part."""

    world: World
    problem: Problem


class Mixture(World):
    """Several worlds mixed by share; a problem has the level that it has in the world it comes from.

    Problem `index` of a mixture is problem `index` of one of its parts; the shares decide which part, and nothing
    else. Shares are of tokens for next-token training, and of problems for RL, where a prompt is the unit. A token is
    a word of prompt or solution, or one of the two marks at the ends of the text; words are also counted for a world
    whose text is for another tokenizer. Shares of tokens are exact up to the error of the mean length of each part's
    problems, which is measured once (see `share_errors`).
    """

    world: Literal["mixture"] = "mixture"
    version: Literal[1] = 1
    parts: tuple[MixturePart, ...] = Field(description="the worlds and their shares")
    of: Literal["tokens", "problems"] = Field("tokens", description="what the shares are shares of")

    @field_validator("parts")
    @classmethod
    def _shares_sum_to_one(cls, parts: tuple[MixturePart, ...]) -> tuple[MixturePart, ...]:
        if not parts:
            raise ValueError("a mixture has at least one part")
        total = sum(part.share for part in parts)
        # What has been divided once is left alone, so that a written mixture is read back as itself.
        if abs(total - 1) < 1e-9:
            return parts
        return tuple(MixturePart(share=part.share / total, world=part.world) for part in parts)

    @property
    def levels(self) -> tuple[int, ...]:
        """The levels of all parts, ascending; there may be gaps, and some are drawn more often than others."""
        return tuple(sorted({level for part in self.parts for level in part.world.levels}))

    def at_level(self, level: int) -> Self:
        """The problems of one level, in the shares in which the whole mixture draws them."""
        chances = [chance * _chance(part.world, level) for chance, part in zip(self.chances, self.parts, strict=True)]
        if not any(chances):
            raise InputError(f"level: must be one of {', '.join(map(str, self.levels))}, is {level}")
        parts = [
            MixturePart(share=chance, world=part.world.at_level(level))
            for chance, part in zip(chances, self.parts, strict=True)
            if chance
        ]
        return type(self)(parts=tuple(parts), of="problems")

    def words(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(word for part in self.parts for word in part.world.words()))

    def problem(self, split: Split, seed: int, index: int) -> Problem:
        """Problem `index` of a part that is drawn by the shares; it keeps its id."""
        check_split(split)
        chosen = bisect(self._bounds, key("part", self._digest, split, seed, index) / 2**64)
        world = self.parts[chosen].world
        problem = world.problem(split, seed, index)
        return replace(problem, world=self.world, gold=Origin(world, problem))

    def solution(self, problem: Problem) -> str:
        origin: Origin = problem.gold
        return origin.world.solution(origin.problem)

    def check(self, problem: Problem, text: str) -> Verdict:
        origin: Origin = problem.gold
        return origin.world.check(origin.problem, text)

    @property
    def verifies_process(self) -> bool:
        return any(part.world.verifies_process for part in self.parts)

    def steps(self, problem: Problem) -> int:
        origin: Origin = problem.gold
        return origin.world.steps(origin.problem)

    def rewards(self) -> Mapping[str, WorldReward]:
        """The rewards that every part offers; each problem is paid by the part that it came from."""
        first, *rest = (part.world.rewards() for part in self.parts)
        return {name: _of_its_part(name) for name in first if all(name in others for others in rest)}

    def origin(self, problem: Problem) -> tuple[World, Problem]:
        origin: Origin = problem.gold
        return origin.world.origin(origin.problem)

    def sources(self) -> tuple[World, ...]:
        return tuple(source for part in self.parts for source in part.world.sources())

    @cached_property
    def lengths(self) -> tuple[MeanLength, ...]:
        """The mean tokens of each part's problems."""
        return tuple(_mean_length(part.world) for part in self.parts)

    @cached_property
    def chances(self) -> tuple[float, ...]:
        """The probability that a problem is of each part."""
        if self.of == "problems":
            return tuple(part.share for part in self.parts)
        rates = [part.share / length.mean for part, length in zip(self.parts, self.lengths, strict=True)]
        return tuple(rate / sum(rates) for rate in rates)

    @property
    def share_errors(self) -> tuple[float, ...]:
        """The standard error of each part's share of tokens, which comes from measuring the lengths.

        With e_i the relative error of the mean length of part i, the share s_i is off by about
        s_i ((1 - s_i) e_i - sum over the other parts of s_j e_j). All zero for shares of problems.
        """
        if self.of == "problems":
            return tuple(0.0 for _ in self.parts)
        shares = [part.share for part in self.parts]
        errors = [share * length.error / length.mean for share, length in zip(shares, self.lengths, strict=True)]
        return tuple(
            hypot(error - share * error, *(share * error_j for j, error_j in enumerate(errors) if j != i))
            for i, (share, error) in enumerate(zip(shares, errors, strict=True))
        )

    @cached_property
    def _bounds(self) -> tuple[float, ...]:
        return tuple(accumulate(self.chances[:-1]))


def _of_its_part(name: str) -> WorldReward:
    def reward(problem: Problem, text: str, verdict: Verdict, **numbers: float) -> float:
        origin: Origin = problem.gold
        return origin.world.rewards()[name](origin.problem, text, verdict, **numbers)

    return reward


def _chance(world: World, level: int) -> float:
    """The probability that a problem of a world has this level."""
    if isinstance(world, Mixture):
        parts = zip(world.chances, world.parts, strict=True)
        return sum(chance * _chance(part.world, level) for chance, part in parts)
    return (level in world.levels) / len(world.levels)


@cache
def _mean_length(world: World) -> MeanLength:
    problems = [world.problem("train", 0, index) for index in range(MEASURED)]
    # The two marks stand before the prompt and after the solution.
    tokens = [len(p.prompt.split()) + len(world.solution(p).split()) + 2 for p in problems]
    return MeanLength(statistics.fmean(tokens), statistics.stdev(tokens) / MEASURED**0.5)
