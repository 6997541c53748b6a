"""A problem of graph arithmetic: named quantities, each worked out from others, and one question.

A quantity is the number of one kind in one place, or the total of a place. The structure is that of
GSM-Infinite and of "On the Interplay of Pre-Training, Mid-Training and RL" (arXiv 2502.05252, 2512.07783):

    expression  =  constant  |  rest  |  constant plus rest  |  constant times rest
    rest        =  one quantity  |  a sum of several  |  the difference of two

In forward mode the last quantity is asked for. In reverse mode one leaf is unknown, the value of the last quantity is
told, and the leaf is asked for; so every quantity is a linear form a*x + b of the unknown x.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

TOTAL = -1
"""The kind of a place's total."""

TOLD = -1
"""In `Graph.order`: the sentence that tells the number of the sink. (The index of the sink means its definition.)"""


class Node(NamedTuple):
    """One quantity's expression: `constant operator (parents joined by combine)`.

    `parents` are earlier nodes, each once. `combine` is "-" for the difference of two, else "+". `operator` is "+" or
    "*" if a constant joins the parents, else "". A leaf has no parents, and its constant is its value; the unknown
    leaf of a reverse problem has constant 0. A total is the plain sum of all quantities of its place.
    """

    parents: tuple[int, ...]
    combine: str = "+"
    operator: str = ""
    constant: int = 0

    @property
    def op(self) -> int:
        """Operations: the in-degree, counting the constant as one more edge (1 for a leaf)."""
        return len(self.parents) + (self.operator != "" or not self.parents)


class Linear(NamedTuple):
    """a*x + b; a is 0 for a plain number."""

    a: int
    b: int


class Quantity(NamedTuple):
    """The place and kind of a node, as indices into those of a setting; kind TOTAL for a total."""

    place: int
    kind: int


@dataclass(frozen=True, slots=True)
class Graph:
    """Nodes in topological order, what they are called, and the question.

    setting     the name of the words (see `edgewise.tasks.graph.setting`)
    nodes       all quantities, those that the question does not need included
    quantities  [i] the place and kind of node i, each pair once
    values      [i] the value of node i as a linear form of the unknown (a = 0 throughout in forward mode)
    sink        the last necessary node: asked for in forward mode, told in reverse mode
    unknown     the leaf asked for in reverse mode, None in forward mode
    answer      the number asked for
    steps       the necessary nodes in the order in which the gold solution works them out
    order       the nodes in the order in which the text defines them, in reverse mode with TOLD for the sentence
                that tells the sink's number. Wordings that never define a total have no total here, and the
                sink's index in place of TOLD
    letters     [i] the letter of node i: in the compact wording that of the problem, else that of the gold
                solution ("" if it has none); then the spare letters for intermediate results
    """

    setting: str
    nodes: tuple[Node, ...]
    quantities: tuple[Quantity, ...]
    values: tuple[Linear, ...]
    sink: int
    unknown: int | None
    answer: int
    steps: tuple[int, ...]
    order: tuple[int, ...]
    letters: tuple[str, ...]

    @property
    def query(self) -> int:
        """The node that is asked for."""
        return self.sink if self.unknown is None else self.unknown

    @property
    def told(self) -> int:
        """The number that the sink has."""
        return self.number(self.sink)

    @property
    def op(self) -> int:
        """Operations of the necessary nodes: the level of the problem."""
        return sum(self.nodes[i].op for i in self.steps)

    @property
    def depth(self) -> int:
        """Necessary nodes on the longest path."""
        return max(_ranks(self.nodes, self.steps).values())

    @property
    def width(self) -> int:
        """The largest number of necessary nodes at one distance from the leaves."""
        ranks = list(_ranks(self.nodes, self.steps).values())
        return max(map(ranks.count, ranks))

    @property
    def distractors(self) -> int:
        """How many quantities the question does not need, without implicit totals of other places."""
        needed = set(self.steps)
        return sum(q.kind != TOTAL for i, q in enumerate(self.quantities) if i not in needed)

    def number(self, node: int) -> int:
        """The value of a node as a number."""
        a, b = self.values[node]
        return b if self.unknown is None else a * self.answer + b


def _ranks(nodes: Sequence[Node], steps: Iterable[int]) -> dict[int, int]:
    """Nodes on the longest path from a leaf to each node, the node included."""
    rank_of: dict[int, int] = {}
    for i in sorted(steps):
        rank_of[i] = 1 + max((rank_of[p] for p in nodes[i].parents), default=0)
    return rank_of


def necessary(nodes: Sequence[Node], sink: int) -> tuple[int, ...]:
    """The sink and all nodes that it depends on, in topological order."""
    needed = {sink}
    for i in range(sink, -1, -1):
        if i in needed:
            needed.update(nodes[i].parents)
    return tuple(sorted(needed))


def evaluate(nodes: Iterable[Node], unknown: int | None) -> tuple[Linear, ...]:
    """The value of every node as a linear form of the unknown leaf."""
    values: list[Linear] = []
    for i, (parents, combine, operator, constant) in enumerate(nodes):
        if not parents:
            values.append(_linear(1, 0) if i == unknown else _linear(0, constant))
            continue
        a, b = values[parents[0]]
        sign = -1 if combine == "-" else 1
        for p in parents[1:]:
            more_a, more_b = values[p]
            a += sign * more_a
            b += sign * more_b
        if operator == "+":
            b += constant
        elif operator == "*":
            a *= constant
            b *= constant
        values.append(_linear(a, b))
    return tuple(values)


# Making a tuple with names costs more than finding it.
_linear = lru_cache(1 << 14)(Linear)


def identity(nodes: Sequence[Node], sink: int, unknown: int | None, sink_value: int) -> int:
    """A 64-bit hash of what is asked: the sink's expression down to its constants, in reverse mode also its number.

    Invariant to names, places and kinds, to the order of definitions and of the terms of a sum, and to distractors.
    Graphs that differ only in whether equal sub-expressions are one node or two have the same hash, so a split by
    this hash separates at least all isomorphic graphs. A copy of a quantity is an operation, so it counts.
    """
    written: list[str] = []
    for i, (parents, combine, operator, constant) in enumerate(nodes[: sink + 1]):
        if not parents:
            written.append("x" if i == unknown else str(constant))
            continue
        if len(parents) == 1:
            text = written[parents[0]]
        else:
            parts = [written[p] for p in parents]
            if combine == "+":
                parts.sort()
            text = combine.join(parts)
        text = f"({constant}{operator}({text}))" if operator else f"({text})"
        # An expression that is written out can double with every node, so a long one is replaced by its hash.
        written.append(text if len(text) < _LONG else f"#{_hash(text):016x}")
    return _hash(written[sink] if unknown is None else f"{written[sink]}={sink_value}")


def named_identity(graph: Graph) -> int:
    """A 64-bit hash of the question in its words: the setting, and each necessary quantity's place, kind and
    definition.

    Invariant to letters, to the order of definitions and of the terms of a sum, and to distractors. It tells apart
    problems with the same `identity` that are worded differently.
    """
    nodes, unknown = graph.nodes, graph.unknown
    names = [f"{place},{kind}" for place, kind in graph.quantities]
    definitions = []
    for i in graph.steps:
        parents, combine, operator, constant = nodes[i]
        terms = [names[p] for p in parents]
        if combine == "+":
            terms.sort()
        definitions.append(f"{names[i]}={'x' if i == unknown else constant}{operator}({combine.join(terms)})")
    return _hash(f"{graph.setting};{';'.join(sorted(definitions))}")


_LONG = 200


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8, salt=_SALT).digest(), "little")


# With this salt every split has problems of op 2 and 3, even with the constants and unknowns 1..4 of the paper.
_SALT = b"1842771"
