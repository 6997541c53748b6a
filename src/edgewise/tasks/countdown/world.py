"""The world of Countdown: its knobs, its wording and its verifier.

    numbers 3 ; 1 2 ; 5 ; target 4 5 :                    the prompt
    1 2 - 3 = 9 ; 9 * 5 = 4 5 ; answer ( 1 2 - 3 ) * 5    the solution

Words are separated by single spaces and numbers are written digit by digit.
"""

from __future__ import annotations

import hashlib
import random
import re
import string
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, Self

from pydantic import Field, model_validator

from edgewise.tasks.base import Problem, Score, Verdict, unscorable
from edgewise.tasks.countdown.expression import (
    BINDING,
    COMMUTATIVE,
    MOST_NUMBERS,
    OPERATORS,
    Operation,
    apply_operator,
    operations,
    to_postfix,
)
from edgewise.tasks.drawn import DrawnWorld, Proposal, Statement
from edgewise.tasks.verdict import Unscorable

WORDS = ("numbers", "target", "answer", ":", ";", "=", *OPERATORS, "(", ")", *string.digits)


@dataclass(frozen=True, slots=True)
class Puzzle:
    """Numbers in the order of the prompt, the target, and one way to it.

    `values` are the numbers and then the result of every step. A step is (left, operator, right), where left and
    right are places in `values`. The last value is the target.
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


class Countdown(DrawnWorld):
    """Reach a target with given numbers, each used exactly once; the level is how many numbers.

    Numbers are 1..`largest`; the target and every result on the gold way to it are 1..`largest_target`. The defaults
    ask for sums and products that a small model can learn by heart. The paper (arXiv 2509.25123, Countdown as a
    transfer target) has 1..100 and 1..999, trains on 2 numbers and evaluates on 3 to 5. A target may equal one of the
    numbers: the others must be used all the same. Targets are as frequent as ways to them, so the common ones have
    many right answers.
    """

    world: Literal["countdown"] = "countdown"
    version: Literal[1] = 1
    min_numbers: int = Field(3, ge=2, description="fewest numbers")
    max_numbers: int = Field(5, le=MOST_NUMBERS, description="most numbers")
    largest: int = Field(20, ge=2, le=1000, description="the largest number")
    largest_target: int = Field(
        100, ge=2, le=10_000, description="the largest target, and result on the gold way to it"
    )

    ranges = (("min_numbers", "max_numbers"),)
    id_knobs = ()
    level_text = "{} numbers"
    remedy = "too few problems; raise largest or the level"

    @model_validator(mode="after")
    def _target_fits(self) -> Self:
        if self.largest_target < self.largest:
            raise ValueError(f"largest_target must be at least largest ({self.largest}), is {self.largest_target}")
        return self

    def words(self) -> tuple[str, ...]:
        return WORDS

    def propose(self, source: random.Random, level: int) -> Iterator[Proposal]:
        while True:
            puzzle = draw_puzzle(source, level, self.largest, self.largest_target)
            yield Proposal(puzzle.identity, puzzle)

    def finish(self, source: random.Random, puzzle: Puzzle) -> Statement:
        numbers = " ; ".join(map(_digits, puzzle.numbers))
        return Statement(f"numbers {numbers} ; target {_digits(puzzle.target)} :", _expression(puzzle), puzzle)

    def solution(self, problem: Problem) -> str:
        """Every step with its value, then the expression."""
        puzzle: Puzzle = problem.gold
        results = puzzle.values[len(puzzle.numbers) :]
        steps = [
            f"{_digits(puzzle.values[left])} {operator} {_digits(puzzle.values[right])} = {_digits(result)}"
            for (left, operator, right), result in zip(puzzle.steps, results, strict=True)
        ]
        return " ; ".join([*steps, f"answer {_expression(puzzle)}"])

    def check(self, problem: Problem, text: str) -> Verdict:
        """A completion is `number operator number = number` steps separated by ";", then `answer expression`.

        Spacing is ignored. An answer is right if it uses every number of the prompt exactly once and reaches the
        target by operations that each give a positive whole number as it is written, however large (`3 - 5 + 1 0`
        does not: 3 - 5 is negative; `3 + 1 0 - 5` does). The process is right if besides the steps are the operations
        of the answer (operands of + and * in either order), each step uses up two numbers that are available, and
        only the target remains. A text that does not end in one readable answer is unscorable. `predicted` keeps the
        brackets and the order of the answer.
        """
        puzzle: Puzzle = problem.gold
        text = re.sub(r"\s+", "", text)
        *steps, last = text.split(";")
        if not last.startswith("answer"):
            return unscorable(Unscorable.NO_FINAL_ANSWER)
        if text.count("answer") > 1:
            return unscorable(Unscorable.SEVERAL_ANSWERS)
        written = last.removeprefix("answer")
        postfix = to_postfix(written)
        if postfix is None:
            return unscorable(Unscorable.NO_EXPRESSION)
        fault, needed = _fault(puzzle, postfix)
        wrong, done = _first_wrong_step(puzzle, steps)
        if wrong is None and fault:
            wrong = len(steps), fault
        if wrong is None and Counter(done) != Counter(needed):
            wrong = len(steps), "the answer does not do the steps"
        answer = Score.WRONG if fault else Score.CORRECT
        predicted = _LEADING_ZEROS.sub("", written)
        if wrong is None:
            return Verdict(answer, Score.CORRECT, predicted=predicted)
        return Verdict(answer, Score.WRONG, *wrong, predicted)

    def steps(self, problem: Problem) -> int:
        """The operations, one fewer than the numbers."""
        return problem.level - 1


def draw_puzzle(source: random.Random, count: int, largest: int, largest_target: int) -> Puzzle:
    """`count` numbers of 1..largest, combined at random until one remains, which is the target.

    Two of the values that are available are drawn, and one operator of those that give a positive whole number of at
    most `largest_target` (at least `largest`). There always is one: the difference, or the quotient of equal numbers.
    """
    values = [source.randrange(largest) + 1 for _ in range(count)]
    pool = list(range(count))
    steps = []
    while len(pool) > 1:
        left = pool.pop(source.randrange(len(pool)))
        right = pool.pop(source.randrange(len(pool)))
        low, high = sorted((values[left], values[right]))
        results = [(operator, apply_operator(high, operator, low)) for operator in OPERATORS]
        operator, value = source.choice([(o, v) for o, v in results if v is not None and v <= largest_target])
        if operator not in COMMUTATIVE and values[left] < values[right]:
            left, right = right, left
        pool.append(len(values))
        values.append(value)
        steps.append((left, operator, right))
    return Puzzle(tuple(values[:count]), tuple(values), tuple(steps))


def _expression(puzzle: Puzzle) -> str:
    """All steps as one expression, without brackets that the order of operations makes needless."""
    # The text of every value and how strongly it binds.
    written = [(_digits(value), 3) for value in puzzle.numbers]
    for left, operator, right in puzzle.steps:
        binding = BINDING[operator]
        (before, left_binding), (after, right_binding) = written[left], written[right]
        if left_binding < binding:
            before = f"( {before} )"
        if right_binding <= binding:
            after = f"( {after} )"
        written.append((f"{before} {operator} {after}", binding))
    return written[-1][0]


def _digits(value: int) -> str:
    """A number digit by digit: 12 is "1 2"."""
    return " ".join(str(value))


_STEP = re.compile(r"([0-9]+)([-+*/])([0-9]+)=([0-9]+)")
_NUMBER = re.compile(r"[0-9]+")
_LEADING_ZEROS = re.compile(r"(?<![0-9])0+(?=[0-9])")


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
    """The first wrong step with the reason (None if all are right), and the operations before it."""
    # Numbers are compared as text: int() of a very long digit string is slow and, past a limit, an error.
    available = Counter(map(str, puzzle.numbers))
    done: list[Operation] = []
    for position, text in enumerate(steps):
        match = _STEP.fullmatch(text)
        if match is None:
            return (position, f"unreadable step {text:.40}"), done
        left, right, result = (match[i].lstrip("0") or "0" for i in (1, 3, 4))
        for number in (left, right):
            if not available[number]:
                return (position, f"{number:.40} is not there to be used"), done
            available[number] -= 1
        value = apply_operator(int(left), match[2], int(right))
        if value is None:
            return (position, f"{text.partition('=')[0]:.40} is no positive whole number"), done
        if result != str(value):
            return (position, f"{left} {match[2]} {right} is {value}, not {result:.40}"), done
        available[result] += 1
        done.append(Operation.of(int(left), match[2], int(right)))
    if list(available.elements()) != [str(puzzle.target)]:
        return (len(steps), f"the steps leave {', '.join(available.elements()):.40}, not {puzzle.target}"), done
    return None, done
