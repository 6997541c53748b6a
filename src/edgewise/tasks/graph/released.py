"""Read and write rows of the released data of graph arithmetic.

A row has `problem`, `question`, `solution`, `op`, `id`, `template`, `mode`, `length` and `d`
(arXiv 2512.07783; the generator is that of arXiv 2502.05252). The graph is read from the sentences of the problem
by their grammar; the order of the steps and the letters are those of the gold solution.

About a quarter of the released reverse problems of op 10 and more lack a definition that the gold solution needs. If
the last but one operand of three or more is the unknown, the generator repeats "UNKNOWN exists" in place of the
definition.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from graphlib import CycleError, TopologicalSorter
from typing import Any, NamedTuple

from edgewise.core.errors import InputError
from edgewise.tasks.base import Problem
from edgewise.tasks.graph import english, paper
from edgewise.tasks.graph.graph import TOLD, TOTAL, Graph, Node, Quantity, evaluate
from edgewise.tasks.graph.setting import setting_named, setting_names

MAX_CHARACTERS = 100_000


@dataclass(frozen=True, slots=True)
class Released:
    """The graph of a row. `lacking` names the quantities that the gold solution needs and the problem never defines;
    the graph has them as the gold solution defines them."""

    graph: Graph
    lacking: tuple[str, ...]


def read_row(row: Mapping[str, Any]) -> Released:
    """The graph of a row, from its `problem`, `question`, `solution` and `template`; other columns are not read.

    The first nodes are the steps of the gold solution, in its order; the others have "" for letter. A total that
    the solution does not need sums the quantities of its place that do not depend on it. A quantity that only
    distractors use and nothing defines is a leaf of constant 0. `order` repeats the unknown if the problem does.

    InputError names the column that is missing, unreadable or at odds with the others.
    """
    setting = _setting(row)
    name = paper.quantity_names(setting)
    sentences = list(_sentences(_column(row, "problem"), setting))
    query = _asked(_column(row, "question"), setting)
    gold = _gold(_column(row, "solution"), setting)

    unknown = query if any(expression is None for _, expression in sentences) else None
    sink_value, defined = _sink_value_and_definitions(sentences, gold.sink, unknown, name)
    lacking = [q for q in gold.steps if q.kind != TOTAL and q not in defined]
    defined |= {q: gold.steps[q] for q in lacking}
    if query not in gold.steps or (unknown is None and query != gold.sink):
        raise InputError(f"solution: must end with what is asked for, {name[query]}")
    expressions = _all_expressions(gold.steps, defined, name)

    index = {quantity: i for i, quantity in enumerate(expressions)}
    nodes = tuple(
        Node(tuple(index[p] for p in e.parents), e.combine, e.operator, e.constant) for e in expressions.values()
    )
    values = evaluate(nodes, None if unknown is None else index[unknown])
    a, b = values[index[gold.sink]]
    follows = gold.answer == b if unknown is None else a != 0 and a * gold.answer + b == sink_value
    if not follows:
        raise InputError(f"solution: the answer {gold.answer} does not follow from the problem")
    graph = Graph(
        setting=setting,
        nodes=nodes,
        quantities=tuple(expressions),
        values=values,
        sink=index[gold.sink],
        unknown=None if unknown is None else index[unknown],
        answer=gold.answer,
        steps=tuple(range(len(gold.steps))),
        order=tuple(
            # A sink that is not a total stands for its definition; the sentence with its number is TOLD.
            TOLD
            if sink_value is not None and q == gold.sink and q.kind != TOTAL and stated == _number(sink_value)
            else index[q]
            for q, stated in sentences
        ),
        letters=(*gold.letters, *[""] * (len(nodes) - len(gold.letters)), *gold.spares),
    )
    return Released(graph, tuple(name[q] for q in lacking))


def write_row(problem: Problem) -> dict[str, Any]:
    """The row of a problem of graph arithmetic in the paper or the english wording; `id` is the problem's own.

    InputError on a problem in another wording, whose graph has no letters for intermediate results, and where the
    released data has too few letters.
    """
    graph: Graph = problem.gold
    if problem.prompt not in (paper.WORDING.prompt(graph), english.WORDING.prompt(graph)):
        raise InputError("wording: must be paper or english for a released row, is another")
    return {
        "problem": paper.problem_text(graph),
        "question": paper.question(graph),
        "solution": paper.row_solution(graph),
        "op": problem.level,
        "id": problem.id,
        "template": setting_named(graph.setting).released,
        "mode": "normalforward" if graph.unknown is None else "forwardreverse",
        "length": "zero_context",
        "d": 2,
    }


class _Expression(NamedTuple):
    """A `Node` with quantities for parents; the default is the unknown's."""

    parents: tuple[Quantity, ...] = ()
    combine: str = "+"
    operator: str = ""
    constant: int = 0


def _number(constant: int) -> _Expression:
    return _Expression(constant=constant)


class _Gold(NamedTuple):
    steps: dict[Quantity, _Expression]
    letters: tuple[str, ...]
    spares: tuple[str, ...]
    answer: int

    @property
    def sink(self) -> Quantity:
        return next(reversed(self.steps))


def _column(row: Mapping[str, Any], name: str) -> str:
    text = row.get(name)
    if not isinstance(text, str) or len(text) > MAX_CHARACTERS:
        raise InputError(f"{name}: must be a text of at most {MAX_CHARACTERS} characters")
    return text.strip()


@cache
def _settings() -> dict[str, str]:
    return {setting_named(name).released: name for name in setting_names()}


def _setting(row: Mapping[str, Any]) -> str:
    template = _column(row, "template")
    if template not in _settings():
        raise InputError(f"template: must be one of {', '.join(_settings())}, is {template[:40]!r}")
    return _settings()[template]


@cache
def _named(setting: str) -> dict[str, Quantity]:
    return {name: quantity for quantity, name in paper.quantity_names(setting).items()}


@cache
def _phrased(setting: str) -> dict[str, Quantity]:
    return {f"the {phrase}": quantity for quantity, phrase in paper.quantity_phrases(setting).items()}


def _quantity(text: str, known: Mapping[str, Quantity], column: str) -> Quantity:
    quantity = known.get(text)
    if quantity is None:
        raise InputError(f"{column}: must name quantities in the words of its template, has {text[:40]!r}")
    return quantity


def _sentences(problem: str, setting: str) -> Iterator[tuple[Quantity, _Expression | None]]:
    """Each sentence as a quantity and its expression; None means that the quantity exists."""
    for sentence in problem.removesuffix(".").split(". "):
        subject, equals, stated = sentence.partition(" equals ")
        subject = subject.removesuffix(f" {paper.EXISTS}")
        if not sentence.startswith("The ") or not (equals or sentence.endswith(paper.EXISTS)):
            raise InputError(f"problem: must consist of 'The ... equals ...', has {sentence[:40]!r}")
        quantity = _quantity(f"the {subject[4:]}", _phrased(setting), "problem")
        yield quantity, _expression(stated, setting) if equals else None


_CONSTANT = re.compile(r"([0-9]{1,9})(?: (plus|times) |$)")


def _expression(stated: str, setting: str) -> _Expression:
    operator, constant = "", 0
    if number := _CONSTANT.match(stated):
        if not number[2]:
            return _number(int(number[1]))
        operator, constant = "+" if number[2] == "plus" else "*", int(number[1])
        stated = stated[number.end() :]
    combine = "+"
    terms = [stated]
    if stated.startswith("the sum of "):
        terms = re.split(", and |, | and ", stated.removeprefix("the sum of "))
    elif stated.startswith("the difference between "):
        combine = "-"
        terms = stated.removeprefix("the difference between ").split(" and ")
    parents = tuple(_quantity(term, _phrased(setting), "problem") for term in terms)
    return _possible(_Expression(parents, combine, operator, constant), "problem", stated)


def _possible(expression: _Expression, column: str, text: str) -> _Expression:
    parents = expression.parents
    if len({*parents}) < len(parents) or (expression.combine == "-" and len(parents) != 2):
        raise InputError(f"{column}: must take each quantity once and a difference of two, has {text[:40]!r}")
    return expression


def _asked(question: str, setting: str) -> Quantity:
    if match := re.fullmatch("What is (the total .*)[?]", question):
        return _quantity(match[1], _phrased(setting), "question")
    kind, _, place = question.removeprefix("How many ").removesuffix(" have?").partition(" does ")
    return _quantity(f"{kind} in {place}", _named(setting), "question")


def _gold(solution: str, setting: str) -> _Gold:
    text, _, answer = solution.rpartition(" Answer: ")
    if not re.fullmatch(r"[0-9]{1,9}\.", answer):
        raise InputError(f"solution: must end in 'Answer: NUMBER.', ends in {solution[-40:]!r}")
    text = text.removeprefix(paper.DIFFICULT).partition(" We know ")[0].removesuffix(".")
    steps: dict[Quantity, _Expression] = {}
    letters: dict[str, Quantity] = {}
    spares: list[str] = []
    for step in text.removeprefix("Define ").split(". Define "):
        name, _, rest = step.partition(" as ")
        letter, _, chain = rest.partition("; ")
        quantity = _quantity(name, _named(setting), "solution")
        targets, expression = [letter], _Expression()
        if chain != paper.LATER:
            targets, expression = _worked_out(chain, letters)
        if targets[-1] != letter or quantity in steps:
            raise InputError(f"solution: must work out each quantity once, under its letter, has {step[:40]!r}")
        steps[quantity] = expression
        letters[letter] = quantity
        spares += targets[:-1]
    if len({*letters, *spares}) < len(steps) + len(spares):
        raise InputError("solution: must give each result a letter of its own")
    return _Gold(steps, tuple(letters), tuple(spares), int(answer[:-1]))


_EQUATION = re.compile(
    "(?:so )?(?P<result>[A-Za-z]) = "
    "(?:(?P<constant>[1-9][0-9]{0,8})(?: (?P<operator>[+*]) (?P<rest>[A-Za-z]))?|"
    "(?P<left>[A-Za-z])(?: (?P<combine>[+-]) (?P<right>[A-Za-z]))?)(?: = .*)?"
)


def _worked_out(chain: str, letters: Mapping[str, Quantity]) -> tuple[list[str], _Expression]:
    """The letters that the equations of a step are for, and what they work out together."""
    results: list[str] = []
    parents: list[Quantity] = []
    combine, operator, constant = "+", "", 0
    for text in chain.split("; "):
        equation = _EQUATION.fullmatch(text)
        terms = [term for term in equation.group("rest", "left", "right") if term] if equation else []
        carried, new = terms[: len(results[-1:])], terms[len(results[-1:]) :]
        if equation is None or carried != results[-1:] or constant or not letters.keys() >= {*new}:
            raise InputError(f"solution: must join what it has worked out before, has {text[:40]!r}")
        parents += [letters[term] for term in new]
        results.append(equation["result"])
        combine = equation["combine"] or combine
        operator, constant = equation["operator"] or "", int(equation["constant"] or 0)
    return results, _possible(_Expression(tuple(parents), combine, operator, constant), "solution", chain)


def _sink_value_and_definitions(
    sentences: list[tuple[Quantity, _Expression | None]],
    sink: Quantity,
    unknown: Quantity | None,
    name: Mapping[Quantity, str],
) -> tuple[int | None, dict[Quantity, _Expression]]:
    """The number that the problem gives for the sink, and its definitions; it may give no other total."""
    sink_value: int | None = None
    defined: dict[Quantity, _Expression] = {}
    for quantity, stated in sentences:
        if stated is None and quantity != unknown:
            raise InputError(f"problem: asks for another quantity than {name[quantity]}, which exists")
        if (
            stated is not None
            and not stated.parents
            and unknown is not None
            and quantity == sink
            and sink_value is None
        ):
            sink_value = stated.constant
            continue
        expression = stated or _Expression()
        if quantity.kind == TOTAL:
            raise InputError(f"problem: must not define a total, but tells {name[quantity]}")
        if defined.setdefault(quantity, expression) != expression:
            raise InputError(f"problem: must define {name[quantity]} once")
    if unknown is not None and sink_value is None:
        raise InputError(f"problem: must tell the number of {name[sink]}, with which the solution ends")
    return sink_value, defined


def _all_expressions(
    steps: dict[Quantity, _Expression], defined: dict[Quantity, _Expression], name: Mapping[Quantity, str]
) -> dict[Quantity, _Expression]:
    """The steps, which must agree with the definitions, then all others that the problem mentions, in topological
    order."""
    mentioned = dict.fromkeys([*defined, *(p for expression in defined.values() for p in expression.parents)])
    members: dict[int, list[Quantity]] = {}
    for quantity in mentioned:
        if quantity.kind != TOTAL:
            members.setdefault(quantity.place, []).append(quantity)
    for quantity, expression in steps.items():
        meant = defined.get(quantity)
        if quantity.kind == TOTAL and {*expression.parents} == {*members.get(quantity.place, ())}:
            meant = _Expression(expression.parents)
        if expression != meant:
            raise InputError(f"solution: must work out {name[quantity]} as the problem defines it")
    others = {q: defined.get(q, _Expression()) for q in mentioned if q not in steps}
    totals = [q for q in others if q.kind == TOTAL]
    others |= {q: _Expression(tuple(members.get(q.place, ()))) for q in totals}
    others |= {q: _Expression(_independent(others, q)) for q in totals}
    try:
        order = TopologicalSorter({q: expression.parents for q, expression in others.items()}).static_order()
        return steps | {q: others[q] for q in order if q in others}
    except CycleError as error:
        raise InputError(f"problem: {name[error.args[1][0]]} must not depend on itself") from error


def _independent(expressions: Mapping[Quantity, _Expression], total: Quantity) -> tuple[Quantity, ...]:
    """The quantities of a place that do not depend on its total."""
    dependent = {total}
    while more := {q for q, e in expressions.items() if q not in dependent and not dependent.isdisjoint(e.parents)}:
        dependent |= more
    return tuple(q for q in expressions[total].parents if q not in dependent)
