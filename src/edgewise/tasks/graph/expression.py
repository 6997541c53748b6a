"""Read the expressions of solutions as linear combinations of letters; nothing is ever run as code.

The text has no whitespace, so that digits written apart are one number: "2*r", "(x+3)-(x)", "18/6".
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from edgewise.tasks.graph.graph import Linear

LETTER = "[A-Za-z][0-9]?"
"""What names a quantity: a letter, or a letter and a digit."""

# Longer texts and deeper brackets are not read, so that time and memory are bounded for any text.
_LONGEST = 1000
_DEEPEST = 50

_TOKEN = re.compile(rf"[0-9]+|{LETTER}|.", re.DOTALL)
_MULTIPLE = rf"-?(?:[0-9]+\*)?{LETTER}"
_PLAIN = re.compile(rf"-?[0-9]+|{_MULTIPLE}(?:[+-]-?[0-9]+)?|-?[0-9]+[+-]{_MULTIPLE}")

# Coefficients by letter; that of the number is under "".
_Sum = dict[str, int]
_ONE: _Sum = {"": 1}


class Wrong(Exception):
    """What a solution writes is wrong; the message says why, in one short line."""


class Combination(NamedTuple):
    """number + the sum of coefficient * letter.

    A letter that cancels stays, with coefficient 0, because the text names it. `letter` is the only letter, "" if
    there is none and None if there are several; unless there are several, `form` is the linear form of it. `plain`
    says that nothing remains to be worked out: the text is one number, or one multiple of a letter and at most one
    number.
    """

    number: int
    letters: tuple[tuple[str, int], ...]
    letter: str | None
    form: Linear
    plain: bool


@lru_cache(maxsize=1 << 14)  # the same short segments are written over and over: "2*3", "x+x", "k+B"
def read_combination(text: str) -> Combination:
    """Read a text with + - * / and brackets as a combination; `Wrong` if it is none.

    Products of letters, quotients that are not whole, brackets nested more than 50 deep and texts of more than 1000
    characters are not read: no solution needs them.
    """
    coefficients = _sum(text) if len(text) <= _LONGEST else None
    if coefficients is None:
        raise Wrong(f"cannot read {text:.40}")
    number = coefficients.pop("")
    letters = tuple(coefficients.items())
    plain = _PLAIN.fullmatch(text) is not None
    letter, coefficient = letters[0] if letters else ("", 0)
    return Combination(number, letters, letter if len(letters) < 2 else None, Linear(coefficient, number), plain)


def _sum(text: str) -> _Sum | None:
    # `total` is what has been added up, `product` what comes next with its `sign`; `join` says how an operand
    # joins the product and is "" if an operator comes next. `outer` holds these four for each open bracket.
    outer: list[tuple[_Sum, int, _Sum, str]] = []
    total: _Sum = {"": 0}
    sign, product, join = 1, _ONE, "*"
    for token in _TOKEN.findall(text):
        if not join:
            if token in "*/":
                join = token
                continue
            if token not in "+-)":
                return None
            _add(total, sign, product)
            if token != ")":
                sign, product, join = 1 if token == "+" else -1, _ONE, "*"
                continue
            if not outer:
                return None
            operand = total
            total, sign, product, join = outer.pop()
        elif token == "-":
            sign = -sign
            continue
        elif token == "(":
            if len(outer) == _DEEPEST:
                return None
            outer.append((total, sign, product, join))
            total, sign, product, join = {"": 0}, 1, _ONE, "*"
            continue
        elif "0" <= token[0] <= "9":
            operand = {"": int(token)}
        elif token.isascii() and token[0].isalpha():
            operand = {"": 0, token: 1}
        else:
            return None
        joined = operand if product is _ONE else _joined(product, join, operand)
        if joined is None:
            return None
        product, join = joined, ""
    if join or outer:
        return None
    _add(total, sign, product)
    return total


def _add(total: _Sum, sign: int, product: _Sum) -> None:
    for letter, coefficient in product.items():
        total[letter] = total.get(letter, 0) + sign * coefficient


def _joined(left: _Sum, join: str, right: _Sum) -> _Sum | None:
    if len(right) > 1:
        if join == "/" or len(left) > 1:
            return None
        left, right = right, left
    scale = right[""]
    if join == "/":
        if not scale or any(coefficient % scale for coefficient in left.values()):
            return None
        return {letter: coefficient // scale for letter, coefficient in left.items()}
    return {letter: coefficient * scale for letter, coefficient in left.items()}
