"""The verifier: it accepts every way of writing the right solution and nothing else, in linear time."""

from __future__ import annotations

import random
import re
from dataclasses import replace
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewise.tasks import ModularArithmetic, Problem, Score, Verdict
from edgewise.tasks.base import MAX_CHARACTERS
from edgewise.tasks.modular import ModularGraph, ModularNode, Operand
from edgewise.tasks.modular.graph import LETTERS, digits
from tests.bounded import bounded
from tests.tasks.modular.worlds import MODULAR
from tests.tasks.verdicts import all_right, verdict_of

CASES = st.tuples(st.sampled_from(list(MODULAR)), st.integers(0, 200))
SOURCES = st.randoms(use_true_random=False)

# p = 3 ; q = p + 2 = 5 ; r = q - 4 = 1 ; s = q * r = 5 ; t = s - p = 2, modulo 7, with the
# distractors u = q * 2 = 3 and v = 6.
NODES = (
    ModularNode("", (Operand(False, 3),)),
    ModularNode("+", (Operand(True, 0), Operand(False, 2))),
    ModularNode("-", (Operand(True, 1), Operand(False, 4))),
    ModularNode("*", (Operand(True, 1), Operand(True, 2))),
    ModularNode("-", (Operand(True, 3), Operand(True, 0))),
    ModularNode("*", (Operand(True, 1), Operand(False, 2))),
    ModularNode("", (Operand(False, 6),)),
)
GRAPH = ModularGraph(NODES, (3, 5, 1, 5, 2, 3, 6), 4, tuple("pqrstuv"), tuple(range(7)), 7)
P, Q, R, S, T = (
    "p = 3",
    "q = p + 2 = 3 + 2 = 5",
    "r = q - 4 = 5 - 4 = 1",
    "s = q * r = 5 * 1 = 5",
    "t = s - p = 5 - 3 = 2",
)
U, V = "u = q * 2 = 5 * 2 = 3", "v = 6"
GOLD = (P, Q, R, S, T, "answer 2")

verify = partial(verdict_of, ModularArithmetic())


def say(*steps: str) -> Verdict:
    return verify(GRAPH, " ; ".join(steps))


def problem_of(case: tuple[str, int]) -> tuple[Problem, ModularGraph, str]:
    world, index = MODULAR[case[0]], case[1]
    problem = world.problem("train", 8, index)
    return problem, problem.gold, world.solution(problem)


def marks(verdict: Verdict) -> tuple[Score, Score, int | None]:
    return verdict.answer, verdict.process, verdict.first_wrong_step


def mutated(text: str, words: tuple[str, ...], source: random.Random) -> str:
    """The text with one word replaced, or as it is."""
    tokens = text.split()
    if source.random() < 0.7:
        tokens[source.randrange(len(tokens))] = source.choice(words)
    return " ".join(tokens)


def test_the_graph_of_this_file_is_what_its_comment_says() -> None:
    assert GRAPH.solution() == " ; ".join(GOLD)
    assert [GRAPH.step(i) for i in (5, 6)] == [U, V]
    assert say(*GOLD) == all_right(2)


# ---- What may differ


@given(CASES, SOURCES)
@settings(deadline=None, max_examples=100)
def test_names_do_not_matter(case: tuple[str, int], source: random.Random) -> None:
    _, graph, gold = problem_of(case)
    text = mutated(gold, MODULAR[case[0]].words(), source)
    new = dict(zip(LETTERS, source.sample(LETTERS, len(LETTERS)), strict=True))
    renamed = replace(graph, names=tuple(new[name] for name in graph.names))
    written = " ".join(new.get(token, token) for token in text.split())
    assert marks(verify(renamed, written)) == marks(verify(graph, text))
    assert verify(renamed, renamed.solution()) == all_right(renamed.values[renamed.query])


@given(CASES, SOURCES)
@settings(deadline=None, max_examples=100)
def test_spacing_does_not_matter(case: tuple[str, int], source: random.Random) -> None:
    _, graph, gold = problem_of(case)
    text = mutated(gold, MODULAR[case[0]].words(), source)
    bare = text.replace(" ", "")
    loose = "".join(character + source.choice(["", "", " ", "  ", "\n", "\t", "\u00a0"]) for character in bare)
    assert verify(graph, bare) == verify(graph, loose) == verify(graph, f"\n {text}\n") == verify(graph, text)


@given(CASES, SOURCES)
@settings(deadline=None, max_examples=100)
def test_any_order_in_which_parents_come_first_is_right(case: tuple[str, int], source: random.Random) -> None:
    _, graph, gold = problem_of(case)
    order: list[int] = []
    while len(order) < len(graph.necessary()):
        free = [i for i in graph.necessary() if i not in order and set(graph.nodes[i].parents) <= set(order)]
        order.append(source.choice(free))
    steps = [graph.step(i) for i in order]
    assert verify(graph, " ; ".join([*steps, gold.split(" ; ")[-1]])) == all_right(graph.values[graph.query])


@given(CASES, SOURCES)
@settings(deadline=None, max_examples=100)
def test_any_other_order_is_wrong_at_the_step_that_comes_too_early(
    case: tuple[str, int], source: random.Random
) -> None:
    _, graph, gold = problem_of(case)
    order = source.sample(graph.necessary(), len(graph.necessary()))
    early = [at for at, i in enumerate(order) if not set(graph.nodes[i].parents) <= set(order[:at])]
    verdict = verify(graph, " ; ".join([*(graph.step(i) for i in order), gold.split(" ; ")[-1]]))
    assert verdict.answer is Score.CORRECT
    assert verdict.first_wrong_step == (early[0] if early else None)
    assert verdict.process is (Score.WRONG if early else Score.CORRECT)


@given(CASES, SOURCES)
@settings(deadline=None, max_examples=100)
def test_operands_of_plus_and_times_may_be_turned_and_of_minus_not(
    case: tuple[str, int], source: random.Random
) -> None:
    _, graph, gold = problem_of(case)

    def turned(index: int) -> str:
        node = graph.nodes[index]
        other = replace(
            graph,
            nodes=(*graph.nodes[:index], ModularNode(node.operator, node.operands[::-1]), *graph.nodes[index + 1 :]),
        )
        return other.step(index)

    needed = graph.necessary()
    steps = [graph.step(i) for i in needed]
    for at, i in enumerate(needed):
        if graph.nodes[i].operator in ("+", "*") and source.random() < 0.5:
            steps[at] = turned(i)
    answer = gold.split(" ; ")[-1]
    assert verify(graph, " ; ".join([*steps, answer])) == all_right(graph.values[graph.query])
    for at, i in enumerate(needed):
        if graph.nodes[i].operator == "-":
            verdict = verify(graph, " ; ".join([*steps[:at], turned(i), *steps[at + 1 :], answer]))
            assert marks(verdict) == (Score.CORRECT, Score.WRONG, at)


@given(CASES, SOURCES)
@settings(deadline=None, max_examples=60)
def test_distractors_worked_out_are_accepted(case: tuple[str, int], source: random.Random) -> None:
    _, graph, gold = problem_of(case)
    order = [i for i in range(len(graph.nodes)) if i in graph.necessary() or source.random() < 0.7]
    assert verify(graph, " ; ".join([*(graph.step(i) for i in order), gold.split(" ; ")[-1]])) == all_right(
        graph.values[graph.query]
    )


@pytest.mark.parametrize(
    "steps",
    [
        (P, Q, U, R, V, S, T, "answer 2"),
        (V, *GOLD),
        (P, "q = p + 2 = 5", "r = q - 4 = 1", "s = q * r = 5", "t = s - p = 2", "answer 2"),
        ("p = 3 = 3", *GOLD[1:]),
        (P, "q = 2 + p = 2 + 3 = 5", *GOLD[2:]),
        (P, Q, R, "s = r * q = 1 * 5 = 5", T, "answer 2"),
        ("p = 0 0 3", "q = p + 0 2 = 0 3 + 2 = 0 0 5", *GOLD[2:-1], "answer 0 2"),
    ],
    ids=[
        "a distractor",
        "one at the start",
        "no numbers",
        "a leaf's value",
        "turned",
        "turned parents",
        "leading zeros",
    ],
)
def test_other_right_solutions(steps: tuple[str, ...]) -> None:
    assert say(*steps) == all_right(2)


# ---- What may not differ


@pytest.mark.parametrize(
    ("steps", "first", "reason"),
    [
        ((P, "q = p + 2 = 3 + 2 = 6", *GOLD[2:]), 1, "q is 5"),
        ((P, "q = p + 2 = 6", *GOLD[2:]), 1, "q is 5"),
        ((P, "q = p + 2 = 3 + 2", *GOLD[2:]), 1, "q is 5"),
        ((P, "q = p + 2", *GOLD[2:]), 1, "q is 5"),
        ((P, "q = p + 2 = 3 + 2 = - 5", *GOLD[2:]), 1, "q is 5"),
        (("p = 3 = 4", *GOLD[1:]), 0, "p is 3"),
        (("p = 3 = 1 + 2 = 3", *GOLD[1:]), 0, "p is 3"),
        (("p = 4", *GOLD[1:]), 0, "p is not defined"),
        ((P, Q, R, "s = q * p = 5 * 3 = 1", T, "answer 2"), 3, "s is not defined"),
        ((P, Q, R, "s = q * u = 5 * 3 = 1", T, "answer 2"), 3, "s is not defined"),
        ((P, Q, R, "s = q * 1 = 5 * 1 = 5", T, "answer 2"), 3, "s is not defined"),
        ((P, Q, R, "s = q = 5", T, "answer 2"), 3, "s is not defined"),
        ((P, Q, R, "s = q + r = 5 + 1 = 6", T, "answer 2"), 3, "s is not defined"),
        ((P, Q, "r = q + 4 = 5 + 4 = 2", S, T, "answer 2"), 2, "r is not defined"),
        ((P, Q, "r = 4 - q = 4 - 5 = 6", S, T, "answer 2"), 2, "r is not defined"),
        ((P, "q = p + 3 = 3 + 3 = 6", *GOLD[2:]), 1, "q is not defined"),
        ((P, "q = p + 2 = 4 + 2 = 5", *GOLD[2:]), 1, "q is 5"),
        ((P, "q = p + 2 = 3 + 1 = 5", *GOLD[2:]), 1, "q is 5"),
        ((P, "q = p + 2 = 2 + 3 = 5", *GOLD[2:]), 1, "q is 5"),
        ((P, "q = p + 2 = 3 - 2 = 5", *GOLD[2:]), 1, "q is 5"),
        ((P, Q, R, "s = q * r = 1 * 5 = 5", T, "answer 2"), 3, "s is 5"),
        ((P, Q, S, R, T, "answer 2"), 2, "s uses r before"),
        ((Q, P, R, S, T, "answer 2"), 0, "q uses p before"),
        ((P, Q, S, T, "answer 2"), 2, "s uses r before"),
        ((Q, R, S, T, "answer 2"), 0, "q uses p before"),
        ((P, Q, R, S, "answer 2"), 4, "t is never worked out"),
        (("answer 2",), 0, "p is never worked out"),
        ((P, Q, R, R, S, T, "answer 2"), 3, "r is worked out twice"),
        ((*GOLD[:-1], P, "answer 2"), 5, "p is worked out twice"),
        ((P, Q, "", R, S, T, "answer 2"), 2, "unreadable"),
        ((P, Q, "r equals 1", S, T, "answer 2"), 2, "unreadable"),
        ((P, Q, R, S, T, "answer 5", "answer 2"), 5, "unreadable"),
        ((P, "q = p + 2 = 4 + 2 = 6", "r = q + 4 = 1", S, T, "answer 2"), 1, "q is 5"),
        ((P, "q = p + 2 = 3 + 2 = 5 = 5", *GOLD[2:]), 1, "unreadable"),
        ((P, "q = p + 1 + 1 = 5", *GOLD[2:]), 1, "unreadable"),
    ],
)
def test_a_wrong_step_is_found_and_the_right_answer_still_counts(
    steps: tuple[str, ...], first: int, reason: str
) -> None:
    verdict = say(*steps)
    assert marks(verdict) == (Score.CORRECT, Score.WRONG, first)
    assert verdict.reason.startswith(reason)


def test_a_wrong_answer_after_right_steps_is_wrong_at_the_answer() -> None:
    for answer in ("3", "- 2", "2 2", "1 2", "9"):
        verdict = say(*GOLD[:-1], f"answer {answer}")
        assert marks(verdict) == (Score.WRONG, Score.WRONG, 5)
        assert verdict.reason.startswith("answer is 2")
    assert marks(say(P, "q = p + 2 = 6", *GOLD[2:-1], "answer 3")) == (Score.WRONG, Score.WRONG, 1)


def test_a_distractor_stands_in_for_nothing() -> None:
    assert marks(say(P, Q, R, U, T, "answer 2")) == (Score.CORRECT, Score.WRONG, 4)
    assert marks(say(P, Q, R, U, V, S, "answer 2")) == (Score.CORRECT, Score.WRONG, 6)


@pytest.mark.parametrize("name", MODULAR)
def test_every_change_of_one_token_is_refused(name: str) -> None:
    """Replaced, left out, put in: only a zero before a number changes nothing."""
    world = MODULAR[name]
    for index in range(2):
        problem = world.problem("train", 9, index)
        tokens = world.solution(problem).split()
        # Of the letters that the problem does not use, one is as good as another.
        unused = [word for word in world.words() if word not in problem.prompt.split() and word in LETTERS]
        words = [word for word in world.words() if word not in unused[1:]]
        for at in range(len(tokens) + 1):
            head, tail = tokens[:at], tokens[at + 1 :]
            changed = [(head, word, tail) for word in words if at < len(tokens) and word != tokens[at]]
            changed += [(head, "", tail)] if at < len(tokens) else []
            changed += [(head, word, tokens[at:]) for word in words]
            for before, word, after in changed:
                text = " ".join([*before, word, *after])
                same = bare(text) == bare(" ".join(tokens))
                verdict = world.verify(problem, text)
                assert (verdict.process is Score.CORRECT) == same, f"{text} for {problem.prompt}"
                if before and before[-1] == "answer" and word.isdigit() and not same:
                    assert verdict.answer is not Score.CORRECT


def bare(text: str) -> str:
    """The text without spaces and without zeros before a number."""
    return re.sub(r"(?<![0-9])0+(?=[0-9])", "", text.replace(" ", ""))


@pytest.mark.parametrize("name", MODULAR)
def test_every_single_wrong_number_is_found_where_it_stands(name: str) -> None:
    """Each number of each step off by one, the rest as it was."""
    world = MODULAR[name]
    for index in range(10):
        problem = world.problem("test", 9, index)
        steps = world.solution(problem).split(" ; ")
        for at, step in enumerate(steps):
            parts = step.split(" = ") if at < len(steps) - 1 else step.split(" ", 1)
            value = int(parts[-1].replace(" ", ""))
            off = (" = " if at < len(steps) - 1 else " ").join([*parts[:-1], digits(value + 1)])
            verdict = world.verify(problem, " ; ".join([*steps[:at], off, *steps[at + 1 :]]))
            assert verdict.process is Score.WRONG
            assert verdict.first_wrong_step == at
            assert verdict.answer is (Score.CORRECT if at < len(steps) - 1 else Score.WRONG)


# ---- What cannot be read


@pytest.mark.parametrize("truncated", [True, False])
def test_cut_off_and_unreadable_are_told_apart(truncated: bool) -> None:
    tokens = " ; ".join(GOLD).split()
    for length in range(len(tokens)):
        verdict = verify(GRAPH, " ".join(tokens[:length]), truncated=truncated)
        assert marks(verdict) == (Score.UNSCORABLE, Score.UNSCORABLE, None)
        assert (verdict.reason == "truncated") == truncated
        assert verdict.reason.startswith("unparsable") != truncated
    # What was cut off after a digit may have been on its way to another one.
    whole = verify(GRAPH, " ".join(tokens), truncated=truncated)
    assert whole == (Verdict(Score.UNSCORABLE, Score.UNSCORABLE, None, "truncated") if truncated else all_right(2))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2",
        "answer",
        "answer -",
        "answer t",
        "answer 2 ;",
        "answer 2 . 0",
        "answer + 2",
        "the answer 2",
        " ; ".join([*GOLD, P]),
        " ; ".join(GOLD) + " !",
        " ; ".join(GOLD[:-1]),
        "Answer 2",
    ],
)
def test_without_a_final_answer_nothing_is_scored(text: str) -> None:
    verdict = verify(GRAPH, text)
    assert marks(verdict) == (Score.UNSCORABLE, Score.UNSCORABLE, None)
    assert verdict.reason == "unparsable: no final answer"


def test_digits_of_other_scripts_are_no_numbers() -> None:
    assert verify(GRAPH, " ; ".join([*GOLD[:-1], "answer \u0662"])).answer is not Score.CORRECT
    assert verify(GRAPH, " ; ".join(["p = \u0663", *GOLD[1:]])).process is not Score.CORRECT
    assert verify(GRAPH, " ; ".join(["p = \uff13", *GOLD[1:]])).process is not Score.CORRECT


# ---- Hostile text

LONG = 99_000
HOSTILE = {
    "digits": "p=" + "1" * LONG,
    "two digit strings": "p=" + "1" * (LONG // 2) + "+" + "2" * (LONG // 2) + "x",
    "every group": "q=p+2"
    + ("=" + "1" * (LONG // 3) + "+" + "2" * (LONG // 3) + "=" + "3" * (LONG // 3))
    + "x;answer2",
    "operators": "p=1" + "+1" * (LONG // 2) + ";answer2",
    "equals": "p" + "=1" * (LONG // 2) + ";answer2",
    "signs": "q=p+2=" + "-" * LONG + ";answer2",
    "semicolons": ";" * LONG,
    "empty steps": ";" * (LONG - 10) + "answer2",
    "spaces": " " * LONG,
    "spaced": "p = 3 " + " \n" * (LONG // 2) + "; answer 2",
    "a long answer": "answer" + "2" * LONG,
    "a long negative answer": "answer-" + "0" * LONG,
    "answers": "answer2" * (LONG // 7),
    "doubled": "p=3;" * (LONG // 4) + "answer2",
    "distractors": "v=6;" * (LONG // 4) + "answer2",
    "unknown names": "z=z;" * (LONG // 4) + "answer2",
    "letters": "p" * LONG,
    "braces": "{}%s" * (LONG // 4) + ";answer2",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_time_is_bounded_on_hostile_text(name: str) -> None:
    text = HOSTILE[name]
    assert len(text) <= MAX_CHARACTERS
    with bounded(1):
        verdict = verify(GRAPH, text)
    assert verdict.process is not Score.CORRECT
    assert len(verdict.reason) < 100


def test_text_over_the_limit_is_not_read_at_all() -> None:
    gold = " ; ".join(GOLD)
    assert verify(GRAPH, gold.ljust(MAX_CHARACTERS)) == all_right(2)
    with bounded(1):
        for text in (gold.ljust(MAX_CHARACTERS + 1), "1" * 10_000_000):
            assert marks(verify(GRAPH, text)) == (Score.UNSCORABLE, Score.UNSCORABLE, None)


def test_leading_zeros_without_end_are_only_zeros() -> None:
    """Longer than the 4300 digits that Python turns into a number."""
    zeros = "0" * 5_000
    assert say(
        f"p = {zeros}3", f"q = p + {zeros}2 = {zeros}3 + 2 = {zeros}5", *GOLD[2:-1], f"answer {zeros}2"
    ) == all_right(2)
    assert marks(say(P, f"q = p + {zeros}3 = 5", *GOLD[2:])) == (Score.CORRECT, Score.WRONG, 1)
    assert say(*GOLD[:-1], "answer " + "2" * 20_000).answer is Score.WRONG


def test_zero_has_no_sign() -> None:
    """Minus zero is not how a value is written; accepting it would make two texts of one number."""
    graph = ModularGraph(
        (ModularNode("", (Operand(False, 3),)), ModularNode("-", (Operand(True, 0), Operand(False, 3)))),
        (3, 0),
        1,
        ("a", "b"),
        (0, 1),
        0,
    )
    assert verify(graph, "a = 3 ; b = a - 3 = 3 - 3 = 0 ; answer 0") == all_right(0)
    assert verify(graph, "a = 3 ; b = a - 3 = 3 - 3 = 0 ; answer - 0").answer is Score.WRONG


def test_negative_numbers_are_substituted_with_their_sign() -> None:
    graph = ModularGraph(
        (
            ModularNode("", (Operand(False, 3),)),
            ModularNode("-", (Operand(True, 0), Operand(False, 8))),
            ModularNode("-", (Operand(True, 0), Operand(True, 1))),
        ),
        (3, -5, 8),
        2,
        ("a", "b", "c"),
        (0, 1, 2),
        0,
    )
    gold = "a = 3 ; b = a - 8 = 3 - 8 = - 5 ; c = a - b = 3 - - 5 = 8 ; answer 8"
    assert graph.solution() == gold
    assert verify(graph, gold) == all_right(8)
    assert verify(graph, gold.replace("- - 5", "- 5")).first_wrong_step == 2
    assert verify(graph, gold.replace("= - 5 ;", "= 5 ;")).first_wrong_step == 1


def test_the_world_verifies_by_the_graph_of_the_problem() -> None:
    world = ModularArithmetic()
    problem = world.problem("train", 0, 0)
    gold = world.solution(problem)
    assert world.verify(problem, gold) == verify(problem.gold, gold) == all_right(problem.answer)
    assert world.verify(problem, "a", truncated=True).reason == "truncated"
