"""The world of graph arithmetic: its knobs, its problems, its splits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache, cached_property, lru_cache
from types import ModuleType
from typing import Literal, Self

from pydantic import Field, model_validator

from edgewise.core.errors import InputError
from edgewise.core.keyed import key, rng
from edgewise.tasks.base import Problem, Split, Verdict, World, WorldReward, check_split, split_of
from edgewise.tasks.graph import compact, english, paper
from edgewise.tasks.graph.draw import (
    SIDE,
    Limits,
    Numbers,
    Shape,
    Uniform,
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

Mode = Literal["forward", "reverse"]

# How often numbers are drawn for one shape, and shapes for one problem: a split has at least 1/16 of what there is.
_NUMBERS = 24
_SHAPES = 100


class GraphArithmetic(World):
    """How many of a kind there are in a place, worked out from other such numbers; the level is the exact op.

    The problems of GSM-Infinite (arXiv 2502.05252) as used by "On the Interplay of Pre-Training, Mid-Training and
    RL" (arXiv 2512.07783). Each problem draws its op, setting, mode and number of distractors, each equally often
    and independently. In forward mode the last quantity is asked for; in reverse mode it is told and a leaf is asked
    for. In the english and paper wordings an id is that of the graph, which decides the split, and that of the words.
    """

    world: Literal["graph"] = "graph"
    version: Literal[1] = 1
    min_op: int = Field(2, ge=2, description="fewest operations")
    max_op: int = Field(10, ge=2, description="most operations")
    settings: tuple[str, ...] = Field(("film", "school", "zoo"), min_length=1, description="word files")
    modes: tuple[Mode, ...] = Field(("forward", "reverse"), min_length=1, description="what is asked for")
    wording: Literal["english", "compact", "paper"] = Field(
        "english", description="one token a word; one letter a quantity; the released format, byte for byte"
    )
    min_distractors: int = Field(0, ge=0, description="fewest quantities that are not needed")
    max_distractors: int = Field(4, ge=0, description="most quantities that are not needed")
    constants: int = Field(9, ge=1, description="largest leaf and largest added constant (the paper: 4)")
    unknowns: int = Field(20, ge=1, description="largest unknown of a reverse problem (the paper: 4)")
    largest: int = Field(1000, ge=1, description="largest value of any quantity")

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.max_op < self.min_op:
            raise ValueError(f"max_op must be at least min_op ({self.min_op}), is {self.max_op}")
        if self.max_distractors < self.min_distractors:
            raise ValueError(
                f"max_distractors must be at least min_distractors ({self.min_distractors}), is {self.max_distractors}"
            )
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

    @property
    def levels(self) -> range:
        return range(self.min_op, self.max_op + 1)

    def at_level(self, level: int) -> Self:
        return type(self).parse({**self.model_dump(), "min_op": level, "max_op": level}, f"op {level}")

    def words(self) -> tuple[str, ...]:
        if self.wording == "paper":
            raise InputError(
                "wording: the paper's text is for the released tokenizer, so its words are not listed; "
                "take english or compact"
            )
        if self.wording == "compact":
            return compact.words()
        return english.words(self.settings, compact.LETTERS)

    @cached_property
    def _limits(self) -> Limits:
        return Limits(self.constants, self.unknowns, self.largest)

    @property
    def _wording(self) -> ModuleType:
        return _WORDINGS[self.wording]

    def problem(self, split: Split, seed: int, index: int) -> Problem:
        """Problem `index` of a split; InputError where the split holds no problem of that op and mode.

        Op, mode, setting and number of distractors are drawn first and kept. To meet the split, and the bound on
        numbers, the numbers of a shape are drawn again, and now and then the shape.
        """
        check_split(split)
        uniform = rng(_stream("problem", self._digest, split, seed), index).random
        op = self.min_op + int(uniform() * (self.max_op - self.min_op + 1))
        setting = self.settings[int(uniform() * len(self.settings))]
        mode = self.modes[int(uniform() * len(self.modes))]
        distractors = self.min_distractors + int(uniform() * (self.max_distractors - self.min_distractors + 1))
        shape, numbers, content = self._necessary(uniform, split, op, mode == "reverse", distractors)
        sink, unknown = len(numbers.nodes) - 1, numbers.unknown
        nodes, standing = draw_others(uniform, shape, numbers, distractors, self._limits)
        quantities = _named(uniform, setting_named(setting), standing)
        compactly = self.wording == "compact"
        said = _said(quantities, sink, unknown, totals_too=compactly)
        graph = Graph(
            setting=setting,
            nodes=tuple(nodes),
            quantities=quantities,
            values=evaluate(nodes, unknown),
            sink=sink,
            unknown=unknown,
            answer=numbers.values[sink if unknown is None else unknown],
            steps=tuple(range(sink + 1)),
            order=tuple(draw_some(uniform, said, len(said))),
            letters=_letters(uniform, len(nodes)) if compactly else _letters_of_solution(uniform, nodes, sink, unknown),
        )
        # Other words are another prompt of the same split.
        worded = f"-{named_identity(graph) >> 32:08x}" if not compactly else ""
        return Problem(
            world=self.world,
            split=split,
            seed=seed,
            index=index,
            level=op,
            id=f"{self.world}-{op}-{content:016x}{worded}",
            prompt=self._wording.prompt(graph),
            answer=str(graph.answer),
            gold=graph,
        )

    def solution(self, problem: Problem) -> str:
        return paper.completion(problem.gold) if self.wording == "paper" else self._wording.solution(problem.gold)

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
        return defects(paper.solution(problem.gold), text)

    def _necessary(
        self, uniform: Uniform, split: Split, op: int, reverse: bool, distractors: int
    ) -> tuple[Shape, Numbers, int]:
        """A shape, its numbers and the identity of both, which is of the split."""
        for _ in range(_SHAPES):
            shape = draw_shape(uniform, op, reverse=reverse, distractors=distractors)
            for _ in range(_NUMBERS):
                numbers = draw_numbers(uniform, shape, self._limits, reverse=reverse)
                if numbers:
                    content = identity(numbers.nodes, len(numbers.nodes) - 1, numbers.unknown, numbers.values[-1])
                    if split_of(content) == split:
                        return shape, numbers, content
        raise InputError(
            f"split {split!r} is empty at op {op} in {'reverse' if reverse else 'forward'} mode: too few different "
            "problems; raise min_op, constants, unknowns or largest"
        )


_UNKNOWN = Linear(1, 0)

# One key for all problems of a split under a seed.
_stream = lru_cache(key)

_WORDINGS = {"english": english, "compact": compact, "paper": paper}


def _named(uniform: Uniform, setting: Setting, standing: Sequence[tuple[int, int]]) -> tuple[Quantity, ...]:
    """The quantities in one group of places and one of kinds, the places in random order."""
    first_place = SIDE * int(uniform() * len(setting.places))
    first_kind = SIDE * int(uniform() * len(setting.kinds))
    places = draw_order(uniform)
    return tuple(
        [_quantity(first_place + places[p], kind if kind == TOTAL else first_kind + kind) for p, kind in standing]
    )


# Making a tuple with names costs more than finding it.
_quantity = cache(Quantity)


def _said(quantities: Sequence[Quantity], sink: int, unknown: int | None, *, totals_too: bool) -> list[int]:
    """What the text says: definitions, and in reverse mode what the sink is told to be."""
    if totals_too:
        return [*range(len(quantities)), *([] if unknown is None else [TOLD])]
    said = [i for i, quantity in enumerate(quantities) if quantity.kind != TOTAL]
    return said if unknown is None else [*said, sink]


def _letters_of_solution(uniform: Uniform, nodes: Sequence[Node], sink: int, unknown: int | None) -> tuple[str, ...]:
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


def _letters(uniform: Uniform, count: int) -> tuple[str, ...]:
    """Different letters in random order; there are enough, as no problem has more quantities or operations."""
    return tuple(draw_some(uniform, compact.LETTERS, count))
