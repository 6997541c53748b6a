"""A problem of modular arithmetic: a graph of named quantities with one query, how it is drawn and written.

    a = 3 ; b = a + 2 ; c = 4 * b ? c :                               the prompt
    a = 3 ; b = a + 2 = 3 + 2 = 5 ; c = 4 * b = 4 * 5 = 6 ; answer 6  the solution, modulo 7

A leaf holds a constant. An inner node combines two operands with +, - or *; an operand is an earlier node or a
constant. Words are separated by single spaces and numbers are written digit by digit, so that the word list is the
vocabulary.
"""

from __future__ import annotations

import hashlib
import random
import string
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

LEAF = ""
OPERATORS = ("+", "-", "*")
COMMUTATIVE = frozenset("+*")
LETTERS = string.ascii_lowercase + string.ascii_uppercase
SYMBOLS = ("=", "+", "-", "*", ";", "?", ":", "answer")


class Operand(NamedTuple):
    """An earlier node (by index) or a constant (by value)."""

    is_node: bool
    number: int


class ModularNode(NamedTuple):
    """`operator` is LEAF with one constant operand, or one of OPERATORS with two operands."""

    operator: str
    operands: tuple[Operand, ...]

    @property
    def parents(self) -> tuple[int, ...]:
        return tuple([number for is_node, number in self.operands if is_node])


@dataclass(frozen=True, slots=True)
class ModularGraph:
    """Nodes in topological order, their values, the query node, and how the problem shows them.

    `names[i]` is the letter of node i, and `order` the sequence in which the definitions stand in the text. `values`
    are taken modulo `modulus` unless that is 0.
    """

    nodes: tuple[ModularNode, ...]
    values: tuple[int, ...]
    query: int
    names: tuple[str, ...]
    order: tuple[int, ...]
    modulus: int

    def necessary(self) -> tuple[int, ...]:
        """The query and all nodes that it depends on, in topological order."""
        needed = {self.query}
        for index in range(self.query, -1, -1):
            if index in needed:
                needed.update(self.nodes[index].parents)
        return tuple(sorted(needed))

    def prompt(self) -> str:
        """The definitions in their order, then the query."""
        definitions = (f"{self.names[i]} = {self._expression(i)}" for i in self.order)
        return f"{' ; '.join(definitions)} ? {self.names[self.query]} :"

    def solution(self) -> str:
        """Every necessary definition with its value, in topological order, then the answer."""
        return " ; ".join([*(self.step(i) for i in self.necessary()), f"answer {digits(self.values[self.query])}"])

    def step(self, index: int) -> str:
        """One step of a solution: name and expression; for an inner node also the numbers and the value."""
        text = f"{self.names[index]} = {self._expression(index)}"
        operator, operands = self.nodes[index]
        if operator == LEAF:
            return text
        numbers = [digits(self.values[o.number] if o.is_node else o.number) for o in operands]
        return f"{text} = {f' {operator} '.join(numbers)} = {digits(self.values[index])}"

    def _expression(self, index: int) -> str:
        """The right-hand side of a definition."""
        operator, operands = self.nodes[index]
        return f" {operator} ".join([self.names[o.number] if o.is_node else digits(o.number) for o in operands])


def digits(value: int) -> str:
    """A number digit by digit: -12 is "- 1 2"."""
    return " ".join(str(value))


def node_values(nodes: Sequence[ModularNode], modulus: int) -> tuple[int, ...]:
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


def canonical_digest(nodes: Sequence[ModularNode], query: int) -> int:
    """A 64-bit hash of what is asked: the query's expression down to its constants.

    Invariant to renaming, to the order of definitions, to the order of operands if the operator commutes, and to
    distractors. Graphs that differ only in whether equal sub-expressions are one node or two have the same hash, so a
    split by this hash separates at least all isomorphic graphs.
    """
    digests: list[bytes] = []
    for operator, operands in nodes[: query + 1]:
        parts = [digests[number] if is_node else b"c%d" % number for is_node, number in operands]
        if operator in COMMUTATIVE:
            parts.sort()
        text = b"%b(%b)" % (operator.encode(), b",".join(parts))
        digests.append(hashlib.blake2b(text, digest_size=8).digest())
    return int.from_bytes(digests[query], "little")


def draw_nodes(rng: random.Random, op: int, leaves: int, reuse: float, constants: int) -> list[ModularNode]:
    """`op` inner nodes over `leaves` leaves, the last of them depending on all the others.

    The number of operations is exact by construction. Nodes that no other node uses yet are kept in a pool. `leaves`
    - 1 operations join two nodes of the pool and the others extend one, so that exactly one node, the query, remains.
    With probability `reuse` an extension takes an earlier node as its second operand instead of a constant in
    1..constants.
    """
    nodes = [ModularNode(LEAF, (Operand(False, rng.randint(1, constants)),)) for _ in range(leaves)]
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
        nodes.append(ModularNode(rng.choice(OPERATORS), (Operand(True, left), right)))
    return nodes


def draw_distractors(rng: random.Random, nodes: list[ModularNode], count: int, constants: int) -> list[ModularNode]:
    """`count` definitions that the query does not need: leaves, or uses of any earlier node."""
    distractors: list[ModularNode] = []
    for _ in range(count):
        constant = Operand(False, rng.randint(1, constants))
        if rng.random() < 0.5:
            distractors.append(ModularNode(LEAF, (constant,)))
        else:
            source = Operand(True, rng.randrange(len(nodes) + len(distractors)))
            distractors.append(ModularNode(rng.choice(OPERATORS), (source, constant)))
    return distractors
