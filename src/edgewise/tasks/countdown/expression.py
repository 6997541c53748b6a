"""Expressions over positive whole numbers: reading a text, working it out, and listing all that reach a target.

One rule holds everywhere: every operation, as it is written, gives a positive whole number.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import combinations

from edgewise.core.errors import InputError

OPERATORS = "+-*/"
BINDING = {"+": 1, "-": 1, "*": 2, "/": 2}
COMMUTATIVE = frozenset("+*")
MOST_NUMBERS = 6
_TOKEN = re.compile(r"[0-9]+|[-+*/()]")


@dataclass(frozen=True, slots=True)
class Operation:
    """Two numbers and an operator; the smaller number stands left if the operator commutes."""

    left: int
    operator: str
    right: int

    @classmethod
    def of(cls, left: int, operator: str, right: int) -> Operation:
        if operator in COMMUTATIVE and right < left:
            return cls(right, operator, left)
        return cls(left, operator, right)

    def __str__(self) -> str:
        return f"{self.left} {self.operator} {self.right}"


def apply_operator(left: int, operator: str, right: int) -> int | None:
    """The value of one operation on positive numbers; None if it is no positive whole number."""
    match operator:
        case "+":
            return left + right
        case "-":
            return left - right if left > right else None
        case "*":
            return left * right
        case _:
            return left // right if left % right == 0 else None


def to_postfix(text: str) -> list[str] | None:
    """The expression in postfix order, numbers without leading zeros; None if the text is no expression.

    `text` has no spaces. + and - bind less than * and /, and operators of equal rank group from the left. There is no
    recursion, so that a hundred thousand brackets are only a long list.
    """
    tokens = _TOKEN.findall(text)
    if sum(map(len, tokens)) != len(text):
        return None
    postfix: list[str] = []
    waiting: list[str] = []
    operand_next = True
    for token in tokens:
        if operand_next != (token == "(" or token.isdigit()):
            return None
        if token == "(":
            waiting.append(token)
        elif token == ")":
            while waiting and waiting[-1] != "(":
                postfix.append(waiting.pop())
            if not waiting:
                return None
            waiting.pop()
        elif token in BINDING:
            while waiting and waiting[-1] != "(" and BINDING[waiting[-1]] >= BINDING[token]:
                postfix.append(waiting.pop())
            waiting.append(token)
            operand_next = True
        else:
            postfix.append(token.lstrip("0") or "0")
            operand_next = False
    if operand_next or "(" in waiting:
        return None
    return postfix + waiting[::-1]


def operations(postfix: list[str]) -> tuple[int | None, list[Operation]]:
    """The value of an expression of positive numbers and its operations in the order they are done.

    The value is None if the last operation of the list gives no positive whole number.
    """
    values: list[int] = []
    done: list[Operation] = []
    for token in postfix:
        if token not in BINDING:
            values.append(int(token))
            continue
        right, left = values.pop(), values.pop()
        done.append(Operation.of(left, token, right))
        value = apply_operator(left, token, right)
        if value is None:
            return None, done
        values.append(value)
    return values[0], done


def solutions(numbers: tuple[int, ...], target: int) -> tuple[str, ...]:
    """Every different expression of the target that uses each number exactly once, in words, sorted.

    Expressions count as one if they are the same sums and products, however ordered and bracketed: 8 - ( 5 - 3 ),
    8 - 5 + 3 and 3 + 8 - 5 are one expression, which is written with the added (multiplied) terms first. Takes about
    4 ms for 4 numbers, 50 ms for 5 and a second for 6. InputError for no number, more than 6, or one below 1.
    """
    if not 1 <= len(numbers) <= MOST_NUMBERS or min(numbers) < 1:
        raise InputError(f"numbers: must be 1 to {MOST_NUMBERS} positive numbers, are {numbers!r:.80}")

    @cache
    def forms(chosen: tuple[int, ...]) -> frozenset[_Form]:
        if len(chosen) == 1:
            return frozenset({_Form(chosen[0])})
        joined = (
            form
            for left, right in _divisions(chosen)
            for left_form in forms(left)
            for right_form in forms(right)
            for form in _joined(left_form, right_form)
        )
        # Nothing is built on the expressions of all numbers, so only those of the target are kept.
        whole = len(chosen) == len(numbers)
        return frozenset(form for form in joined if not whole or form.value == target)

    return tuple(sorted(form.text() for form in forms(tuple(sorted(numbers))) if form.value == target))


@dataclass(frozen=True, slots=True, order=True)
class _Form:
    """An expression up to order and brackets: a number, or the terms that a sum or product adds and takes away.

    `operator` is "" for a number, + for a sum and * for a product; no sum stands directly in a sum.
    """

    value: int
    operator: str = ""
    added: tuple[_Form, ...] = ()
    taken: tuple[_Form, ...] = ()

    def parts(self, operator: str) -> tuple[tuple[_Form, ...], tuple[_Form, ...]]:
        return (self.added, self.taken) if self.operator == operator else ((self,), ())

    def text(self) -> str:
        # Added terms come first, so that every operation as written gives a positive whole number.
        if not self.operator:
            return " ".join(str(self.value))
        inverse = "-" if self.operator == "+" else "/"
        first, *rest = ((" + " if self.operator == "+" else " * ", form) for form in self.added)
        signed = [*rest, *((f" {inverse} ", form) for form in self.taken)]
        return self._within(first[1]) + "".join(sign + self._within(form) for sign, form in signed)

    def _within(self, form: _Form) -> str:
        return f"( {form.text()} )" if self.operator == "*" and form.operator else form.text()


def _divisions(chosen: tuple[int, ...]) -> Iterator[tuple[tuple[int, ...], tuple[int, ...]]]:
    """Both parts of every way to divide the numbers in two; the first number is always in the first part."""
    places = range(1, len(chosen))
    for size in range(len(chosen) - 1):
        for others in combinations(places, size):
            left = (chosen[0], *(chosen[i] for i in others))
            yield left, tuple(chosen[i] for i in places if i not in others)


def _joined(first: _Form, second: _Form) -> Iterator[_Form]:
    for operator, (left, right) in (
        ("+", (first, second)),
        ("-", (first, second)),
        ("-", (second, first)),
        ("*", (first, second)),
        ("/", (first, second)),
        ("/", (second, first)),
    ):
        value = apply_operator(left.value, operator, right.value)
        if value is None:
            continue
        kind = "+" if operator in "+-" else "*"
        (plus, minus), (again, against) = left.parts(kind), right.parts(kind)
        if operator in "-/":
            again, against = against, again
        yield _Form(value, kind, tuple(sorted(plus + again)), tuple(sorted(minus + against)))
