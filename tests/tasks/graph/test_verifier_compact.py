"""The verifier of the compact wording: right solutions in every order and form, and no others."""

from __future__ import annotations

import random
import re
from fractions import Fraction
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewise.tasks import Score, Verdict
from edgewise.tasks.base import MAX_CHARACTERS
from edgewise.tasks.graph import compact
from edgewise.tasks.graph.graph import Graph, Linear, Node, Quantity, evaluate
from edgewise.tasks.graph.world import GraphArithmetic
from tests.bounded import bounded
from tests.tasks.verdicts import all_right, verdict_of

WORLD = GraphArithmetic(wording="compact", max_op=14)
CASES = st.integers(0, 10_000)
SOURCES = st.integers(0, 2**32).map(random.Random)

verify_compact = partial(verdict_of, WORLD)


def graph_of(nodes: tuple[Node, ...], unknown: int | None, answer: int, steps: int) -> Graph:
    return Graph(
        setting="zoo",
        nodes=nodes,
        quantities=tuple(Quantity(i // 5, i % 5) for i in range(len(nodes))),
        values=evaluate(nodes, unknown),
        sink=steps - 1,
        unknown=unknown,
        answer=answer,
        steps=tuple(range(steps)),
        order=tuple(range(len(nodes))),
        letters=tuple("abcdefg"[: len(nodes)]),
    )


# a = 3 ; b = 4 + a ; c = 2 * ( a + b ) ; d = c - b, and e = 2 * a that the question does not need.
FORWARD = graph_of(
    (
        Node((), constant=3),
        Node((0,), "+", "+", 4),
        Node((0, 1), "+", "*", 2),
        Node((2, 1), "-"),
        Node((0,), "+", "*", 2),
    ),
    unknown=None,
    answer=13,
    steps=4,
)
A, B, C, D = "a = 3", "b = 4 + a = 4 + 3 = 7", "c = 2 * ( a + b ) = 2 * ( 3 + 7 ) = 2 0", "d = c - b = 2 0 - 7 = 1 3"
# a = x ; b = 3 + a ; c = a + b, which is 13.
REVERSE = graph_of((Node(()), Node((0,), "+", "+", 3), Node((0, 1))), unknown=0, answer=5, steps=3)
UNKNOWN = ("a = x", "b = 3 + a = 3 + x = x + 3", "c = a + b = x + x + 3 = 2 * x + 3", "2 * x + 3 = 1 3", "x = 5")


def say(graph: Graph, *clauses: str) -> Verdict:
    return verify_compact(graph, " ; ".join(clauses))


def test_gold_solutions_are_right() -> None:
    assert say(FORWARD, A, B, C, D, "answer 1 3") == all_right(13)
    assert say(REVERSE, *UNKNOWN, "answer 5") == all_right(5)
    for index in range(200):
        problem = WORLD.problem("train", 6, index)
        assert verify_compact(problem.gold, WORLD.solution(problem)) == all_right(problem.answer)


@pytest.mark.parametrize(
    "clauses",
    [
        (A, "b = a + 4 = 7", "c = ( b + a ) * 2 = 2 0", D),
        (A, B, "e = 2 * a = 6", C, D),
        (A, B, "e = 9 ", C, D),
        (A, B, "c = 2 * a + 2 * b = 6 + 1 4 = 2 0", D),
        (A, B, "q = a + b = 1 0", "c = 2 * q = 2 0", D),
        (A, B, C, "d = - b + c = 1 3"),
        (A.replace(" ", ""), f"\n{B}\n", C, D),
    ],
)
def test_other_ways_of_writing_are_right(clauses: tuple[str, ...]) -> None:
    assert say(FORWARD, *clauses, "answer 1 3") == all_right(13)


@pytest.mark.parametrize(
    ("clauses", "step", "reason"),
    [
        ((B, A, C, D), 0, "a stands for nothing yet"),
        ((A, B, D), 2, "c stands for nothing yet"),
        ((A, B, C), 3, "d is never worked out"),
        ((A, A, B, C, D), 1, "a is worked out twice"),
        ((A, "b = 4 + 3 = 7", C, D), 1, "not what the problem says"),
        ((A, "b = 4 + a = 4 + 3 = 8", C, D), 1, "8 is not 7"),
        ((A, "b = 4 + a", C, D), 1, "b has no value"),
        ((A, "b = 4 + a = 4 + 3", C, D), 1, "b has no value"),
        ((A, "b = 4 + a + e - e = 7", C, D), 1, "e stands for nothing yet"),
        ((A, "e = 2 * a = 6", "b = 4 + a + e - e = 7", C, D), 2, "not what the problem says"),
        ((A, B, "q = a + b = 1 1", "c = 2 * q = 2 0", D), 2, "11 is not 10"),
        ((A, B, C, "d = b - c = 1 3"), 3, "not what the problem says"),
        ((A, B, C, D, "so it is"), 4, "cannot read soitis"),
        ((A, B, C, D, ""), 4, "cannot read"),
        ((A, "b = 4 + a = 7 = b", C, D), 1, "b stands for nothing yet"),
    ],
)
def test_wrong_steps_are_named(clauses: tuple[str, ...], step: int, reason: str) -> None:
    verdict = say(FORWARD, *clauses, "answer 1 3")
    assert (verdict.answer, verdict.process, verdict.first_wrong_step) == (Score.CORRECT, Score.WRONG, step)
    assert reason in verdict.reason


@pytest.mark.parametrize(
    ("clauses", "reason"),
    [
        (UNKNOWN[:3], "the equation is never stated"),
        (UNKNOWN[:4], "not the solution"),
        ((*UNKNOWN[:3], "x = 5"), "not the equation to solve"),
        ((*UNKNOWN[:3], "2 * x + 3 = 1 4", "x = 5"), "not the equation to solve"),
        ((*UNKNOWN[:3], "2 * x + 4 = 1 4", "x = 5"), "not the equation to solve"),
        ((*UNKNOWN[:4], "x = 6"), "not solved by"),
        ((*UNKNOWN[:4], "2 * x = 1 1", "x = 5"), "not solved by"),
        ((*UNKNOWN[:4], "0 = 0", "x = 5"), "not solved by"),
        ((*UNKNOWN[:4], "x = 1 0 / 2"), "not the solution"),
        ((*UNKNOWN[:4], "5 = x"), "not the solution"),
        (("a = 5", *UNKNOWN[1:]), "cannot read a=5"),
        ((UNKNOWN[0], "b = 3 + a = 8", *UNKNOWN[2:]), "8 is not 1*x + 3"),
        ((UNKNOWN[0], "b = 3 + a = 3 + x = 2 * x + 3", *UNKNOWN[2:]), "is not"),
        (UNKNOWN[1:], "a stands for nothing yet"),
        ((*UNKNOWN[:3], *UNKNOWN[3:], UNKNOWN[2]), "c is worked out twice"),
    ],
)
def test_wrong_equations_are_named(clauses: tuple[str, ...], reason: str) -> None:
    verdict = say(REVERSE, *clauses, "answer 5")
    assert (verdict.answer, verdict.process) == (Score.CORRECT, Score.WRONG)
    assert reason in verdict.reason


def test_further_true_equations_are_free() -> None:
    assert say(REVERSE, *UNKNOWN[:4], "2 * x = 1 0", "x - 5 = 0", "x = 5", "answer 5") == all_right(5)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no final answer"),
        ("answer", "no final answer"),
        ("answer 1 3 ;", "no final answer"),
        ("answer 1 3 ; answer 1 3", "more than one answer"),
        ("answer 1 3" + " " * MAX_CHARACTERS, "over"),
    ],
)
def test_what_cannot_be_read_is_unscorable(text: str, reason: str) -> None:
    verdict = verify_compact(FORWARD, text)
    assert (verdict.answer, verdict.process, verdict.first_wrong_step) == (Score.UNSCORABLE, Score.UNSCORABLE, None)
    assert reason in verdict.reason
    assert verify_compact(FORWARD, "answer 1 3", truncated=True).reason == "truncated"


def test_a_wrong_answer_is_wrong_after_right_steps() -> None:
    verdict = say(FORWARD, A, B, C, D, "answer 1 4")
    assert (verdict.answer, verdict.process, verdict.first_wrong_step) == (Score.WRONG, Score.WRONG, 4)


# ---- Against what a text means, found by other means


def meaning(text: str) -> Any:
    """What the text says of each letter; None where it is untrue or unreadable. See `mutations.meaning`."""
    drawn: dict[str, Fraction] = {}
    found = {"x": Fraction(7_654_321)}
    said: list[Any] = []
    equations: list[Any] = []
    *clauses, answer = text.replace(" ", "").split(";")
    try:
        for clause in clauses:
            head, first, *others = clause.split("=")
            if head == "x" or not re.fullmatch("[A-Za-z]", head):
                (left, right), (more_left, more_right) = (
                    [_value(side, {"x": Fraction(x)}) for side in (head, first)] for x in (0, 1)
                )
                # The equation itself counts as it stands, others by where they hold.
                root = (right - left) / (more_left - left - more_right + right)
                equations.append(root if equations else (left, more_left, right, more_right, root))
                if others:
                    return None
                continue
            if equations or head in found:
                return None
            if first == "x" and not others:
                found[head], drawn["x"] = found["x"], Fraction(random.Random(head).randint(10**6, 10**9))
                said.append((head, "unknown"))
            else:
                combined, number = _value(first, drawn), _value(first, found)
                for other in others:
                    numbers = {*re.findall("[A-Za-z]", other)} <= {"x"}
                    if _value(other, found if numbers else drawn) != (number if numbers else combined):
                        return None
                if not re.fullmatch(r"-?\d+|(\d+[+-])?-?(\d+\*)?x([+-]\d+)?", (first, *others)[-1]):
                    return None
                said.append((head, combined))
                found[head] = number
            drawn[head] = Fraction(random.Random(head).randint(10**6, 10**9))
    except (ArithmeticError, NameError, SyntaxError, TypeError, ValueError):
        return None
    return said, equations, clauses[-1] if equations else "", answer


def _value(expression: str, env: dict[str, Fraction]) -> Fraction:
    assert re.fullmatch(r"[\w +*/()-]*", expression)
    if re.search(r"\*\*|//|(^|[-+*/(])\+", expression):
        raise ValueError("no arithmetic of the format")
    return eval(re.sub(r"\d+", r"Fraction(\g<0>)", expression), {"Fraction": Fraction, **env})  # type: ignore[no-any-return]


@given(CASES, SOURCES)
@settings(deadline=None, max_examples=400)
def test_one_changed_word_is_wrong_unless_it_says_the_same(case: int, source: random.Random) -> None:
    problem = WORLD.problem("train", 7, case % 400)
    tokens = WORLD.solution(problem).split()
    letters = [letter for letter in problem.gold.letters if len(letter) == 1]
    kind = source.choice(["replace", "drop", "double", "swap"])
    i, j = source.randrange(len(tokens)), source.randrange(len(tokens))
    if kind == "replace":
        tokens[i] = source.choice([*letters, *compact.SYMBOLS[:6], *"0123456789"])
    elif kind == "drop":
        del tokens[i]
    elif kind == "double":
        tokens.insert(i, tokens[i])
    else:
        tokens[i], tokens[j] = tokens[j], tokens[i]
    text = " ".join(tokens)
    same = meaning(text) is not None and meaning(text) == meaning(WORLD.solution(problem))
    if verify_compact(problem.gold, text).process_correct != same:
        # Python refuses leading zeros, and the verifier reads nothing of a letter that is not needed.
        assert re.search(r"\b0 \d", text) or {*text.split()} & {*letters[len(problem.gold.steps) :]}, text


@given(CASES, SOURCES)
@settings(deadline=None, max_examples=150)
def test_steps_come_in_any_order_that_has_parents_first(case: int, source: random.Random) -> None:
    problem = WORLD.problem("train", 7, case % 400)
    graph = problem.gold
    tail = 0 if graph.unknown is None else 1 + (graph.values[graph.sink] != Linear(1, 0))
    clauses = WORLD.solution(problem).split(" ; ")
    steps, rest = clauses[: len(clauses) - 1 - tail], clauses[len(clauses) - 1 - tail :]
    node = dict(zip(graph.letters, range(len(graph.nodes)), strict=False))
    source.shuffle(steps)
    order = [node[step.split()[0]] for step in steps]
    in_order = all(order.index(p) < k for k, i in enumerate(order) for p in graph.nodes[i].parents)
    assert verify_compact(graph, " ; ".join([*steps, *rest])).process_correct == in_order


@given(CASES, st.text(max_size=200), SOURCES)
@settings(deadline=None, max_examples=100)
def test_reasons_are_one_short_line(case: int, noise: str, source: random.Random) -> None:
    problem = WORLD.problem("train", 7, case % 400)
    text = WORLD.solution(problem)
    at = source.randrange(len(text))
    verdict = verify_compact(problem.gold, text[:at] + noise + text[at:])
    assert len(verdict.reason) < 200
    assert "\n" not in verdict.reason
    assert bool(verdict.reason) != verdict.process_correct


@pytest.mark.parametrize(
    "noise",
    [
        "(" * 50_000,
        "- " * 40_000,
        "b = " + "9" * 90_000,
        "; " * 45_000,
        "q = a + a ; a = q + q ; " * 4_000,
        "=" * 90_000,
    ],
)
def test_hostile_text_is_graded_in_linear_time(noise: str) -> None:
    for start in (f"{A} ; b = ", f"{A} ; "):
        with bounded(1):
            verdict = verify_compact(FORWARD, f"{start}{noise} ; answer 1 3"[-MAX_CHARACTERS:])
        assert not verdict.process_correct
