"""The compact wording of modular arithmetic: one letter a quantity, one symbol a word.

    a = 3 ; b = a + 2 ; c = 4 * b ? c :                               the prompt
    a = 3 ; b = a + 2 = 3 + 2 = 5 ; c = 4 * b = 4 * 5 = 6 ; answer 6  the solution, modulo 7

Words are separated by single spaces and numbers are written digit by digit, so that the word
list is the vocabulary.
"""

from __future__ import annotations

import string

from edgewise.tasks.modular.graph import Graph

LETTERS = string.ascii_lowercase + string.ascii_uppercase
SYMBOLS = ("=", "+", "-", "*", ";", "?", ":", "answer")


def words(letters: int) -> tuple[str, ...]:
    """The vocabulary: symbols, digits, and the first `letters` letters."""
    return (*SYMBOLS, *string.digits, *LETTERS[:letters])


def prompt(graph: Graph) -> str:
    """The definitions in the graph's order, then the query."""
    definitions = (f"{graph.names[i]} = {expression(graph, i)}" for i in graph.order)
    return f"{' ; '.join(definitions)} ? {graph.names[graph.query]} :"


def solution(graph: Graph) -> str:
    """Every necessary definition with its value, in topological order, then the answer."""
    return " ; ".join([*(step(graph, i) for i in graph.necessary()), f"answer {number(graph.values[graph.query])}"])


def step(graph: Graph, index: int) -> str:
    """One step of a solution: name, expression and, for an inner node, numbers and value."""
    text = f"{graph.names[index]} = {expression(graph, index)}"
    if not graph.nodes[index].operator:
        return text
    return f"{text} = {substituted(graph, index)} = {number(graph.values[index])}"


def expression(graph: Graph, index: int) -> str:
    """The right-hand side of a definition."""
    operator, operands = graph.nodes[index]
    return f" {operator} ".join([graph.names[o.number] if o.is_node else number(o.number) for o in operands])


def substituted(graph: Graph, index: int) -> str:
    """The right-hand side with the parents' values in place of their names."""
    operator, operands = graph.nodes[index]
    return f" {operator} ".join([number(graph.values[o.number] if o.is_node else o.number) for o in operands])


def number(value: int) -> str:
    """A number digit by digit: -12 is "- 1 2"."""
    return " ".join(str(value))
