"""The world of graph arithmetic: its knobs, its problems and its wordings."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, cached_property, lru_cache
from typing import Literal, NamedTuple, Self

from pydantic import Field, model_validator

from edgewise.core.errors import InputError
from edgewise.core.keyed import key, rng
from edgewise.tasks.base import Problem, Split, Verdict, WorldReward
from edgewise.tasks.drawn import DrawnWorld, Proposal, Statement
from edgewise.tasks.graph import compact, english, paper
from edgewise.tasks.graph.draw import (
    SIDE,
    GraphShape,
    Limits,
    Numbers,
    UniformSource,
    draw_numbers,
    draw_order,
    draw_others,
    draw_shape,
    draw_some,
    most_op,
)
from edgewise.tasks.graph.graph import TOLD, TOTAL, Graph, Linear, Node, Quantity, evaluate, identity, named_identity
from edgewise.tasks.graph.paper_compat import Defects, defects
from edgewise.tasks.graph.released_reward import released_mixture, released_strict
from edgewise.tasks.graph.setting import Setting, setting_named
from edgewise.tasks.graph.verifier import check_compact, check_english
from edgewise.tasks.graph.wording import Wording

QuestionMode = Literal["forward", "reverse"]

# How often numbers are drawn for one shape, and shapes for one problem. A split has at least 1/16 of all problems.
_NUMBERS = 24
_SHAPES = 100


class _Frame(NamedTuple):
    """What is drawn once for a problem and kept, besides its level."""

    setting: str
    mode: QuestionMode
    distractors: int


class _Content(NamedTuple):
    """What a proposal asks: the numbers of a shape in a frame."""

    frame: _Frame
    shape: GraphShape
    numbers: Numbers


class GraphArithmetic(DrawnWorld):
    """How many of a kind there are in a place, worked out from other such numbers; the level is the exact op.

    The problems are those of GSM-Infinite (arXiv 2502.05252) as used by "On the Interplay of Pre-Training,
    Mid-Training and RL" (arXiv 2512.07783). Each problem draws its op, setting, mode and number of distractors, each
    equally often and independently. In forward mode the last quantity is asked for; in reverse mode it is told and a
    leaf is asked for. In the english and paper wordings an id is that of the graph, which decides the split, followed
    by that of the words.
    """

    world: Literal["graph"] = "graph"
    version: Literal[1] = 1
    min_op: int = Field(2, ge=2, description="fewest operations")
    max_op: int = Field(10, ge=2, description="most operations")
    settings: tuple[str, ...] = Field(("film", "school", "zoo"), min_length=1, description="word files")
    modes: tuple[QuestionMode, ...] = Field(("forward", "reverse"), min_length=1, description="what is asked for")
    wording: Literal["english", "compact", "paper"] = Field(
        "english", description="one token a word; one letter a quantity; the released format, byte for byte"
    )
    min_distractors: int = Field(0, ge=0, description="fewest quantities that are not needed")
    max_distractors: int = Field(4, ge=0, description="most quantities that are not needed")
    constants: int = Field(9, ge=1, description="largest leaf and largest added constant (the paper: 4)")
    unknowns: int = Field(20, ge=1, description="largest unknown of a reverse problem (the paper: 4)")
    largest: int = Field(1000, ge=1, description="largest value of any quantity")

    ranges = (("min_op", "max_op"), ("min_distractors", "max_distractors"))
    # The other knobs decide which graphs are drawn, and the words of the english and the paper wording are in the id.
    id_knobs = ("min_distractors", "max_distractors")
    level_text = "op {}"
    remedy = "too few different problems; raise min_op, constants, unknowns or largest"
    max_draws = _SHAPES * _NUMBERS

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.max_op > (most := most_op(self.max_distractors)):
            raise ValueError(
                f"max_op must be at most {most} with max_distractors {self.max_distractors}, is {self.max_op}: "
                f"{SIDE} places of {SIDE} kinds hold no more"
            )
        if self.largest < (least := max(self.constants, self.unknowns)):
            raise ValueError(f"largest must be at least constants and unknowns ({least}), is {self.largest}")
        for field, chosen in (("settings", self.settings), ("modes", self.modes)):
            if len(set(chosen)) < len(chosen):
                raise ValueError(f"{field} must not repeat any, is {', '.join(chosen)}")
        for name in self.settings:
            setting_named(name)
        return self

    @cached_property
    def _limits(self) -> Limits:
        return Limits(self.constants, self.unknowns, self.largest)

    @property
    def _wording(self) -> Wording:
        return _WORDINGS[self.wording]

    def words(self) -> tuple[str, ...]:
        return self._wording.words(self.settings)

    def source(self, split: Split, seed: int, index: int) -> random.Random:
        return rng(_stream("problem", self._digest, split, seed), index)

    def draw_level(self, source: random.Random) -> int:
        return self.min_op + int(source.random() * (self.max_op - self.min_op + 1))

    def propose(self, source: random.Random, level: int) -> Iterator[Proposal | None]:
        """The numbers of a shape are drawn again and again, and now and then the shape."""
        uniform = source.random
        frame = self._draw_frame(source)
        reverse = frame.mode == "reverse"
        while True:
            shape = draw_shape(uniform, level, reverse=reverse, distractors=frame.distractors)
            for _ in range(_NUMBERS):
                numbers = draw_numbers(uniform, shape, self._limits, reverse=reverse)
                if numbers is None:
                    yield None
                    continue
                content = identity(numbers.nodes, len(numbers.nodes) - 1, numbers.unknown, numbers.values[-1])
                yield Proposal(content, _Content(frame, shape, numbers))

    def _draw_frame(self, source: random.Random) -> _Frame:
        """Setting, mode and number of distractors, each equally likely."""
        setting = self.settings[int(source.random() * len(self.settings))]
        mode = self.modes[int(source.random() * len(self.modes))]
        numbers_of_distractors = self.max_distractors - self.min_distractors + 1
        return _Frame(setting, mode, self.min_distractors + int(source.random() * numbers_of_distractors))

    def place(self, split: Split, seed: int, index: int) -> str:
        source = self.source(split, seed, index)
        level = self.draw_level(source)
        return f"op {level} in {self._draw_frame(source).mode} mode"

    def finish(self, source: random.Random, content: _Content) -> Statement:
        uniform = source.random
        frame, shape, numbers = content
        sink, unknown = len(numbers.nodes) - 1, numbers.unknown
        nodes, places = draw_others(uniform, shape, numbers, frame.distractors, self._limits)
        quantities = _named(uniform, setting_named(frame.setting), places)
        compactly = self.wording == "compact"
        sentences = _sentences(quantities, sink, unknown, totals_too=compactly)
        graph = Graph(
            setting=frame.setting,
            nodes=tuple(nodes),
            quantities=quantities,
            values=evaluate(nodes, unknown),
            sink=sink,
            unknown=unknown,
            answer=numbers.values[sink if unknown is None else unknown],
            steps=tuple(range(sink + 1)),
            order=tuple(draw_some(uniform, sentences, len(sentences))),
            letters=_letters(uniform, len(nodes)) if compactly else _letters_of_solution(uniform, nodes, sink, unknown),
        )
        return Statement(self._wording.prompt(graph), str(graph.answer), graph)

    def problem_id(self, level: int, identity: int, gold: Graph) -> str:
        # Other words are another prompt of the same split.
        worded = "" if self.wording == "compact" else f"-{named_identity(gold) >> 32:08x}"
        return f"{self.world}-{level}-{identity:016x}{worded}"

    def solution(self, problem: Problem) -> str:
        return self._wording.solution(problem.gold)

    def check(self, problem: Problem, text: str) -> Verdict:
        return check_compact(problem.gold, text) if self.wording == "compact" else check_english(problem.gold, text)

    def steps(self, problem: Problem) -> int:
        """The quantities that the question needs and, in reverse mode, solving the equation: one step in the english
        and the paper wording; in the compact one the equation and, unless it is solved as it stands, its solution."""
        graph: Graph = problem.gold
        if graph.unknown is None:
            return len(graph.steps)
        solved = self.wording != "compact" or graph.values[graph.sink] == _UNKNOWN
        return len(graph.steps) + (1 if solved else 2)

    def rewards(self) -> Mapping[str, WorldReward]:
        """The released rewards of arXiv 2512.07783: "released_mixture" (number `alpha`) and "released_strict".

        None in the compact wording, which the released scorer cannot read.
        """
        if self.wording == "compact":
            return {}

        def mixture(problem: Problem, text: str, verdict: Verdict, *, alpha: float) -> float:
            return released_mixture(self.defects(problem, text), alpha)

        def strict(problem: Problem, text: str, verdict: Verdict) -> float:
            return released_strict(self.defects(problem, text))

        return {"released_mixture": mixture, "released_strict": strict}

    def defects(self, problem: Problem, completion: str) -> Defects:
        """What the released reward of arXiv 2512.07783 counts in a completion, its faults included.

        InputError in the compact wording, which its scorer cannot read.
        """
        if self.wording == "compact":
            raise InputError("wording: the released scorer reads no compact text; take english or paper")
        text = english.closed(completion) if self.wording == "english" else completion
        return defects(paper.row_solution(problem.gold), text)


_UNKNOWN = Linear(1, 0)

# One key for all problems of a split under a seed.
_stream = lru_cache(key)

_WORDINGS: dict[str, Wording] = {"english": english.WORDING, "compact": compact.WORDING, "paper": paper.WORDING}


def _named(
    uniform: UniformSource, setting: Setting, places_and_kinds: Sequence[tuple[int, int]]
) -> tuple[Quantity, ...]:
    """The quantities in one group of places and one of kinds, the places in random order."""
    first_place = SIDE * int(uniform() * len(setting.places))
    first_kind = SIDE * int(uniform() * len(setting.kinds))
    places = draw_order(uniform)
    return tuple(
        [
            _quantity(first_place + places[p], kind if kind == TOTAL else first_kind + kind)
            for p, kind in places_and_kinds
        ]
    )


# Making a tuple with names costs more than finding it.
_quantity = cache(Quantity)


def _sentences(quantities: Sequence[Quantity], sink: int, unknown: int | None, *, totals_too: bool) -> list[int]:
    """What the text consists of: definitions, and in reverse mode the number of the sink."""
    if totals_too:
        return [*range(len(quantities)), *([] if unknown is None else [TOLD])]
    defined = [i for i, quantity in enumerate(quantities) if quantity.kind != TOTAL]
    return defined if unknown is None else [*defined, sink]


def _letters_of_solution(
    uniform: UniformSource, nodes: Sequence[Node], sink: int, unknown: int | None
) -> tuple[str, ...]:
    """Letters for the necessary nodes but the unknown, which is x, and for the intermediate results of their sums."""
    spares = sum(map(_intermediates, nodes[: sink + 1]))
    letters = [*_letters(uniform, sink + 1 + spares)]
    if unknown is not None:
        letters[unknown] = compact.UNKNOWN
    return (*letters[: sink + 1], *[""] * (len(nodes) - sink - 1), *letters[sink + 1 :])


def _intermediates(node: Node) -> int:
    """How many results the gold solution names on the way: parents are joined two by two, then with the constant."""
    if node.operator:
        return max(1, len(node.parents) - 1)
    return max(0, len(node.parents) - 2)


def _letters(uniform: UniformSource, count: int) -> tuple[str, ...]:
    """Different letters in random order; there are enough, as no problem has more quantities or operations."""
    return tuple(draw_some(uniform, compact.LETTERS, count))
