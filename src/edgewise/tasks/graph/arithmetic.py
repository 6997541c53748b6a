"""Evaluate arithmetic as Python would, without running anything: numbers, operators and brackets.

`evaluate_text(text)` is what `float(eval(text))` gives.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable

# An integer beyond this has no float, and working out its powers could take for ever.
_MOST_BITS = 1024
_MOST_DIGITS = 309
_DEEPEST = 200

_PLAIN = re.compile(r"[1-9][0-9]{0,14}")
_TOKEN = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)|(\*\*|//|[-+*/()])|([ \t\f]+)|([\r\n]+)|.", re.DOTALL)
_RANK = {"(": 0, "+": 1, "-": 1, "*": 2, "/": 2, "//": 2, "plus": 3, "minus": 3, "**": 4}
_SIGNS = {"+": "plus", "-": "minus"}

_Number = int | float


def evaluate_text(text: str) -> float | None:
    """The value by Python's rules of precedence.

    None if Python refuses the expression or the result is complex, and if an integer beyond 2^1024 or brackets more
    than 200 deep occur on the way.
    """
    if _PLAIN.fullmatch(text):
        return float(text)
    try:
        return float(_evaluate(text))
    except ArithmeticError:
        return None


class _Refused(ArithmeticError):
    """Not an expression, or too large a number."""


def _evaluate(text: str) -> _Number:
    # Operators wait until one of no higher rank follows; an operator is due after an operand.
    operands: list[_Number] = []
    waiting: list[str] = []
    depth, due = 0, False
    for number, sign, space, line in _TOKEN.findall(text):
        if space or (line and depth):
            continue
        if number and not due:
            operands.append(_number(number))
            due = True
        elif sign == "(" and not due and depth < _DEEPEST:
            waiting.append(sign)
            depth += 1
        elif sign in _SIGNS and not due:
            waiting.append(_SIGNS[sign])
        elif sign == ")" and due and depth:
            _apply(operands, waiting, 1)
            waiting.pop()
            depth -= 1
        elif sign in _BINARY and due:
            # Powers are joined from the right.
            _apply(operands, waiting, _RANK[sign] + (sign == "**"))
            waiting.append(sign)
            due = False
        else:
            raise _Refused
    if not due or depth:
        raise _Refused
    _apply(operands, waiting, 1)
    return operands[0]


def _number(text: str) -> _Number:
    if "." in text:
        return float(text)
    if len(text) > _MOST_DIGITS or (text[0] == "0" and text.strip("0")):
        raise _Refused
    return int(text)


def _apply(operands: list[_Number], waiting: list[str], rank: int) -> None:
    """Work out the operators that wait, back to the last of a lower rank."""
    while waiting and _RANK[waiting[-1]] >= rank:
        sign = waiting.pop()
        last = operands.pop()
        if sign in _SIGNS.values():
            operands.append(-last if sign == "minus" else last)
            continue
        result = _BINARY[sign](operands.pop(), last)
        if isinstance(result, complex) or (isinstance(result, int) and result.bit_length() > _MOST_BITS):
            raise _Refused
        operands.append(result)


def _power(base: _Number, exponent: _Number) -> _Number:
    bits = abs(base).bit_length() - 1 if isinstance(base, int) and isinstance(exponent, int) else 0
    if bits > 0 and bits * exponent > _MOST_BITS:
        raise _Refused
    result: _Number = base**exponent
    return result


_BINARY: dict[str, Callable[[_Number, _Number], _Number]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
    "**": _power,
}
