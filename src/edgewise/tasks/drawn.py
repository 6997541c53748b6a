"""Base of worlds that draw their problems at random.

`DrawnWorld` owns the levels, the splits, the drawing again until a problem belongs to the split that was asked for,
the validation of knobs that form a range, and the making of `Problem`s. A subclass adds its knobs and

    propose(source, level)   what a problem could ask, again and again, each with a 64-bit hash of it
    finish(source, content)  the prompt, the answer and the gold object of the one that is taken
    words, solution, check   as in every world

examples/my_world.py is a whole one.
"""

from __future__ import annotations

import json
import random
import re
from abc import abstractmethod
from collections.abc import Iterator
from functools import cached_property
from itertools import islice
from typing import Any, ClassVar, NamedTuple, Self

from pydantic import model_validator

from edgewise.core.errors import InputError
from edgewise.core.keyed import key, rng
from edgewise.tasks.base import Problem, Split, World, check_split, split_of


class Proposal(NamedTuple):
    """What a problem could ask. `identity`, a 64-bit hash of it, decides the split; `content` goes to `finish`."""

    identity: int
    content: Any


class Statement(NamedTuple):
    """The texts of a problem, and what its verifier needs besides them."""

    prompt: str
    answer: str
    gold: Any = None


class DrawnWorld(World):
    """A world whose problems are drawn at random until one belongs to the split."""

    ranges: ClassVar[tuple[tuple[str, str], ...]]
    """Pairs of knobs, the smallest and the largest value of something; the first pair is that of the level."""
    level_text: ClassVar[str] = "level {}"
    """How messages speak of a level, e.g. "op {}"."""
    remedy: ClassVar[str] = "too few different problems"
    """Why a split can be empty and which knob helps."""
    max_draws: ClassVar[int] = 2000
    """How many proposals are tried for one problem."""
    id_knobs: ClassVar[tuple[str, ...] | None] = None
    """Knobs that change what a problem tells or which answers are right and are not in its identity: an id names those
    that are not at their default. None: all but those of `ranges`."""

    @model_validator(mode="after")
    def _ranges_ascend(self) -> Self:
        for low, high in self.ranges:
            smallest, largest = getattr(self, low), getattr(self, high)
            if largest < smallest:
                raise ValueError(f"{high} must be at least {low} ({smallest}), is {largest}")
        return self

    @property
    def levels(self) -> range:
        low, high = self.ranges[0]
        return range(getattr(self, low), getattr(self, high) + 1)

    def at_level(self, level: int) -> Self:
        knobs = {**self.model_dump(), **dict.fromkeys(self.ranges[0], level)}
        return type(self).parse(knobs, self.level_text.format(level))

    def problem(self, split: Split, seed: int, index: int) -> Problem:
        """Problem `index` of a split. The level is drawn first and kept; the rest is drawn until the split fits.

        InputError on an unknown split, and if `max_draws` proposals hold none of the split.
        """
        check_split(split)
        source = self.source(split, seed, index)
        level = self.draw_level(source)
        for proposal in islice(self.propose(source, level), self.max_draws):
            if proposal is not None and split_of(proposal.identity) == split:
                break
        else:
            raise InputError(f"split {split!r} is empty at {self.place(split, seed, index)}: {self.remedy}")
        prompt, answer, gold = self.finish(source, proposal.content)
        name = self.problem_id(level, proposal.identity, gold) + self._knobs_of_id
        return Problem(self.world, split, seed, index, level, name, prompt, answer, gold)

    def source(self, split: Split, seed: int, index: int) -> random.Random:
        """The random numbers of one problem."""
        return rng("problem", self._digest, split, seed, index)

    def draw_level(self, source: random.Random) -> int:
        """The level of a problem, each equally likely."""
        return source.choice(self.levels)

    @abstractmethod
    def propose(self, source: random.Random, level: int) -> Iterator[Proposal | None]:
        """Draw what a problem of this level could ask, without end; None for a draw that led to nothing.

        What must not depend on the split, such as a length, is drawn once, before the first proposal.
        """

    @abstractmethod
    def finish(self, source: random.Random, content: Any) -> Statement:
        """State the problem of the proposal that was taken; what does not count for the split is drawn here."""

    def place(self, split: Split, seed: int, index: int) -> str:
        """How a message says for which problems a split is empty: what was drawn before the first proposal."""
        return self.level_text.format(self.draw_level(self.source(split, seed, index)))

    def problem_id(self, level: int, identity: int, gold: Any) -> str:
        """The name of what a problem asks. The knobs of `id_knobs` are written after it."""
        return f"{self.world}-{level}-{identity:016x}"

    @cached_property
    def _knobs_of_id(self) -> str:
        in_ranges = {knob for pair in self.ranges for knob in pair}
        others = [knob for knob in type(self).model_fields if knob not in {"world", "version", *in_ranges}]
        written = []
        for knob in others if self.id_knobs is None else self.id_knobs:
            field, value = type(self).model_fields[knob], getattr(self, knob)
            if not field.exclude and value != field.get_default(call_default_factory=True):
                text = json.dumps(self.model_dump(mode="json", include={knob})[knob], sort_keys=True).strip('"')
                written.append(f"-{knob}={text if _SHORT.fullmatch(text) else f'{key(text):016x}'}")
        return "".join(written)


_SHORT = re.compile(r"[\w.+-]{1,24}", re.ASCII)
