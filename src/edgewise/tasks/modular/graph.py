"""The object behind modular arithmetic: a DAG of named quantities and one query.

Leaves hold constants; an inner node combines two operands with + - or x, each an earlier node or
a constant. The number of operations is exact by construction: nothing is drawn and thrown away
to hit it.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

LEAF = ""
OPERATORS = ("+", "-", "*")
COMMUTATIVE = frozenset("+*")


class Operand(NamedTuple):
    """An earlier node (by index) or a constant (by value)."""

    is_node: bool
    number: int


class Node(NamedTuple):
    """`operator` is LEAF with one constant operand, or one of OPERATORS with two operands."""

    operator: str
    operands: tuple[Operand, ...]

    @property
    def parents(self) -> tuple[int, ...]:
        return tuple([number for is_node, number in self.operands if is_node])


@dataclass(frozen=True, slots=True)
class Graph:
    """Nodes in topological order, their values, the query node, and how the problem shows them.

    `names[i]` is the letter of node i and `order` the sequence in which the definitions stand in
    the text. `values` are taken modulo `modulus` where that is not 0.
    """

    nodes: tuple[Node, ...]
    values: tuple[int, ...]
    query: int
    names: tuple[str, ...]
    order: tuple[int, ...]
    modulus: int

    def necessary(self) -> tuple[int, ...]:
        """The query and all it depends on, in topological order."""
        return necessary(self.nodes, self.query)


def necessary(nodes: Sequence[Node], query: int) -> tuple[int, ...]:
    """Indices of the query's ancestors and of the query itself, in topological order."""
    needed = {query}
    for index in range(query, -1, -1):
        if index in needed:
            needed.update([number for is_node, number in nodes[index].operands if is_node])
    return tuple(sorted(needed))


def evaluate(nodes: Sequence[Node], modulus: int) -> tuple[int, ...]:
    """The value of every node, modulo `modulus` (0: plain integers)."""
    values: list[int] = []
    for operator, operands in nodes:
        numbers = [values[number] if is_node else number for is_node, number in operands]
        match operator:
            case "+":
                value = numbers[0] + numbers[1]
            case "-":
                value = numbers[0] - numbers[1]
            case "*":
                value = numbers[0] * numbers[1]
            case _:
                value = numbers[0]
        values.append(value % modulus if modulus else value)
    return tuple(values)


def canonical_digest(nodes: Sequence[Node], query: int) -> int:
    """A 64-bit hash of what is asked: the query's expression down to its constants.

    Invariant to renaming, to the order of definitions, to operand order where the operator
    commutes, and to distractors. Graphs that differ only in whether equal sub-expressions are one
    node or two hash alike, so a split by this hash separates at least all isomorphic graphs.
    """
    digests: list[bytes] = []
    for operator, operands in nodes[: query + 1]:
        parts = [digests[number] if is_node else b"c%d" % number for is_node, number in operands]
        if operator in COMMUTATIVE:
            parts.sort()
        text = b"%b(%b)" % (operator.encode(), b",".join(parts))
        digests.append(hashlib.blake2b(text, digest_size=8).digest())
    return int.from_bytes(digests[query], "little")


def draw_nodes(rng: random.Random, op: int, leaves: int, reuse: float, constants: int) -> list[Node]:
    """`op` inner nodes over `leaves` leaves, the last of them depending on all the others.

    The nodes nobody uses yet are kept in a pool. `leaves` - 1 operations join two of the pool,
    the others extend one, so that exactly one, the query, remains. With probability `reuse` an
    extension takes an earlier node as its second operand in place of a constant in 1..constants.
    """
    nodes = [Node(LEAF, (Operand(False, rng.randint(1, constants)),)) for _ in range(leaves)]
    pool = list(range(leaves))
    joins = [True] * (leaves - 1) + [False] * (op - leaves + 1)
    rng.shuffle(joins)
    for join in joins:
        left = pool.pop(rng.randrange(len(pool)))
        if join:
            right = Operand(True, pool.pop(rng.randrange(len(pool))))
        elif reuse and rng.random() < reuse and len(nodes) > 1:
            other = rng.randrange(len(nodes) - 1)
            right = Operand(True, other if other < left else other + 1)
        else:
            right = Operand(False, rng.randint(1, constants))
        pool.append(len(nodes))
        nodes.append(Node(rng.choice(OPERATORS), (Operand(True, left), right)))
    return nodes


def draw_distractors(rng: random.Random, nodes: list[Node], count: int, constants: int) -> list[Node]:
    """`count` definitions that the query does not need: leaves, or uses of any earlier node."""
    extra: list[Node] = []
    for _ in range(count):
        constant = Operand(False, rng.randint(1, constants))
        if rng.random() < 0.5:
            extra.append(Node(LEAF, (constant,)))
        else:
            source = Operand(True, rng.randrange(len(nodes) + len(extra)))
            extra.append(Node(rng.choice(OPERATORS), (source, constant)))
    return extra
