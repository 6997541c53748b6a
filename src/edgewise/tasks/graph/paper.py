"""The paper wording of graph arithmetic: that of the released data, byte for byte.

    The number of adult owl in Pine Ridge equals 3. The number of adult crow in Pine Ridge equals 2 times
    the number of adult owl in Pine Ridge. What is the total number of adult animals in Pine Ridge?

    Define adult owl in Pine Ridge as k; so k = 3. Define adult crow in Pine Ridge as B; r = k = 3; so
    B = 2 * r = 2 * 3 = 6. Define total number of adult animals in Pine Ridge as z; so z = k + B = 3 + 6 = 9.
    Answer: 9.

The format is that of GSM-Infinite (arXiv 2502.05252) as used by "On the Interplay of Pre-Training, Mid-Training
and RL" (arXiv 2512.07783, appendix A.1). The total of a place is never defined: it is the sum of all quantities
of the place that the problem mentions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from edgewise.core.errors import InputError
from edgewise.tasks.graph.graph import TOLD, TOTAL, Graph, Linear, Quantity
from edgewise.tasks.graph.setting import setting_named
from edgewise.tasks.graph.wording import Wording

EXISTS = "exists, and its number is greater than 0"
DIFFICULT = "The question is difficult, so we use equations to solve it. "
LATER = "we don't know its value yet but will find it out later"


@dataclass(frozen=True)
class TextStyle:
    """How numbers, signs and marks are written: the paper's way, or another way with the same words."""

    number: Callable[[int], str] = str
    minus: str = "-"
    times: str = "*"
    left: str = "("
    right: str = ")"
    comma: str = ", "
    semicolon: str = "; "
    colon: str = ": "
    stop: str = ". "
    ask: str = "?"


PAPER = TextStyle()


def problem_text(graph: Graph, style: TextStyle = PAPER) -> str:
    """The `problem` of a released row: sentences in `graph.order`, each followed by a space."""
    phrase = quantity_phrases(graph.setting)
    exists = EXISTS.replace(", ", style.comma)
    sentences = []
    for i in graph.order:
        quantity = graph.quantities[graph.sink if i == TOLD else i]
        if i == graph.unknown:
            predicate = exists
        elif i == TOLD or quantity.kind == TOTAL:
            predicate = f"equals {style.number(graph.told)}"
        else:
            predicate = f"equals {_expression(graph, i, phrase, style)}"
        sentences.append(f"The {phrase[quantity]} {predicate}{style.stop}")
    return "".join(sentences)


def question(graph: Graph, style: TextStyle = PAPER) -> str:
    """The `question` of a released row."""
    quantity = graph.quantities[graph.query]
    if quantity.kind == TOTAL:
        return f"What is the {quantity_phrases(graph.setting)[quantity]}{style.ask}"
    kind, _, place = quantity_names(graph.setting)[quantity].partition(" in ")
    return f"How many {kind} does {place} have{style.ask}"


def row_solution(graph: Graph) -> str:
    """The `solution` of a released row; InputError if its letters do not suffice."""
    return f"{body(graph)} Answer: {graph.answer}."


class _Paper(Wording):
    def prompt(self, graph: Graph) -> str:
        """The prompt of the released models: problem and question in tags, and the tag that opens the solution."""
        return f"<question> {problem_text(graph)}{question(graph)} </question> <solution>"

    def solution(self, graph: Graph) -> str:
        """What a released model writes after `prompt`; InputError if the letters do not suffice."""
        return f" {body(graph)} </solution> <answer> {graph.answer} </answer>"

    def words(self, settings: Sequence[str]) -> tuple[str, ...]:
        raise InputError(
            "wording: the paper's text is for the released tokenizer, so its words are not listed; "
            "take english or compact"
        )


WORDING = _Paper()


def body(graph: Graph, style: TextStyle = PAPER) -> str:
    """The solution up to its answer: each step and, in reverse mode, the equation and how it is solved.

    InputError if the style is the paper's and a name has more than one letter.
    """
    if style is PAPER and max(map(len, graph.letters)) > 1:
        raise InputError(
            f"max_op: op {graph.op} needs more than the 52 letters of the paper wording; "
            "lower max_op or use the english wording"
        )
    name = quantity_names(graph.setting)
    forms = [linear(value, style) for value in graph.values]
    spares = iter(graph.letters[len(graph.nodes) :])
    parts = []
    if graph.unknown is not None:
        parts.append(DIFFICULT.replace(", ", style.comma).replace(". ", style.stop))
    for i in graph.steps:
        chain = LATER if i == graph.unknown else _chain(graph, i, forms, spares, style)
        parts.append(f"Define {name[graph.quantities[i]]} as {graph.letters[i]}{style.semicolon}{chain}{style.stop}")
    if graph.unknown is not None:
        parts.append(_equation(graph, style))
    return "".join(parts)[:-1]


def linear(value: Linear, style: TextStyle = PAPER) -> str:
    """a*x + b as the released data prints it (sympy's way): "2*x + 3", "x - 4", "5 - x", "-x - 1", "7"."""
    a, b = value
    if not a:
        return style.number(b)
    x = "x" if abs(a) == 1 else f"{style.number(abs(a))}{style.times}x"
    if a < 0 < b:
        return f"{style.number(b)} - {x}"
    x = style.minus + x if a < 0 else x
    return f"{x} {'+' if b > 0 else '-'} {style.number(abs(b))}" if b else x


@cache
def quantity_names(setting: str) -> dict[Quantity, str]:
    """What solutions call the quantities: "adult owl in Pine Ridge", "total number of schools in Brightford"."""
    words = setting_named(setting)
    kinds = (TOTAL, *range(len(words.kind_names)))
    places = range(len(words.place_names))
    return {q: words.name_of(q) for q in (Quantity(place, kind) for place in places for kind in kinds)}


@cache
def quantity_phrases(setting: str) -> dict[Quantity, str]:
    """What problems call them: "number of adult owl in Pine Ridge", "total number of schools in Brightford"."""
    return {q: name if q.kind == TOTAL else f"number of {name}" for q, name in quantity_names(setting).items()}


def _expression(graph: Graph, i: int, phrase: dict[Quantity, str], style: TextStyle) -> str:
    parents, combine, operator, constant = graph.nodes[i]
    if not parents:
        return style.number(constant)
    terms = [f"the {phrase[graph.quantities[p]]}" for p in parents]
    if len(terms) == 1:
        rest = terms[0]
    elif combine == "-":
        rest = f"the difference between {terms[0]} and {terms[1]}"
    elif len(terms) == 2:
        rest = f"the sum of {terms[0]} and {terms[1]}"
    else:
        terms[-1] = f"and {terms[-1]}"
        rest = f"the sum of {style.comma.join(terms)}"
    if not operator:
        return rest
    return f"{style.number(constant)} {'plus' if operator == '+' else 'times'} {rest}"


def _chain(graph: Graph, i: int, forms: list[str], spares: Iterator[str], style: TextStyle) -> str:
    """The equations of one step, e.g. "r = k = 3; so B = 2 * r = 2 * 3 = 6".

    The parents are joined two by two, then the constant is applied to the result; a single parent is copied first.
    """
    parents, combine, operator, constant = graph.nodes[i]
    letter_of_step = graph.letters[i]
    if not parents:
        return f"so {letter_of_step} = {style.number(constant)}"
    first, *others = parents
    letter, (a, b), form = graph.letters[first], graph.values[first], forms[first]
    equations = []
    if not others:
        result = next(spares) if operator else letter_of_step
        equations.append(f"{result} = {letter} = {form}")
        letter = result
    sign = -1 if combine == "-" else 1
    bracketed = graph.unknown is not None
    for p in others:
        result = letter_of_step if p == parents[-1] and not operator else next(spares)
        a, b = a + sign * graph.values[p].a, b + sign * graph.values[p].b
        numbers = _joined(form, combine, forms[p], style, bracketed and combine == "-")
        form = linear(Linear(a, b), style)
        equations.append(f"{result} = {letter} {combine} {graph.letters[p]} = {numbers} = {form}")
        letter = result
    if operator:
        number = style.number(constant)
        numbers = _joined(number, operator, form, style, bracketed and operator == "*")
        equations.append(f"{letter_of_step} = {number} {operator} {letter} = {numbers} = {forms[i]}")
    equations[-1] = f"so {equations[-1]}"
    return style.semicolon.join(equations)


def _joined(left: str, operator: str, right: str, style: TextStyle, bracketed: bool) -> str:
    if bracketed:
        return f"{style.left}{left}{style.right} {operator} {style.left}{right}{style.right}"
    return f"{left} {operator} {right}"


def _equation(graph: Graph, style: TextStyle) -> str:
    form = graph.values[graph.sink]
    number = style.number(graph.told)
    equation = f"{linear(form, style)} = {number}"
    scale, right = style.number(form.a), style.number(graph.told - form.b)
    x = f"{scale}{style.times}x"
    comma, colon, stop = style.comma, style.colon, style.stop
    return (
        f"We know {graph.letters[graph.sink]} = {number}{comma}so we have {equation} "
        f"and we solve it through the following steps{colon}Simplifying the equation{colon}{equation}{stop}"
        f"Move all terms to one side{colon}{linear(Linear(form.a, form.b - graph.told), style)} = 0{stop}"
        f"Isolate the term with x{colon}{x} = {right}{stop}"
        f"Divide both sides by {scale}{colon}x = {right} / {scale}{stop}"
        f"Solution{colon}x = {style.number(graph.answer)}{stop}"
    )
