"""A reader and a solver of prompts that knows nothing but their text."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Definition:
    """`name = left operator right`, or `name = left` with operator ""."""

    name: str
    operator: str
    operands: tuple[str, ...]

    @property
    def parents(self) -> tuple[str, ...]:
        return tuple(operand for operand in self.operands if operand.isalpha())


def read(prompt: str) -> tuple[list[Definition], str]:
    """The definitions in the order of the text, and the name that is asked for."""
    body, _, tail = prompt.partition(" ? ")
    query, colon = tail.split()
    assert colon == ":"
    definitions = []
    for part in body.split(" ; "):
        name, equals, *right = part.split()
        assert equals == "="
        operands: tuple[str, ...] = ("".join(right),)
        operator = next((word for word in right if word in "+-*"), "")
        if operator:
            cut = right.index(operator)
            operands = ("".join(right[:cut]), "".join(right[cut + 1 :]))
        assert all(operand.isalpha() or operand.isdigit() for operand in operands)
        definitions.append(Definition(name, operator, operands))
    assert len({d.name for d in definitions}) == len(definitions)
    return definitions, query


def solve(prompt: str, modulus: int) -> int:
    """The value asked for, by filling in whatever can be filled in until it is there."""
    definitions, query = read(prompt)
    values: dict[str, int] = {}
    while query not in values:
        before = len(values)
        for definition in definitions:
            if all(parent in values for parent in definition.parents):
                numbers = [values[o] if o.isalpha() else int(o) for o in definition.operands]
                value = numbers[0]
                if definition.operator == "+":
                    value += numbers[1]
                elif definition.operator == "-":
                    value -= numbers[1]
                elif definition.operator == "*":
                    value *= numbers[1]
                values[definition.name] = value % modulus if modulus else value
        assert len(values) > before, f"{query} cannot be worked out from {prompt}"
    return values[query]


def needed(prompt: str) -> set[str]:
    """The names that the query depends on, itself included."""
    definitions, query = read(prompt)
    of = {d.name: d for d in definitions}
    found, todo = {query}, [query]
    while todo:
        for parent in of[todo.pop()].parents:
            if parent not in found:
                found.add(parent)
                todo.append(parent)
    return found


def expression(prompt: str) -> str:
    """What is asked, written out down to the constants, operands of + and * sorted.

    Two prompts ask the same up to names, order and distractors exactly where these are equal.
    """
    definitions, query = read(prompt)
    of = {d.name: d for d in definitions}

    def written(operand: str) -> str:
        if operand.isdigit():
            return operand
        definition = of[operand]
        parts = [written(o) for o in definition.operands]
        if definition.operator in ("+", "*"):
            parts.sort()
        return f"({definition.operator.join(parts)})"

    return written(query)


def without(prompt: str, names: set[str]) -> str:
    """The prompt with the definitions of `names` struck out."""
    body, _, tail = prompt.partition(" ? ")
    return " ; ".join(part for part in body.split(" ; ") if part.split()[0] not in names) + " ? " + tail
