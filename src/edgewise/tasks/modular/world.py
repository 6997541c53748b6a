"""The world of modular arithmetic: its knobs and its verifier."""

from __future__ import annotations

import random
import re
import string
from collections.abc import Iterator
from typing import Literal, Self

from pydantic import Field, model_validator

from edgewise.tasks.base import Problem, Score, Verdict, unscorable
from edgewise.tasks.drawn import DrawnWorld, Proposal, Statement
from edgewise.tasks.modular.graph import (
    COMMUTATIVE,
    LETTERS,
    SYMBOLS,
    ModularGraph,
    ModularNode,
    canonical_digest,
    draw_distractors,
    draw_nodes,
    node_values,
)
from edgewise.tasks.verdict import Unscorable

# Products of products can have more digits than a text can hold; a graph beyond this is drawn again.
_LARGEST = 10**300


class ModularArithmetic(DrawnWorld):
    """Letters defined by one operator each, modulo a number, and one query; the level is the number of operators.

    Only operators that the query needs are counted.
    """

    world: Literal["modular"] = "modular"
    version: Literal[1] = 1
    min_op: int = Field(1, ge=1, description="fewest operators")
    max_op: int = Field(4, ge=1, description="most operators")
    leaves: int = Field(1, ge=1, description="most leaves (1: chains)")
    reuse: float = Field(
        0.0, ge=0, le=1, description="chance that an operation takes an earlier quantity in place of a constant"
    )
    disorder: float = Field(
        0.0, ge=0, description="how far a definition may stand from its place in topological order (0: in order)"
    )
    distractors: int = Field(0, ge=0, description="definitions that the query does not need")
    modulus: int = Field(7, ge=0, description="of all values; 0 means plain integers")
    letters: int = Field(12, ge=2, le=len(LETTERS), description="letters that names are taken from")

    ranges = (("min_op", "max_op"),)
    # The modulus is in every id. The others decide which graphs are drawn, what is called what and what stands first.
    id_knobs = ("distractors",)
    level_text = "op {}"
    remedy = "too few different graphs; raise modulus, leaves or op"

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.modulus == 1:
            raise ValueError("modulus must be 0 (plain integers) or at least 2")
        names = self.max_op + min(self.leaves, self.max_op + 1) + self.distractors
        if names > self.letters:
            raise ValueError(f"letters must be at least {names} for max_op {self.max_op}, is {self.letters}")
        return self

    def words(self) -> tuple[str, ...]:
        return (*SYMBOLS, *string.digits, *LETTERS[: self.letters])

    @property
    def _constants(self) -> int:
        """The largest constant."""
        return self.modulus - 1 if self.modulus else 9

    def propose(self, source: random.Random, level: int) -> Iterator[Proposal | None]:
        while True:
            leaves = source.randint(1, min(self.leaves, level + 1))
            nodes = draw_nodes(source, level, leaves, self.reuse, self._constants)
            small = max(map(abs, node_values(nodes, self.modulus))) < _LARGEST
            yield Proposal(canonical_digest(nodes, len(nodes) - 1), nodes) if small else None

    def finish(self, source: random.Random, nodes: list[ModularNode]) -> Statement:
        query = len(nodes) - 1
        if self.distractors:
            nodes += draw_distractors(source, nodes, self.distractors, self._constants)
        count = len(nodes)
        # A distractor may stand anywhere after what it uses; the others keep their order.
        rank: list[float] = [*range(query + 1)]
        for node in nodes[query + 1 :]:
            rank.append(source.uniform(max((rank[parent] for parent in node.parents), default=0), query))
        if self.disorder:
            rank = [r + source.uniform(0, self.disorder) for r in rank]
        graph = ModularGraph(
            nodes=tuple(nodes),
            values=node_values(nodes, self.modulus),
            query=query,
            names=tuple(source.sample(LETTERS[: self.letters], count)),
            order=tuple(sorted(range(count), key=rank.__getitem__)),
            modulus=self.modulus,
        )
        return Statement(graph.prompt(), str(graph.values[query]), graph)

    def problem_id(self, level: int, identity: int, gold: ModularGraph) -> str:
        # The op tells apart graphs that differ only in whether equal sub-expressions are one node.
        return f"modular-{self.modulus}-{level}-{identity:016x}"

    def solution(self, problem: Problem) -> str:
        graph: ModularGraph = problem.gold
        return graph.solution()

    def check(self, problem: Problem, text: str) -> Verdict:
        """A completion is `name = expression = numbers = value` steps separated by ";", then `answer value`.

        The numbers (the expression with values for names) may be left out. Spacing is ignored. Steps may come in any
        order in which parents come first, operands in either order if the operator commutes, and extra steps are
        allowed. A text without a readable final answer is unscorable. A readable answer with a wrong, unreadable or
        missing step is a wrong process.
        """
        graph: ModularGraph = problem.gold
        *steps, last = re.sub(r"\s+", "", text).split(";")
        written = _ANSWER.fullmatch(last)
        if written is None:
            return unscorable(Unscorable.NO_FINAL_ANSWER)
        predicted = _canonical(written[1])
        right = predicted == str(graph.values[graph.query])
        answer = Score.CORRECT if right else Score.WRONG
        extra, wrong = _first_wrong_step(graph, steps)
        if wrong is None and not right:
            wrong = len(steps), f"answer is {graph.values[graph.query]}, not {written[1]:.20}"
        if wrong is None:
            return Verdict(answer, Score.CORRECT, predicted=predicted)
        return Verdict(answer, Score.WRONG, *wrong, predicted, extra)

    def steps(self, problem: Problem) -> int:
        """The quantities that the query needs, leaves included."""
        graph: ModularGraph = problem.gold
        return len(graph.necessary())


_STEP = re.compile(
    r"(?P<name>[A-Za-z])=(?P<left>[A-Za-z]|\d+)(?:(?P<operator>[+*-])(?P<right>[A-Za-z]|\d+))?"
    r"(?:=(?P<first>-?\d+)(?P<again>[+*-])(?P<second>-?\d+))?(?:=(?P<value>-?\d+))?"
)
_ANSWER = re.compile(r"answer(-?\d+)")


def _first_wrong_step(graph: ModularGraph, steps: list[str]) -> tuple[int, tuple[int, str] | None]:
    """The number of needless steps before the first wrong one, and where that is and why (None if all are right)."""
    extra = 0
    index_of = {name: i for i, name in enumerate(graph.names)}
    needed = set(graph.necessary())
    defined: set[int] = set()
    for position, text in enumerate(steps):
        match = _STEP.fullmatch(text)
        if match is None:
            return extra, (position, f"unreadable step {text:.40}")
        name = match["name"]
        index = index_of.get(name)
        if index is None or index not in needed:
            extra += 1
            continue
        if not _same_expression(graph, index, match):
            return extra, (position, f"{name} is not defined as {text:.40}")
        missing = [graph.names[p] for p in graph.nodes[index].parents if p not in defined]
        if missing:
            return extra, (position, f"{name} uses {missing[0]} before it is worked out")
        if index in defined:
            return extra, (position, f"{name} is worked out twice")
        if not _same_value(graph, index, match):
            return extra, (position, f"{name} is {graph.values[index]}, not {text.partition('=')[2]:.40}")
        defined.add(index)
    absent = [graph.names[i] for i in graph.necessary() if i not in defined]
    return extra, (len(steps), f"{absent[0]} is never worked out") if absent else None


def _same_expression(graph: ModularGraph, index: int, match: re.Match[str]) -> bool:
    node = graph.nodes[index]
    gold = [graph.names[o.number] if o.is_node else str(o.number) for o in node.operands]
    written = [_strip(match["left"])] if match["right"] is None else [_strip(match["left"]), _strip(match["right"])]
    if (match["operator"] or "") != node.operator:
        return False
    return written == gold or (node.operator in COMMUTATIVE and written == gold[::-1])


def _same_value(graph: ModularGraph, index: int, match: re.Match[str]) -> bool:
    value = match["value"]
    if not graph.nodes[index].operator:
        return match["first"] is None and (value is None or _same_number(value, graph.values[index]))
    if match["first"] is not None:
        value_of = dict(zip(graph.names, graph.values, strict=True))
        gold = [value_of[x] if x in value_of else int(_strip(x)) for x in (match["left"], match["right"])]
        if match["again"] != match["operator"]:
            return False
        if not (_same_number(match["first"], gold[0]) and _same_number(match["second"], gold[1])):
            return False
    return value is not None and _same_number(value, graph.values[index])


def _strip(text: str) -> str:
    return (text.lstrip("0") or "0") if text.isdigit() else text


def _same_number(text: str, value: int) -> bool:
    # Compared as text: int() of a very long digit string is slow and, past a limit, an error.
    return _canonical(text) == str(value)


def _canonical(number: str) -> str:
    return f"-{_strip(number[1:])}" if number.startswith("-") else _strip(number)
