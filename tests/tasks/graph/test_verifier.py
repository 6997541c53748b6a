"""The verifier: it accepts every way of writing the right solution and refuses every other, in linear time."""

from __future__ import annotations

import random
import re
from collections import Counter
from functools import partial
from itertools import combinations, islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewise.tasks import Score
from edgewise.tasks.base import MAX_CHARACTERS
from edgewise.tasks.graph import english, paper
from edgewise.tasks.graph.graph import Graph, Linear
from edgewise.tasks.graph.released import read_row
from edgewise.tasks.graph.world import GraphArithmetic
from tests.bounded import bounded
from tests.tasks.graph.mutations import broken, changed_tokens, meaning, other_problems, renamed, steps_of
from tests.tasks.graph.rewriting import another, form
from tests.tasks.graph.rows import GRAPHS, ROWS, Row, all_rows
from tests.tasks.verdicts import all_right, verdict_of

SOLUTIONS = [row["solution"] for row in ROWS]
CASES = st.integers(0, len(ROWS) - 1)
SOURCES = st.integers(0, 2**32).map(random.Random)
FORWARD = next(i for i, row in enumerate(ROWS) if row["mode"] == "normalforward" and row["op"] == 10)
REVERSE = next(i for i, row in enumerate(ROWS) if row["mode"] == "forwardreverse" and row["op"] == 8)
WORLDS = [
    GraphArithmetic(wording="paper", max_op=20),
    GraphArithmetic(max_op=30, constants=30, unknowns=50, largest=5000),
    GraphArithmetic(min_op=30, max_op=36, max_distractors=1),
]

verify = partial(verdict_of, GraphArithmetic())


def process(graph: Graph, text: str) -> bool:
    return verify(graph, text).process_correct


# ---- What may differ


def test_every_gold_solution_is_right_in_every_form() -> None:
    for row, graph in zip(ROWS, GRAPHS, strict=True):
        for text in (
            row["solution"],
            paper.WORDING.solution(graph),
            english.WORDING.solution(graph),
            english.spaced(row["solution"]),
        ):
            assert verify(graph, text) == all_right(graph.answer), text


@pytest.mark.parametrize("world", WORLDS, ids=["paper", "large numbers", "many letters"])
def test_every_gold_solution_of_the_world_is_right(world: GraphArithmetic) -> None:
    for index in range(60):
        problem = world.problem("train", 4, index)
        assert world.verify(problem, world.solution(problem)) == all_right(problem.answer)


@given(CASES, SOURCES, st.integers(0, 4))
@settings(deadline=None, max_examples=250)
def test_order_letters_brackets_and_intermediate_results_are_free(case: int, source: random.Random, extra: int) -> None:
    text = another(GRAPHS[case], source, extra)
    assert verify(GRAPHS[case], text) == all_right(GRAPHS[case].answer), text


@given(CASES, SOURCES)
@settings(deadline=None, max_examples=150)
def test_letters_do_not_matter_right_or_wrong(case: int, source: random.Random) -> None:
    kind, text = source.choice([*islice(changed_tokens(SOLUTIONS[case], source, 1), 40), ("gold", SOLUTIONS[case])])
    new = renamed(text, source, keep="")
    one, other = verify(GRAPHS[case], text), verify(GRAPHS[case], new)
    assert (one.answer, one.process, one.first_wrong_step) == (other.answer, other.process, other.first_wrong_step), (
        kind
    )


@given(CASES, SOURCES)
@settings(deadline=None, max_examples=100)
def test_white_space_does_not_matter(case: int, source: random.Random) -> None:
    text = "".join(source.choice(["", " ", "  ", "\n", "\t", "\u00a0"]) + c for c in SOLUTIONS[case].replace(" ", ""))
    assert verify(GRAPHS[case], text) == verify(GRAPHS[case], text.replace("\n", "")) == all_right(GRAPHS[case].answer)


def test_a_letter_means_what_was_last_said_of_it() -> None:
    graph, text = GRAPHS[FORWARD], SOLUTIONS[FORWARD]
    letters = re.findall(r"Define .*? as (\w);", text)
    # The letter of the first step may be taken again once nothing uses it any more, but no earlier.
    again = re.sub(rf"\b{letters[-1]}\b", letters[0], text)
    assert verify(graph, again) == all_right(graph.answer)
    assert not process(graph, re.sub(rf"\b{letters[1]}\b", letters[0], text))


def test_steps_about_other_quantities_are_free_but_do_not_lend_their_letters() -> None:
    graph, text = GRAPHS[FORWARD], SOLUTIONS[FORWARD]
    extra = "Define blue cows in Pine Ridge as Q; w9 = 5; so Q = 1 + w9 = 77. "
    head, steps, tail = steps_of(text)
    assert verify(graph, f"{extra}{text}") == all_right(graph.answer)
    letter = re.search(r"as (\w);", steps[0])[1]  # type: ignore[index]
    for stolen in (extra.replace("Q", letter), extra.replace("w9", letter)):
        assert not process(graph, head + steps[0] + stolen + "".join(steps[1:]) + tail)


# ---- What may not

CROW = "Define adult crow in Pine Ridge as B; r = k = 3; so B = 2 * r = 2 * 3 = 6."
OWL = "Define adult owl in Pine Ridge as k; so k = 3."
TOTAL = "Define total number of adult animals in Pine Ridge as z; so z = k + B = 3 + 6 = 9. Answer: 9."
ROW: Row = {
    "problem": "The number of adult owl in Pine Ridge equals 3. "
    "The number of adult crow in Pine Ridge equals 2 times the number of adult owl in Pine Ridge. ",
    "question": "What is the total number of adult animals in Pine Ridge?",
    "solution": f"{OWL} {CROW} {TOTAL}",
    "template": "crazy_zootopia",
}


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("r = k = 3;", "r = k = 3; r = r = 3;", "r stands for nothing yet"),
        (
            "crow in Pine Ridge as B; r = k = 3; so B = 2 * r",
            "crow in Pine Ridge as k; so k = 2 * k",
            "k stands for nothing",
        ),
        ("2 * 3 = 6.", "2 * 3 = 6; so B = 2 * r = 6.", "B is worked out twice"),
        ("so B = 2 * r", "so B = k + r", ""),
        ("so B = 2 * r", "so B = 2 * k", ""),
        ("r = k = 3; ", "q = 2; r = k = 3; ", ""),
        ("so B = 2 * r", "so B = 3 + r", "B = 3+r is not what the problem says"),
        ("so B = 2 * r", "so B = r * r", "cannot read r*r"),
        ("so B = 2 * r = 2 * 3", "so B = 2 * r = 2 * k", ""),
        ("so B = 2 * r = 2 * 3", "so B = 2 * r = 2 * r - k + k", ""),
        ("so z = k + B", "so z = k + 6", "z = k+6 is not what the problem says"),
        ("so z = k + B", "so z = k + B + r - r", ""),
        ("so z = k + B", "so z = k + B + w - w", "w stands for nothing yet"),
        ("so k = 3.", "so k = 3. 4.", "cannot read 3.4"),
        ("so k = 3.", "so k = 3, or 4.", "cannot read 3,or4"),
        ("Answer", "We know z = 9. Answer", "there is no equation to solve"),
    ],
)
def test_single_steps(old: str, new: str, reason: str) -> None:
    text = ROW["solution"].replace(old, new)
    assert text != ROW["solution"]
    verdict = verify(read_row(ROW).graph, text)
    assert verdict.process_correct == (not reason)
    assert reason in verdict.reason


def verdict_is_meaning(row: Row, graph: Graph, texts: list[tuple[str, str]]) -> Counter[str]:
    """Asserts that what says the same as the gold solution is right and all else is wrong; counts the former."""
    gold = meaning(row["solution"])
    assert gold is not None
    same: Counter[str] = Counter()
    for kind, text in texts:
        expected = meaning(text) == gold
        assert process(graph, text) == expected, (kind, text, row["solution"])
        same[kind] += expected
    return same


def swapped(text: str) -> list[str]:
    head, steps, tail = steps_of(text)
    found = []
    for i, j in combinations(range(len(steps)), 2):
        new = steps[:]
        new[i], new[j] = new[j], new[i]
        found.append(head + "".join(new) + tail)
    return found


@pytest.mark.parametrize("case", range(len(ROWS)))
def test_one_changed_number_operator_or_letter_is_wrong_unless_it_says_the_same(case: int) -> None:
    source = random.Random(case)
    texts = list(changed_tokens(SOLUTIONS[case], source, 3))
    same = verdict_is_meaning(ROWS[case], GRAPHS[case], source.sample(texts, min(10, len(texts))))
    assert not same["number"]


def test_steps_that_need_each_other_keep_their_order_and_others_need_not() -> None:
    seen: Counter[bool] = Counter()
    for i, solution in enumerate(SOLUTIONS):
        for text in random.Random(i).sample(swaps := swapped(solution), min(6, len(swaps))):
            # A text that uses a letter before it is there has no meaning.
            assert process(GRAPHS[i], text) == (meaning(text) is not None), text
            seen[process(GRAPHS[i], text)] += 1
    assert seen[True] > 10 < seen[False]


def test_no_broken_solution_is_right() -> None:
    count = 0
    for i, graph in enumerate(GRAPHS):
        names = list(paper.quantity_names(graph.setting).values())
        texts = list(broken(SOLUTIONS[i], names, random.Random(i)))
        for kind, text in random.Random(i).sample(texts, min(40, len(texts))):
            assert not process(graph, text), (kind, text)
            assert not process(graph, english.spaced(text)), (kind, text)
            count += 1
    assert count > 1500


def test_the_consistent_solution_of_another_problem_is_wrong() -> None:
    for graph in GRAPHS:
        for _, other in other_problems(graph):
            text = paper.row_solution(other)
            assert not process(graph, text), text
            assert verify(other, text) == all_right(other.answer) or other.unknown is not None


@pytest.mark.slow
def test_every_change_of_every_released_solution_is_wrong_unless_it_says_the_same() -> None:
    count: Counter[str] = Counter()
    for i, row in enumerate(all_rows()):
        graph, source = read_row(row).graph, random.Random(i)
        texts = [*changed_tokens(row["solution"], source, 4)]
        # What is found right must say the same; that nothing which says the same is found wrong is sampled.
        verdict_is_meaning(row, graph, [t for t in texts if process(graph, t[1]) or source.random() < 0.05])
        names = list(paper.quantity_names(graph.setting).values())
        worse = [*broken(row["solution"], names, source)]
        worse += [(kind, paper.row_solution(other)) for kind, other in other_problems(graph)]
        for kind, text in worse:
            assert not process(graph, text), (kind, text)
        count.update(kind for kind, _ in texts + worse)
    assert count.total() > 100_000


def test_the_variable_of_the_equation_is_the_letter_of_the_unknown() -> None:
    graph, (head, known, tail) = GRAPHS[REVERSE], SOLUTIONS[REVERSE].partition(" We know ")
    assert not process(graph, head + known + re.sub(r"\bx\b", "y", tail))
    assert process(graph, re.sub(r"\bx\b", "y9", head + known + tail))
    assert not process(graph, re.sub(r"\bx\b", "y", head) + known + tail)


def test_the_equation_that_is_stated_is_that_of_the_last_quantity() -> None:
    a, b = GRAPHS[REVERSE].values[GRAPHS[REVERSE].sink]
    stated = f"so we have {form(Linear(a, b), 'x', random.Random(0))} = {GRAPHS[REVERSE].told} and"
    text = re.sub("so we have .* and we", f"{stated} we", SOLUTIONS[REVERSE])
    assert process(GRAPHS[REVERSE], text)
    double = f"so we have {2 * a}*x + {2 * b} = {2 * GRAPHS[REVERSE].told} and"
    assert not process(GRAPHS[REVERSE], text.replace(stated, double))


def test_the_unknown_is_never_given_a_number_nor_its_letter_to_another() -> None:
    graph, text = GRAPHS[REVERSE], SOLUTIONS[REVERSE]
    assert paper.LATER in text
    assert not process(graph, text.replace(paper.LATER, f"so x = {graph.answer}"))
    assert not process(
        graph, text.replace(f"{paper.LATER}.", f"{paper.LATER}. Define cows in Pine Ridge as x; so x = 3.")
    )
    for cows in ("as q; x = 3.", "as x; so x = 3."):
        assert not process(graph, text.replace("We know", f"Define cows in Pine Ridge {cows} We know"))
    assert process(graph, text.replace("We know", "Define cows in Pine Ridge as q; so q = 3. We know"))


# ---- Marks, steps, reasons

OWLS = "Define adult owl in Pine Ridge as k; so k = 3. "


@pytest.mark.parametrize(
    ("text", "answer", "reason"),
    [
        ("", Score.UNSCORABLE, "no final answer"),
        ("Define", Score.UNSCORABLE, "no final answer"),
        ("Answer: 3", Score.UNSCORABLE, "no final answer"),
        ("Answer: 3. Answer: 3.", Score.UNSCORABLE, "more than one answer"),
        ("Answer: 3. <answer> 3 </answer>", Score.UNSCORABLE, "more than one answer"),
        ("<answer> 3 </answer> so", Score.UNSCORABLE, "no final answer"),
        ("Answer: 3." + " " * MAX_CHARACTERS, Score.UNSCORABLE, "over"),
        ("Answer: \u0663.", Score.UNSCORABLE, "no final answer"),
        ("Answer: 2 2.", Score.CORRECT, "never worked out"),
        ("Answer: 022.", Score.CORRECT, "never worked out"),
        ("Answer: 2.2.", Score.WRONG, "never worked out"),
        ("Answer: -22.", Score.WRONG, "never worked out"),
        (f"Answer: {'9' * 50_000}.", Score.WRONG, "never worked out"),
        ("It is clear. Answer: 22.", Score.CORRECT, "cannot read"),
    ],
)
def test_what_is_read_and_what_is_not(text: str, answer: Score, reason: str) -> None:
    problem = next(p for i in range(10**6) if (p := WORLDS[0].problem("train", 1, i)).answer == "22")
    verdict = verify(problem.gold, text)
    assert verdict.answer is answer
    assert verdict.process is min(answer, Score.WRONG)
    assert reason in verdict.reason


def test_a_text_that_was_cut_off_is_unscorable_whatever_it_says() -> None:
    assert verify(GRAPHS[0], SOLUTIONS[0], truncated=True).answer is Score.UNSCORABLE


def test_the_first_wrong_step_is_counted_over_the_steps_that_were_written() -> None:
    for case in (FORWARD, REVERSE):
        graph, (head, steps, tail) = GRAPHS[case], steps_of(SOLUTIONS[case])
        for i, step in enumerate(steps):
            wrong = re.sub(r"as (\w);", r"as \1; so it goes;", step)
            verdict = verify(graph, head + "".join([*steps[:i], wrong, *steps[i + 1 :]]) + tail)
            assert verdict.first_wrong_step == i
            dropped = verify(graph, head + "".join(steps[:-1]) + tail)
            assert dropped.first_wrong_step == len(steps) - 1
        wrong_answer = verify(graph, head + "".join(steps) + tail.replace("Answer: ", "Answer: 1"))
        assert wrong_answer.first_wrong_step == len(steps) + (case == REVERSE)
        assert wrong_answer.answer is Score.WRONG


@given(CASES, st.text(max_size=300), SOURCES)
@settings(deadline=None, max_examples=150)
def test_reasons_are_one_short_line(case: int, noise: str, source: random.Random) -> None:
    text = SOLUTIONS[case]
    at = source.randrange(len(text))
    verdict = verify(GRAPHS[case], text[:at] + noise + text[at:])
    assert len(verdict.reason) < 200
    assert "\n" not in verdict.reason
    assert bool(verdict.reason) != verdict.process_correct


HOSTILE = [
    "(" * 50_000,
    "- " * 40_000,
    "k = " + "(k+" * 20_000,
    "k = " + "9" * 90_000,
    "k = " + "9*" * 40_000 + "9",
    "k = " + "99999999999999999999*" * 4_000 + "9",
    "; ".join(f"r = {'9' * 39} * r" for _ in range(2_000)),
    "r = 1; " + "q = r + r; r = q + q; " * 4_000 + "r = r = 1",
    "k" + " = 3" * 24_000,
    "; " * 45_000,
    "a " * 45_000,
    "as k; " * 15_000,
]


@pytest.mark.parametrize("noise", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_is_graded_in_linear_time(noise: str) -> None:
    graph, text = GRAPHS[FORWARD], SOLUTIONS[FORWARD]
    _, steps, tail = steps_of(text)
    for start in (f"{steps[0].partition(';')[0]}; ", "Define ", "We know "):
        with bounded(1):
            verdict = verify(graph, f"{start}{noise}. {tail}"[:MAX_CHARACTERS])
        assert not verdict.process_correct
        assert len(verdict.reason) < 200
