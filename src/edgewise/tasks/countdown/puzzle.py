"""One problem of Countdown: its numbers and target, a way to the target, and the wording.

    numbers 3 ; 1 2 ; 5 ; target 4 5 :                    the prompt
    1 2 - 3 = 9 ; 9 * 5 = 4 5 ; answer ( 1 2 - 3 ) * 5    the solution

Words are separated by single spaces and numbers are written digit by digit.
"""

from __future__ import annotations

import hashlib
import random
import string
from dataclasses import dataclass

from edgewise.tasks.countdown.expression import BINDING, COMMUTATIVE, OPERATORS, apply

WORDS = ("numbers", "target", "answer", ":", ";", "=", *OPERATORS, "(", ")", *string.digits)


@dataclass(frozen=True, slots=True)
class Puzzle:
    """Numbers in the order of the prompt, the target, and one way to it.

    `values` are the numbers and then the result of every step; a step is (left, operator, right)
    with places in `values`. The last value is the target.
    """

    numbers: tuple[int, ...]
    values: tuple[int, ...]
    steps: tuple[tuple[int, str, int], ...]

    @property
    def target(self) -> int:
        return self.values[-1]

    @property
    def identity(self) -> int:
        """A 64-bit hash of what is asked: the numbers in any order, and the target."""
        text = f"{sorted(self.numbers)} {self.target}"
        return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


def draw(source: random.Random, count: int, largest: int, largest_target: int) -> Puzzle:
    """`count` numbers of 1..largest, combined at random until one is left, which is the target.

    Two of what is there are drawn, and one operator of those that give a positive whole number of
    at most `largest_target` (at least `largest`). There always is one: the difference, or the
    quotient of equal numbers. So nothing is drawn in vain.
    """
    values = [source.randrange(largest) + 1 for _ in range(count)]
    pool = list(range(count))
    steps = []
    while len(pool) > 1:
        left = pool.pop(source.randrange(len(pool)))
        right = pool.pop(source.randrange(len(pool)))
        low, high = sorted((values[left], values[right]))
        results = [(operator, apply(high, operator, low)) for operator in OPERATORS]
        operator, value = source.choice([(o, v) for o, v in results if v is not None and v <= largest_target])
        if operator not in COMMUTATIVE and values[left] < values[right]:
            left, right = right, left
        pool.append(len(values))
        values.append(value)
        steps.append((left, operator, right))
    return Puzzle(tuple(values[:count]), tuple(values), tuple(steps))


def prompt(puzzle: Puzzle) -> str:
    return f"numbers {' ; '.join(map(number, puzzle.numbers))} ; target {number(puzzle.target)} :"


def solution(puzzle: Puzzle) -> str:
    """Every step with its value, then the expression."""
    results = puzzle.values[len(puzzle.numbers) :]
    steps = [
        f"{number(puzzle.values[left])} {operator} {number(puzzle.values[right])} = {number(result)}"
        for (left, operator, right), result in zip(puzzle.steps, results, strict=True)
    ]
    return " ; ".join([*steps, f"answer {expression(puzzle)}"])


def expression(puzzle: Puzzle) -> str:
    """All steps as one expression, with no bracket that the order of operations makes needless."""
    # The text of every value and how strongly it binds.
    written = [(number(value), 3) for value in puzzle.numbers]
    for left, operator, right in puzzle.steps:
        binding = BINDING[operator]
        (before, left_binding), (after, right_binding) = written[left], written[right]
        if left_binding < binding:
            before = f"( {before} )"
        if right_binding <= binding:
            after = f"( {after} )"
        written.append((f"{before} {operator} {after}", binding))
    return written[-1][0]


def number(value: int) -> str:
    """A number digit by digit: 12 is "1 2"."""
    return " ".join(str(value))
