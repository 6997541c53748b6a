"""The compact wording of graph arithmetic: every quantity is a letter, totals are defined like the others.

    a = 3 ; b = 2 * ( a + c ) ; c = 4 + a ? b :                                             forward: the prompt,
    a = 3 ; c = 4 + a = 4 + 3 = 7 ; b = 2 * ( a + c ) = 2 * ( 3 + 7 ) = 2 0 ; answer 2 0    the solution

    c = 1 3 ; b = 3 + a ; a = x ; c = a + b ? a :                                           reverse: the prompt,
    a = x ; b = 3 + a = 3 + x = x + 3 ; c = a + b = x + x + 3 = 2 * x + 3 ;                 the solution
    2 * x + 3 = 1 3 ; x = 5 ; answer 5

Words are separated by single spaces and numbers are written digit by digit, so that the word list is the vocabulary.
"""

from __future__ import annotations

import string
from collections.abc import Sequence
from functools import cache

from edgewise.tasks.graph.graph import TOLD, Graph, Linear, Node
from edgewise.tasks.graph.wording import Wording

UNKNOWN = "x"
SYMBOLS = ("=", "+", "-", "*", "(", ")", ";", "?", ":", "answer", UNKNOWN)
LETTERS = tuple(letter for letter in string.ascii_letters if letter.lower() != UNKNOWN)
"""Names of quantities; a problem never has more quantities."""


@cache
def letter_names(count: int) -> tuple[str, ...]:
    """`count` different names, each one word: the letters without x and X, then a1, b1 and so on."""
    rounds = range(-(-count // len(LETTERS)))
    return tuple(f"{letter}{number or ''}" for number in rounds for letter in LETTERS)[:count]


class _Compact(Wording):
    def words(self, settings: Sequence[str] = ()) -> tuple[str, ...]:
        """Symbols, digits and letters, the same in all settings."""
        return (*SYMBOLS, *string.digits, *LETTERS)

    def prompt(self, graph: Graph) -> str:
        """The definitions in the graph's order, then the question."""
        definitions = []
        for i in graph.order:
            if i == TOLD:
                definitions.append(f"{graph.letters[graph.sink]} = {_number(graph.told)}")
            elif i == graph.unknown:
                definitions.append(f"{graph.letters[i]} = {UNKNOWN}")
            else:
                definitions.append(f"{graph.letters[i]} = {_expression(graph.nodes[i], graph.letters)}")
        return f"{' ; '.join(definitions)} ? {graph.letters[graph.query]} :"

    def solution(self, graph: Graph) -> str:
        """Every necessary definition with its value, in reverse mode the equation and the unknown, then the answer.

        A step is the letter, its expression, the expression with values for letters, and the value. What would be
        the same twice in a row is written once.
        """
        forms = [_linear(value) for value in graph.values]
        steps = [_step(graph, i, forms) for i in graph.steps]
        answer = _number(graph.answer)
        if graph.unknown is not None:
            steps.append(f"{forms[graph.sink]} = {_number(graph.told)}")
            if forms[graph.sink] != UNKNOWN:
                steps.append(f"{UNKNOWN} = {answer}")
        steps.append(f"answer {answer}")
        return " ; ".join(steps)


WORDING = _Compact()


def _step(graph: Graph, i: int, forms: Sequence[str]) -> str:
    node = graph.nodes[i]
    if not node.parents:
        return f"{graph.letters[i]} = {forms[i]}"
    substituted = _expression(node, forms)
    value = "" if substituted == forms[i] else f" = {forms[i]}"
    return f"{graph.letters[i]} = {_expression(node, graph.letters)} = {substituted}{value}"


def _expression(node: Node, terms: Sequence[str]) -> str:
    """The right-hand side of a definition with these terms for the nodes."""
    parents, combine, operator, constant = node
    if not parents:
        return _number(constant)
    if combine == "-":
        larger, smaller = parents
        rest = f"{terms[larger]} - {_bracketed(terms[smaller], _SUMS)}"
    else:
        rest = " + ".join([terms[p] for p in parents])
    if not operator:
        return rest
    return f"{_number(constant)} {operator} {_bracketed(rest, _ALL) if operator == '*' else rest}"


_SUMS = frozenset("+-")
_ALL = frozenset("+-*")


def _bracketed(text: str, operators: frozenset[str]) -> str:
    """Brackets around what has one of these operators."""
    return text if operators.isdisjoint(text) else f"( {text} )"


@cache
def _linear(value: Linear) -> str:
    """E.g. "7", "x", "2 * x", "x + 3", "x - 4", "5 - 2 * x"."""
    a, b = value
    if a == 0:
        return _number(b)
    times = UNKNOWN if abs(a) == 1 else f"{_number(abs(a))} * {UNKNOWN}"
    if a < 0:
        return f"{_number(b)} - {times}"
    return f"{times} {'+' if b > 0 else '-'} {_number(abs(b))}" if b else times


@cache
def _number(value: int) -> str:
    """A number digit by digit: 12 is "1 2"."""
    return " ".join(str(value))
