"""From the text of a completion to a verdict, against the graph the generator exported.

The judge reads `name = expression = numbers = value` steps separated by ";" and a last
`answer value`; the numbers (the expression with values for names) may be left out. It ignores
spacing, accepts steps in any order in which parents come first, operands in either order where
the operator commutes, and extra steps; it evaluates nothing it was given, and its time is linear
in the text.
"""

from __future__ import annotations

import re

from edgewise.tasks.base import Score, Unscorable, Verdict, unscorable
from edgewise.tasks.modular.graph import COMMUTATIVE, Graph

_STEP = re.compile(
    r"(?P<name>[A-Za-z])=(?P<left>[A-Za-z]|\d+)(?:(?P<operator>[+*-])(?P<right>[A-Za-z]|\d+))?"
    r"(?:=(?P<first>-?\d+)(?P<again>[+*-])(?P<second>-?\d+))?(?:=(?P<value>-?\d+))?"
)
_ANSWER = re.compile(r"answer(-?\d+)")


def check(graph: Graph, text: str) -> Verdict:
    """The verdict on any text. See `edgewise.tasks.base.Verdict` for its fields.

    A text that the caller says was cut off is unscorable, even where it seems to end in an answer
    ("answer 1" may have been on its way to 12); so is one without a readable final answer. A
    readable answer with a wrong, unreadable or missing step is a wrong process.
    """
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


def _first_wrong_step(graph: Graph, steps: list[str]) -> tuple[int, tuple[int, str] | None]:
    """The steps that nobody needs before the first wrong one, and where that is and why."""
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


def _same_expression(graph: Graph, index: int, match: re.Match[str]) -> bool:
    node = graph.nodes[index]
    gold = [graph.names[o.number] if o.is_node else str(o.number) for o in node.operands]
    written = [_strip(match["left"])] if match["right"] is None else [_strip(match["left"]), _strip(match["right"])]
    if (match["operator"] or "") != node.operator:
        return False
    return written == gold or (node.operator in COMMUTATIVE and written == gold[::-1])


def _same_value(graph: Graph, index: int, match: re.Match[str]) -> bool:
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
