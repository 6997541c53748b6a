"""A reader and a solver of prompts that knows nothing but their text and what a total is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

Row = dict[str, Fraction]
"""An equation: coefficients by name that sum to zero; the constant under ""."""


@dataclass(frozen=True)
class Definition:
    """`constant operator (parents joined by combine)`; a leaf has no parents, an unknown no constant either."""

    parents: tuple[str, ...]
    combine: str = "+"
    operator: str = ""
    constant: int | None = None

    @property
    def op(self) -> int:
        return max(1, len(self.parents) + bool(self.operator))


@dataclass(frozen=True)
class Text:
    """What a prompt says: definitions by name (implicit totals worked in), the name asked for, what is told."""

    definitions: dict[str, Definition]
    asked: str
    told: tuple[str, int] | None

    @property
    def sink(self) -> str:
        return self.asked if self.told is None else self.told[0]


def read(prompt: str) -> Text:
    """The prompt of any wording."""
    return read_english(prompt) if "number of" in prompt else read_compact(prompt)


def read_compact(prompt: str) -> Text:
    body, _, tail = prompt.partition(" ? ")
    asked, colon = tail.split()
    assert colon == ":"
    definitions: dict[str, Definition] = {}
    told = []
    for said in body.split(" ; "):
        name, _, right = said.partition(" = ")
        assert re.fullmatch("[A-WYZa-wyz]", name)
        if re.fullmatch(r"\d( \d)*", right) and body.count(f"{name} = ") == 2:
            told.append((name, int(right.replace(" ", ""))))
            continue
        assert name not in definitions
        definitions[name] = _compact_expression(right)
    assert len(told) < 2
    return Text(definitions, asked, told[0] if told else None)


def _compact_expression(text: str) -> Definition:
    if text == "x":
        return Definition(())
    match = re.fullmatch(r"(?:(\d(?: \d)*)(?: ([+*]) )?)?(.*)", text)
    assert match
    number, operator, rest = match.groups()
    constant = int(number.replace(" ", "")) if number else None
    if not rest:
        return Definition((), constant=constant)
    bracketed = re.fullmatch(r"\( (.* .*) \)", rest)
    assert bool(bracketed) == (operator == "*" and " " in rest)
    parents = tuple((bracketed[1] if bracketed else rest).split(" - " if " - " in rest else " + "))
    assert all(len(parent) == 1 for parent in parents), text
    return Definition(parents, "-" if " - " in rest else "+", operator or "", constant)


_NAME = r"(?:total )?number of [^,]+? in [^,]+?"


def read_english(prompt: str) -> Text:
    """Names are "number of adult owl in Pine Ridge"; the paper's wording or the one with words apart."""
    text = re.sub(r"</?(?:question|solution)>", "", prompt)
    text = re.sub(r"(?<=\d) (?=\d)", "", re.sub(r" (?=[.,?])", "", text)).strip()
    *sentences, question = re.split(r"(?<=\.) ", text)
    definitions: dict[str, Definition] = {}
    told: tuple[str, int] | None = None
    for sentence in sentences:
        exists = re.fullmatch(rf"The ({_NAME}) exists, and its number is greater than 0\.", sentence)
        equals = re.fullmatch(rf"The ({_NAME}) equals (.*)\.", sentence)
        name = (exists or equals)[1]  # type: ignore[index]
        if name.startswith("total"):
            assert equals and told is None
            told = name, int(equals[2])
            continue
        assert name not in definitions, f"{name} is defined twice"
        definitions[name] = _english_expression(equals[2]) if equals else Definition(())
    several = re.fullmatch(r"How many (.*) does (.*) have\?", question)
    asked = f"number of {several[1]} in {several[2]}" if several else question.removeprefix("What is the ")[:-1]
    mentioned = {parent for d in definitions.values() for parent in d.parents} | {asked}
    if told:
        mentioned.add(told[0])
    for total in mentioned - set(definitions):
        assert total.startswith("total"), f"{total} is not defined"
        place = total.rpartition(" in ")[2]
        definitions[total] = Definition(tuple(n for n in definitions if n.endswith(f" in {place}") and n[0] != "t"))
    return Text(definitions, asked, told)


def _english_expression(text: str) -> Definition:
    match = re.fullmatch(r"(?:(\d+)(?: (plus|times) )?)?(?:the (.*))?", text)
    assert match, text
    number, word, rest = match.groups()
    constant = int(number) if number else None
    if not rest:
        return Definition((), constant=constant)
    operator = {"plus": "+", "times": "*", None: ""}[word]
    if rest.startswith("difference between the "):
        one, other = rest.removeprefix("difference between the ").split(" and the ")
        return Definition((one, other), "-", operator, constant)
    parents = re.split(r",? and the |, the ", rest.removeprefix("sum of the "))
    assert all(re.fullmatch(_NAME, parent) for parent in parents), text
    return Definition(tuple(parents), "+", operator, constant)


def needed(text: Text) -> set[str]:
    """The names that the sink depends on, itself included."""
    found, todo = {text.sink}, [text.sink]
    while todo:
        for parent in text.definitions[todo.pop()].parents:
            if parent not in found:
                found.add(parent)
                todo.append(parent)
    return found


def op(text: Text) -> int:
    """The in-degrees of all that is needed, constants counted."""
    return sum(text.definitions[name].op for name in needed(text))


def solve(text: Text) -> Fraction:
    """The number asked for, by linear algebra; fails where the text contradicts itself or leaves it open."""
    solved: dict[str, Row] = {}
    for row in _equations(text):
        for name in [name for name in row if name in solved]:
            _substitute(row, name, solved[name])
        name = next((name for name, factor in row.items() if name and factor), "")
        if not name:
            assert not row.get("", 0), "the text contradicts itself"
            continue
        factor = row.pop(name)
        expression = {other: -times / factor for other, times in row.items() if times}
        for earlier in solved.values():
            if name in earlier:
                _substitute(earlier, name, expression)
        solved[name] = expression
    answer = solved.get(text.asked, {text.asked: Fraction(1)})
    assert not any(times for name, times in answer.items() if name), f"{text.asked} is left open"
    return answer.get("", Fraction(0))


def _equations(text: Text) -> list[Row]:
    rows: list[Row] = []
    for name, definition in text.definitions.items():
        row: Row = {name: Fraction(-1), "": Fraction(0)}
        constant = definition.constant or 0
        for k, parent in enumerate(definition.parents):
            times = constant if definition.operator == "*" else 1
            row[parent] = row.get(parent, Fraction(0)) + (-times if definition.combine == "-" and k else times)
        if definition.operator != "*":
            row[""] += constant
        if definition.parents or definition.constant is not None:
            rows.append(row)
    if text.told:
        rows.append({text.told[0]: Fraction(-1), "": Fraction(text.told[1])})
    return rows


def _substitute(row: Row, name: str, expression: Row) -> None:
    times = row.pop(name)
    for other, factor in expression.items():
        row[other] = row.get(other, Fraction(0)) + times * factor
