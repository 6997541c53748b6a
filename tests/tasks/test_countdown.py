"""Countdown: the verifier and the search agree with brute force, and every problem can be solved."""

from __future__ import annotations

import ast
import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import partial
from itertools import combinations_with_replacement, permutations, product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewise.core.errors import InputError
from edgewise.tasks import SPLITS, Score, Verdict
from edgewise.tasks.base import MAX_CHARACTERS
from edgewise.tasks.countdown import Countdown, Puzzle, solutions
from edgewise.tasks.countdown.expression import Operation, operations, to_postfix
from edgewise.tasks.countdown.world import WORDS
from tests.bounded import bounded
from tests.tasks.verdicts import all_right, verdict_of

COUNTDOWN = {
    "countdown": Countdown(),
    "countdown as in the paper": Countdown(min_numbers=2, max_numbers=6, largest=100, largest_target=999),
    "countdown, one level": Countdown(min_numbers=4, max_numbers=4),
}

# 12 - 3 = 9 ; 9 * 5 = 45.
PUZZLE = Puzzle((3, 12, 5), (3, 12, 5, 9, 45), ((1, "-", 0), (3, "*", 2)))
GOLD = "1 2 - 3 = 9 ; 9 * 5 = 4 5 ; answer ( 1 2 - 3 ) * 5"
verify = partial(verdict_of, Countdown())
FUNCTIONS = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}


def by_python(text: str) -> ast.expr | None:
    """Python's own reading of an expression without zeros in front; None where it is none of ours."""
    try:
        tree = ast.parse(text.replace(" ", ""), mode="eval").body
    except SyntaxError:
        return None
    nodes = [node for node in ast.walk(tree) if not isinstance(node, ast.operator)]
    allowed = all(
        (isinstance(n, ast.BinOp) and type(n.op) in FUNCTIONS) or (isinstance(n, ast.Constant) and type(n.value) is int)
        for n in nodes
    )
    return tree if allowed else None


def played(tree: ast.expr, done: list[tuple[int, str, int]] | None = None) -> int | None:
    """The value by the rules of the game; `done` collects the operations."""
    if isinstance(tree, ast.Constant):
        assert isinstance(tree.value, int)
        return tree.value
    assert isinstance(tree, ast.BinOp)
    left, right = played(tree.left, done), played(tree.right, done)
    if left is None or right is None:
        return None
    operator = FUNCTIONS[type(tree.op)]
    if done is not None:
        done.append((left, operator, right))
    match operator:
        case "+":
            return left + right
        case "-":
            return left - right if left > right else None
        case "*":
            return left * right
        case _:
            return left // right if right and not left % right else None


def every_expression(numbers: tuple[int, ...]) -> Iterator[str]:
    """All texts with each number once, in every order, with every operator and every bracketing."""
    for order in set(permutations(numbers)):
        yield from bracketed(order)


def bracketed(order: tuple[int, ...]) -> Iterator[str]:
    if len(order) == 1:
        yield str(order[0])
    for cut in range(1, len(order)):
        for left, right, operator in product(bracketed(order[:cut]), bracketed(order[cut:]), "+-*/"):
            yield f"({left}){operator}({right})"


def fingerprint(tree: ast.expr, stand_in: dict[int, int]) -> int:
    """The expression as a function of its numbers, at a random point of a large field.

    With every number used once, two expressions are the same function if and only if one is the
    other with order and brackets changed.
    """
    prime = 2**61 - 1
    if isinstance(tree, ast.Constant):
        assert isinstance(tree.value, int)
        return stand_in[tree.value]
    assert isinstance(tree, ast.BinOp)
    left, right = fingerprint(tree.left, stand_in), fingerprint(tree.right, stand_in)
    match FUNCTIONS[type(tree.op)]:
        case "+":
            return (left + right) % prime
        case "-":
            return (left - right) % prime
        case "*":
            return left * right % prime
        case _:
            return left * pow(right, -1, prime) % prime


def puzzle_of(numbers: tuple[int, ...], target: int) -> Puzzle:
    """A puzzle whose gold steps do not matter."""
    return Puzzle(numbers, (*numbers, target), ())


def by_the_rules(puzzle: Puzzle, text: str) -> tuple[Score, Score]:
    """The marks of a text, worked out another way."""
    *steps, last = re.sub(r"(?<![0-9])0+(?=[0-9])", "", text.replace(" ", "")).split(";")
    tree = by_python(last.removeprefix("answer")) if last.startswith("answer") else None
    if tree is None or text.count("answer") > 1:
        return Score.UNSCORABLE, Score.UNSCORABLE
    used = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    needed: list[tuple[int, str, int]] = []
    if Counter(used) != Counter(puzzle.numbers) or played(tree, needed) != puzzle.target:
        return Score.WRONG, Score.WRONG
    there = list(puzzle.numbers)
    written: list[tuple[int, str, int]] = []
    for step in steps:
        left, _, result = step.partition("=")
        tree = by_python(left)
        if not isinstance(tree, ast.BinOp) or not re.fullmatch(r"\d+\D\d+", left) or not result.isdigit():
            return Score.CORRECT, Score.WRONG
        if played(tree, written) != int(result):
            return Score.CORRECT, Score.WRONG
        for operand in (written[-1][0], written[-1][2]):
            if operand not in there:
                return Score.CORRECT, Score.WRONG
            there.remove(operand)
        there.append(int(result))
    agree = sorted(map(turned, written)) == sorted(map(turned, needed)) and there == [puzzle.target]
    return Score.CORRECT, Score.CORRECT if agree else Score.WRONG


def turned(operation: tuple[int, str, int]) -> tuple[int, str, int]:
    """The operation with the smaller number left, where that is the same."""
    left, operator, right = operation
    return (min(left, right), operator, max(left, right)) if operator in "+*" else operation


def say(*steps: str) -> Verdict:
    return verify(PUZZLE, " ; ".join(steps))


# ---- Reading


@given(st.lists(st.sampled_from(["1", "2 7", "3", "+", "-", "*", "/", "(", ")"]), max_size=12))
@settings(deadline=None, max_examples=200)
def test_expressions_are_read_as_python_reads_them(words: list[str]) -> None:
    text = "".join(words).replace(" ", "")
    tree = by_python(text)
    postfix = to_postfix(text)
    assert (postfix is None) == (tree is None)
    if postfix is not None and tree is not None:
        done: list[tuple[int, str, int]] = []
        value = played(tree, done)
        assert operations(postfix)[0] == value
        assert value is None or operations(postfix)[1] == [Operation.of(*one) for one in done]


@given(st.randoms(use_true_random=False), st.integers(1, 8))
@settings(deadline=None, max_examples=100)
def test_every_well_formed_expression_is_read(source: random.Random, size: int) -> None:
    def write(size: int) -> str:
        text = str(source.randint(1, 30))
        if size > 1:
            cut = source.randrange(1, size)
            text = f"{write(cut)}{source.choice('+-*/')}{write(size - cut)}"
        return f"({text})" if source.random() < 0.4 else text

    text = write(size)
    tree, postfix = by_python(text), to_postfix(text)
    assert tree is not None
    assert postfix is not None
    assert operations(postfix)[0] == played(tree)


# ---- Every expression of small sets


@pytest.mark.parametrize("numbers", [(4, 9), (2, 3, 7), (1, 6, 12), (20, 15, 5), (2, 3, 6, 12)])
def test_verifier_and_search_agree_with_every_expression_of_these_numbers(numbers: tuple[int, ...]) -> None:
    stand_in = {number: random.Random(number).getrandbits(60) for number in numbers}
    values: dict[int, set[int]] = defaultdict(set)
    source = random.Random(0)
    for text in every_expression(numbers):
        tree = by_python(text)
        assert tree is not None
        value = played(tree)
        if value is not None:
            values[value].add(fingerprint(tree, stand_in))
        target = value or source.randint(1, 50)
        if source.random() < 0.3:
            marks = verify(puzzle_of(numbers, target), f"answer {text}").answer
            assert marks is (Score.CORRECT if value == target else Score.WRONG), text
            assert verify(puzzle_of(numbers, target + 1), f"answer {text}").answer is Score.WRONG
    for target in [*values, max(values) + 1]:
        found = solutions(numbers, target)
        assert len(set(found)) == len(found) == len(values[target])
        for text in found:
            assert verify(puzzle_of(numbers, target), f"answer {text}").answer is Score.CORRECT
        trees = [by_python(text) for text in found]
        assert {fingerprint(tree, stand_in) for tree in trees if tree} == values[target]


@given(st.lists(st.integers(1, 12), min_size=2, max_size=3))
@settings(deadline=None, max_examples=20)
def test_equal_numbers_are_one_number_to_the_search(numbers: list[int]) -> None:
    """Whatever can be reached has a solution that is right, and nothing else has any."""
    reached = {played(tree) for text in every_expression(tuple(numbers)) if (tree := by_python(text))}
    for target in range(1, 150):
        found = solutions(tuple(numbers), target)
        assert bool(found) == (target in reached)
        for text in found:
            assert verify(puzzle_of(tuple(numbers), target), f"answer {text}").answer is Score.CORRECT


def test_solutions_by_hand() -> None:
    assert solutions((3, 12, 5), 45) == ("5 * ( 1 2 - 3 )",)
    assert solutions((2, 2), 4) == ("2 * 2", "2 + 2")
    assert solutions((2, 2), 1) == ("2 / 2",)
    assert solutions((5, 3, 8), 6) == ("3 + 8 - 5",)
    assert solutions((7,), 7) == ("7",)
    assert solutions((7,), 8) == ()
    # 5 * ( 5 - 1 / 5 ), the only way with fractions, is none here.
    assert solutions((1, 5, 5, 5), 24) == ()


@pytest.mark.parametrize("numbers", [(), (0, 1), (1,) * 7, (3, -2)])
def test_numbers_that_are_none_are_refused(numbers: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match=r"^numbers: must be 1 to 6 positive numbers, are \("):
        solutions(numbers, 3)


# ---- The problems


@pytest.mark.parametrize("name", COUNTDOWN)
def test_every_problem_is_solved_within_its_bounds(name: str) -> None:
    world = COUNTDOWN[name]
    for index in range(300):
        problem = world.problem("train", 11, index)
        puzzle: Puzzle = problem.gold
        *numbers, target = re.sub(r"(?<=\d) (?=\d)", "", problem.prompt).removeprefix("numbers ").split(" ; ")
        assert target == f"target {puzzle.target} :"
        assert tuple(map(int, numbers)) == puzzle.numbers
        assert len(numbers) == problem.level
        assert all(1 <= number <= world.largest for number in puzzle.numbers)
        assert all(1 <= value <= world.largest_target for value in puzzle.values[problem.level :])
        gold = world.solution(problem)
        assert gold.endswith(f"answer {problem.answer}")
        assert by_the_rules(puzzle, gold) == (Score.CORRECT, Score.CORRECT)
        if index < 60 and problem.level <= 4 and len(set(puzzle.numbers)) == problem.level:
            stand_in = {number: random.Random(number).getrandbits(60) for number in puzzle.numbers}
            found = [by_python(text) for text in solutions(puzzle.numbers, puzzle.target)]
            tree = by_python(problem.answer)
            assert tree
            assert fingerprint(tree, stand_in) in {fingerprint(one, stand_in) for one in found if one}


def test_all_problems_of_a_small_world_are_drawn() -> None:
    """No target that can be reached within the bounds is refused."""
    world = Countdown(min_numbers=2, max_numbers=2, largest=5, largest_target=20)
    possible = {
        (pair, value)
        for pair in combinations_with_replacement(range(1, 6), 2)
        for text in every_expression(pair)
        if (tree := by_python(text)) and (value := played(tree)) and value <= 20
    }
    drawn = set()
    for split in SPLITS:
        for index in range(400):
            puzzle = world.problem(split, 0, index).gold
            drawn.add((tuple(sorted(puzzle.numbers)), puzzle.target))
    assert drawn == possible


def test_a_problem_is_its_numbers_in_any_order_and_its_target() -> None:
    for index in range(50):
        puzzle: Puzzle = Countdown().problem("test", 3, index).gold
        orders = {puzzle_of(order, puzzle.target).identity for order in permutations(puzzle.numbers)}
        assert orders == {puzzle.identity}
        assert puzzle_of(puzzle.numbers, puzzle.target + 1).identity != puzzle.identity
        assert puzzle_of((*puzzle.numbers, 1), puzzle.target).identity != puzzle.identity
        assert puzzle_of((puzzle.numbers[0] + 1, *puzzle.numbers[1:]), puzzle.target).identity != puzzle.identity


def test_needless_brackets_are_not_written() -> None:
    world = COUNTDOWN["countdown as in the paper"]
    for index in range(200):
        problem = world.problem("train", 12, index)
        words = problem.answer.split()
        done: list[tuple[int, str, int]] = []
        tree = by_python(problem.answer)
        assert tree
        played(tree, done)
        for at in (i for i, word in enumerate(words) if word == "("):
            depth, end = 1, at
            while depth:
                end += 1
                depth += {"(": 1, ")": -1}.get(words[end], 0)
            without = by_python(" ".join([*words[:at], *words[at + 1 : end], *words[end + 1 :]]))
            again: list[tuple[int, str, int]] = []
            assert without
            played(without, again)
            assert again != done, problem.answer


# ---- The verifier


@pytest.mark.parametrize("name", COUNTDOWN)
def test_every_single_change_of_a_gold_solution_is_graded_by_the_rules(name: str) -> None:
    world = COUNTDOWN[name]
    seen = Counter[tuple[Score, Score]]()
    for index in range(3):
        problem = world.problem("test", 9, index)
        tokens = world.solution(problem).split()
        for at in range(len(tokens) + 1):
            for word in ("", *WORDS):
                for tail in (tokens[at + 1 :], tokens[at:]):
                    text = " ".join([*tokens[:at], word, *tail])
                    verdict = world.verify(problem, text)
                    assert (verdict.answer, verdict.process) == by_the_rules(problem.gold, text), text
                    assert bool(verdict.reason) == (verdict.process is not Score.CORRECT)
                    seen[verdict.answer, verdict.process] += 1
    assert len(seen) == 4


@pytest.mark.parametrize(
    ("text", "answer", "process", "step", "reason"),
    [
        (GOLD, 1, 1, None, ""),
        ("12-3=9;5*9=45;answer5*(12-3)", 1, 1, None, ""),
        ("1 2 - 0 3 = 0 9 ; 9 * 5 = 4 5 ; answer ( ( 0 1 2 - ( 3 ) ) ) * 5", 1, 1, None, ""),
        ("answer ( 1 2 - 3 ) * 5", 1, 0, 0, "the steps leave 3, 12, 5, not 45"),
        ("1 2 - 3 = 9 ; answer ( 1 2 - 3 ) * 5", 1, 0, 1, "the steps leave 5, 9, not 45"),
        ("1 2 - 3 = 8 ; 8 * 5 = 4 0 ; answer ( 1 2 - 3 ) * 5", 1, 0, 0, "12 - 3 is 9, not 8"),
        ("3 - 1 2 = 9 ; 9 * 5 = 4 5 ; answer ( 1 2 - 3 ) * 5", 1, 0, 0, "3-12 is no positive whole number"),
        ("1 2 / 5 = 2 ; 2 * 3 = 6 ; answer 1 2 / 5 * 3", 0, 0, 0, "12/5 is no positive whole number"),
        ("1 2 - 3 = 9 ; 9 * 9 = 8 1 ; answer ( 1 2 - 3 ) * 5", 1, 0, 1, "9 is not there to be used"),
        ("1 2 + 7 = 1 9 ; answer 1 2 * 3 + 5", 0, 0, 0, "7 is not there to be used"),
        ("1 2 - 3 = 9 ; 9 * 5 = 4 5 ; answer 1 2 * 3 + 5", 0, 0, 2, "answer is 41, not 45"),
        ("1 2 * 3 = 3 6 ; 3 6 + 5 = 4 1 ; answer 1 2 * 3 + 5", 0, 0, 2, "the steps leave 41, not 45"),
        ("1 2 - 3 = 9 ; 9 * 5 = 4 5 ; answer 4 5", 0, 0, 2, "answer uses 45, not each given number once"),
        ("1 2 - 3 = 9 ; 9 * 5 = 4 5 ; answer ( 1 2 - 3 ) * 5 * 5 / 5", 0, 0, 2, "answer uses 12, 3, 5, 5, 5, not each"),
        ("hm ; answer ( 1 2 - 3 ) * 5", 1, 0, 0, "unreadable step hm"),
        ("; answer ( 1 2 - 3 ) * 5", 1, 0, 0, "unreadable step "),
        ("( 1 2 - 3 ) * 5 = 4 5 ; answer ( 1 2 - 3 ) * 5", 1, 0, 0, "unreadable step (12-3)*5=45"),
        ("answer 3 - 1 2 + 5", 0, 0, 0, "the steps leave"),
    ],
)
def test_verdicts_by_hand(text: str, answer: int, process: int, step: int | None, reason: str) -> None:
    verdict = verify(PUZZLE, text)
    assert (verdict.answer, verdict.process, verdict.first_wrong_step) == (Score(answer), Score(process), step)
    assert verdict.reason.startswith(reason)


def test_an_answer_may_be_right_by_other_operations_than_the_steps() -> None:
    puzzle = puzzle_of((2, 2), 4)
    assert verify(puzzle, "2 + 2 = 4 ; answer 2 * 2") == Verdict(
        Score.CORRECT, Score.WRONG, 1, "the answer does not do the steps", "2*2"
    )
    assert verify(puzzle, "2 * 2 = 4 ; answer 2 * 2") == all_right("2*2")


def test_an_answer_without_steps_that_goes_through_a_negative_number_is_wrong() -> None:
    puzzle = puzzle_of((3, 5, 10), 8)
    assert verify(puzzle, "answer 3 + 1 0 - 5").answer is Score.CORRECT
    assert verify(puzzle, "answer 3 - 5 + 1 0").answer is Score.WRONG
    assert "3 - 5 is no positive" in verify(puzzle, "10 - 5 = 5 ; 3 + 5 = 8 ; answer 3 - 5 + 1 0").reason


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no final answer"),
        ("1 2 - 3 = 9 ; 9 * 5 = 4 5", "no final answer"),
        (GOLD + " ;", "no final answer"),
        (GOLD + " ; 1 + 1 = 2", "no final answer"),
        (GOLD + " ; answer ( 1 2 - 3 ) * 5", "more than one answer"),
        (GOLD + " answer", "more than one answer"),
        ("answer", "no expression"),
        ("answer ( 1 2 - 3", "no expression"),
        ("answer 1 2 - 3 )", "no expression"),
        ("answer - 3 + 1 2", "no expression"),
        ("answer 3 ( 1 2 )", "no expression"),
        ("answer ( )", "no expression"),
        ("answer 3 ** 2", "no expression"),
        ("answer 3 . 5", "no expression"),
        ("answer = 4 5", "no expression"),
        ("answer \u0663 + 1 2", "no expression"),
        ("Answer ( 1 2 - 3 ) * 5", "no final answer"),
    ],
)
def test_what_cannot_be_read_is_unscorable(text: str, reason: str) -> None:
    verdict = verify(PUZZLE, text)
    assert verdict == Verdict(Score.UNSCORABLE, Score.UNSCORABLE, None, verdict.reason)
    assert verdict.reason.startswith("unparsable: ")
    assert verdict.reason.endswith(reason)
    assert verify(PUZZLE, GOLD, truncated=True).reason == "truncated"


LONG = 99_000
HOSTILE = {
    "brackets": "answer" + "(" * LONG,
    "pairs of brackets": "answer" + "(" * (LONG // 2) + "3" + ")" * (LONG // 2),
    "digits": "answer" + "9" * LONG,
    "zeros": "answer" + "0" * LONG + "3",
    "numbers": "answer" + "9*" * (LONG // 2) + "9",
    "powers": "answer" + "99999*" * (LONG // 6) + "3",
    "steps": "1*1=1;" * (LONG // 6) + "answer(12-3)*5",
    "empty steps": ";" * LONG + "answer(12-3)*5",
    "a long step": "12-3=" + "9" * LONG + ";answer(12-3)*5",
    "long operands": "1" * (LONG // 2) + "*" + "1" * (LONG // 2) + "=1;answer(12-3)*5",
    "answers": "answer" * (LONG // 6),
    "right but deep": "answer" + "(" * (LONG // 2 - 20) + "(12-3)*5" + ")" * (LONG // 2 - 20),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_time_is_bounded_on_hostile_text(name: str) -> None:
    text = HOSTILE[name]
    assert len(text) <= MAX_CHARACTERS
    with bounded(1):
        verdict = verify(PUZZLE, text)
    assert verdict.process is not Score.CORRECT
    assert 0 < len(verdict.reason) < 200
    assert max(map(len, re.findall(r"[0-9(]+", verdict.reason)), default=0) <= 40


def test_text_over_the_limit_is_not_read_at_all() -> None:
    assert verify(PUZZLE, GOLD.ljust(MAX_CHARACTERS)) == all_right("(12-3)*5")
    assert verify(PUZZLE, GOLD.ljust(MAX_CHARACTERS + 1)).answer is Score.UNSCORABLE


# ---- The knobs


@pytest.mark.parametrize(
    ("knobs", "words"),
    [
        ({"min_numbers": 1}, ("min_numbers", "1")),
        ({"max_numbers": 7}, ("max_numbers", "6")),
        ({"min_numbers": 4, "max_numbers": 3}, ("max_numbers must be at least min_numbers (4), is 3",)),
        ({"largest": 1}, ("largest", "2")),
        ({"largest": 200}, ("largest_target must be at least largest (200), is 100",)),
        ({"operators": "+"}, ("operators",)),
    ],
    ids=str,
)
def test_bad_knobs_are_one_line_that_names_the_field(knobs: dict[str, Any], words: tuple[str, ...]) -> None:
    with pytest.raises(InputError) as error:
        Countdown.parse(knobs, "world.json")
    assert str(error.value).startswith("world.json: ")
    assert "\n" not in str(error.value)
    for word in words:
        assert word in str(error.value)


def test_empty_splits_and_unknown_ones_are_refused() -> None:
    with pytest.raises(InputError, match="split: must be one of"):
        Countdown().problem("dev", 0, 0)  # type: ignore[arg-type]
    world = Countdown(min_numbers=2, max_numbers=2, largest=2, largest_target=2)
    refused = 0
    for split in SPLITS:
        try:
            world.problem(split, 0, 0)
        except InputError as error:
            refused += 1
            assert f"split {split!r} is empty at 2 numbers" in str(error)
    assert refused
