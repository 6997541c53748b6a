"""The world of string functions: its knobs, its problems, its splits."""

from __future__ import annotations

from functools import cached_property
from typing import Literal, Self

from pydantic import Field, model_validator

from edgewise.core.errors import InputError
from edgewise.core.keyed import rng
from edgewise.tasks.base import Problem, Split, Verdict, World, check_split, split_of
from edgewise.tasks.strings import wording
from edgewise.tasks.strings.chain import draw_calls, draw_string, identity, run
from edgewise.tasks.strings.functions import Kind, names
from edgewise.tasks.strings.verifier import Format, check

_MAX_DRAWS = 2000


class StringFunctions(World):
    """Chains of string functions, f(g(h(x))); the level is the number of calls from x to the result.

    The two halves of the functions share neither names nor semantics. (A held-out *split* is something else: it
    holds compositions with their inputs.) Each length of x is equally likely, and all strings on the way are as long.

    Problems are drawn uniformly, with two exceptions. No two or three neighbouring calls are together the
    identity or a single function, held out or not, on all strings of that length; so no such run of training
    functions is a held-out one in disguise. And no string comes twice on the way, so no call and no run of
    calls does nothing.

    One call (`min_calls=1, max_calls=1`) gives the atomic functions: their accuracy a is what the null model
    pass@1(level) = a ** level starts from; `gold.calls` tells them apart.

    The shape is that of arXiv 2509.25123, where the level is the depth of a tree whose leaves are often
    literals; here every call is on the path from x to the result.
    """

    world: Literal["strings"] = "strings"
    version: Literal[1] = 1
    min_calls: int = Field(1, ge=1, description="fewest calls")
    max_calls: int = Field(2, ge=1, le=16, description="most calls")
    functions: Kind | Literal["all"] = Field("train", description="which half of the functions may occur")
    definitions: Literal["shown", "hidden"] = Field(
        "hidden", description="whether the prompt describes the functions that occur"
    )
    format: Format = Field("steps", description="whether a solution writes every call or the answer alone")
    # Rearrangements that differ from 5 letters up agree on shorter strings.
    min_length: int = Field(5, ge=5, description="fewest letters of x")
    max_length: int = Field(8, ge=5, le=24, description="most letters of x")

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.max_calls < self.min_calls:
            raise ValueError(f"max_calls must be at least min_calls ({self.min_calls}), is {self.max_calls}")
        if self.max_length < self.min_length:
            raise ValueError(f"max_length must be at least min_length ({self.min_length}), is {self.max_length}")
        return self

    @property
    def levels(self) -> range:
        return range(self.min_calls, self.max_calls + 1)

    def at_level(self, level: int) -> Self:
        return type(self).parse({**self.model_dump(), "min_calls": level, "max_calls": level}, f"level {level}")

    def words(self) -> tuple[str, ...]:
        return wording.words()

    @cached_property
    def _names(self) -> tuple[str, ...]:
        return names(self.functions)

    def problem(self, split: Split, seed: int, index: int) -> Problem:
        """Problem `index` of a split; its `gold` is the `Chain`, its `answer` the result as one string.

        The level and the length are drawn first and kept; calls and letters are drawn again until their hash
        is the split's and no string comes twice.
        """
        check_split(split)
        source = rng("problem", self._digest, split, seed, index)
        level = source.choice(self.levels)
        length = source.randint(self.min_length, self.max_length)
        for _ in range(_MAX_DRAWS):
            calls = draw_calls(source, self._names, level, length)
            x = draw_string(source, length)
            hashed = identity(calls, x)
            if split_of(hashed) != split:
                continue
            chain = run(calls, x)
            if len(set(chain.strings)) == len(chain.strings):
                break
        else:
            raise InputError(f"split {split!r}: no chain of {level} calls found; lower max_calls")
        return Problem(
            world=self.world,
            split=split,
            seed=seed,
            index=index,
            level=level,
            id=f"strings-{level}-{hashed:016x}",
            prompt=wording.prompt(chain, shown=self.definitions == "shown"),
            answer=chain.strings[-1],
            gold=chain,
        )

    def solution(self, problem: Problem) -> str:
        return wording.direct(problem.gold) if self.format == "direct" else wording.steps(problem.gold)

    def check(self, problem: Problem, text: str) -> Verdict:
        return check(problem.gold, text, self.format)

    def steps(self, problem: Problem) -> int:
        """The calls; in the direct format the answer is the one step."""
        return 1 if self.format == "direct" else problem.level
