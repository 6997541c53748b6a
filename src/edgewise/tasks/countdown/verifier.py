"""From the text of a completion to a verdict, against the numbers and the target.

The judge reads `number operator number = number` steps separated by ";" and a last `answer
expression`, and ignores spacing. Any expression is right that uses every given number exactly once
and reaches the target by operations that each give a positive whole number as it is written, however
large (`3 - 5 + 1 0` does not: 3 - 5 is negative; `3 + 1 0 - 5` does). The process is right where,
besides, the steps are the operations of the answer (operands of + and * in either order), each step
uses up two numbers that are there, and the target is all that is left.
"""

from __future__ import annotations

import re
from collections import Counter

from edgewise.tasks.base import Score, Unscorable, Verdict, unscorable
from edgewise.tasks.countdown.expression import Operation, apply, operations, read
from edgewise.tasks.countdown.puzzle import Puzzle

_STEP = re.compile(r"([0-9]+)([-+*/])([0-9]+)=([0-9]+)")
_NUMBER = re.compile(r"[0-9]+")
_ZEROS = re.compile(r"(?<![0-9])0+(?=[0-9])")


def check(puzzle: Puzzle, text: str) -> Verdict:
    """The verdict on any text. See `edgewise.tasks.base.Verdict` for its fields.

    A text that the caller says was cut off is unscorable, as is one that does not end in one
    readable answer. The answer that is `given` keeps its brackets and its order.
    """
    text = re.sub(r"\s+", "", text)
    *steps, last = text.split(";")
    if not last.startswith("answer"):
        return unscorable(Unscorable.NO_FINAL_ANSWER)
    if text.count("answer") > 1:
        return unscorable(Unscorable.SEVERAL_ANSWERS)
    written = last.removeprefix("answer")
    postfix = read(written)
    if postfix is None:
        return unscorable(Unscorable.NO_EXPRESSION)
    fault, needed = _fault(puzzle, postfix)
    wrong, done = _first_wrong_step(puzzle, steps)
    if wrong is None and fault:
        wrong = len(steps), fault
    if wrong is None and Counter(done) != Counter(needed):
        wrong = len(steps), "the answer does not do the steps"
    answer = Score.WRONG if fault else Score.CORRECT
    predicted = _ZEROS.sub("", written)
    if wrong is None:
        return Verdict(answer, Score.CORRECT, predicted=predicted)
    return Verdict(answer, Score.WRONG, *wrong, predicted)


def _fault(puzzle: Puzzle, postfix: list[str]) -> tuple[str, list[Operation]]:
    """What is wrong with the answer ("" for nothing), and its operations."""
    used = [token for token in postfix if _NUMBER.match(token)]
    if Counter(used) != Counter(map(str, puzzle.numbers)):
        return f"answer uses {', '.join(used[:20]):.40}, not each given number once", []
    # Only now are there few enough numbers, each small enough, to calculate with.
    value, done = operations(postfix)
    if value is None:
        return f"{done[-1]!s:.40} is no positive whole number", done
    if value != puzzle.target:
        return f"answer is {value!s:.40}, not {puzzle.target}", done
    return "", done


def _first_wrong_step(puzzle: Puzzle, steps: list[str]) -> tuple[tuple[int, str] | None, list[Operation]]:
    """The first wrong step with the reason (None where all are right), and the operations before it."""
    # Numbers are compared as text: int() of a very long digit string is slow and, past a limit, an error.
    there = Counter(map(str, puzzle.numbers))
    done: list[Operation] = []
    for position, text in enumerate(steps):
        match = _STEP.fullmatch(text)
        if match is None:
            return (position, f"unreadable step {text:.40}"), done
        left, right, result = (match[i].lstrip("0") or "0" for i in (1, 3, 4))
        for number in (left, right):
            if not there[number]:
                return (position, f"{number:.40} is not there to be used"), done
            there[number] -= 1
        value = apply(int(left), match[2], int(right))
        if value is None:
            return (position, f"{text.partition('=')[0]:.40} is no positive whole number"), done
        if result != str(value):
            return (position, f"{left} {match[2]} {right} is {value}, not {result:.40}"), done
        there[result] += 1
        done.append(Operation.of(int(left), match[2], int(right)))
    if list(there.elements()) != [str(puzzle.target)]:
        return (len(steps), f"the steps leave {', '.join(there.elements()):.40}, not {puzzle.target}"), done
    return None, done
