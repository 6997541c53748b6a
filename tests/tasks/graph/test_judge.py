"""The verified judge: it accepts every way of writing the right solution and refuses every other, in linear time."""

from __future__ import annotations

import random
import re
import time
from collections import Counter
from fractions import Fraction
from itertools import combinations, islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewise.tasks import Mark, Verdict
from edgewise.tasks.graph import english, paper
from edgewise.tasks.graph.expression import Wrong, read
from edgewise.tasks.graph.graph import Graph, Linear
from edgewise.tasks.graph.judge import MAX_CHARACTERS, judge
from edgewise.tasks.graph.released import read_row
from edgewise.tasks.graph.world import GraphArithmetic
from tests.tasks.graph.mutations import broken, changed_tokens, meaning, other_problems, renamed, steps_of
from tests.tasks.graph.rows import GRAPHS, ROWS, Row, all_rows

RIGHT = Verdict(Mark.CORRECT, Mark.CORRECT)
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


def process(graph: Graph, text: str) -> bool:
    return judge(graph, text).process_correct


# ---- What may differ


def another(graph: Graph, source: random.Random, extra: int = 0) -> str:
    """A right solution in other words than the gold one: another order of steps and terms, other letters (also for
    the unknown), intermediate results or none, values with or without the numbers that lead to them."""
    letters = iter(source.sample([a + b for a in "abcdefghijklmnopqrstuvwxyzABCDEFGHIJ" for b in ("", "1", "7")], 100))
    x = next(letters)
    name = paper.names(graph.setting)
    letter: dict[int, str] = {}
    said = []
    wanted: set[int] = set()
    for i in sorted({*graph.steps, *source.sample(range(len(graph.nodes)), min(extra, len(graph.nodes)))}):
        if wanted.issuperset(graph.nodes[i].parents):
            wanted.add(i)
    while len(letter) < len(wanted):
        i = source.choice([i for i in wanted if i not in letter and set(graph.nodes[i].parents) <= letter.keys()])
        letter[i] = x if i == graph.unknown else next(letters)
        if i == graph.unknown:
            said.append(f"Define {name[graph.quantities[i]]} as {x}; {paper.LATER}.")
            continue
        parents, combine, operator, constant = graph.nodes[i]
        terms = [letter[p] for p in parents]
        numbers = [f"({form(graph.values[p], x, source)})" for p in parents]
        clauses = []
        if combine == "+":
            both = list(zip(terms, numbers, strict=True))
            source.shuffle(both)
            terms, numbers = [t for t, _ in both], [n for _, n in both]
        rest, rest_numbers = f" {combine} ".join(terms), f" {combine} ".join(numbers)
        if parents and operator and source.random() < 0.5:
            inner = next(letters)
            clauses.append(f"{inner} = {rest}" + source.choice(["", f" = {rest_numbers}"]))
            rest = inner
        parts = [f"{constant}", f"({rest})"]
        with_numbers = [f"{constant}", f"({rest_numbers})"]
        if operator and source.random() < 0.5:
            parts.reverse()
            with_numbers.reverse()
        whole = f" {operator} ".join(parts) if operator else rest or f"{constant}"
        value = form(graph.values[i], x, source)
        middle = f" = {f' {operator} '.join(with_numbers)}" if operator and source.random() < 0.5 else ""
        end = "" if whole == value else f" = {value}"
        clauses.append(f"{source.choice(['so ', ''])}{letter[i]} = {whole}{middle}{end}")
        said.append(f"Define {name[graph.quantities[i]]} as {letter[i]}; {'; '.join(clauses)}.")
    if graph.unknown is not None:
        a, b = graph.values[graph.sink]
        told, said_form = graph.told, form(graph.values[graph.sink], x, source)
        steps = [
            f"Simplifying the equation: {told} = {said_form}",
            f"Move all terms to one side: 0 = {told - b} - {a}*{x}",
            f"Isolate the term with {x}: {a}*{x} = {told - b}",
        ]
        steps = [step for step in steps if source.random() < 0.7] + [f"Solution: {x} = {graph.answer}"]
        said.append(
            f"We know {letter[graph.sink]} = {told}, so we have {said_form} = {told} and we solve it through the "
            f"following steps: {'. '.join(steps)}."
        )
    ending = source.choice(["Answer: {}.", "</solution> <answer> {} </answer>", "<answer>{}</answer>"])
    return " ".join([*said, ending.format(graph.answer)])


def form(value: Linear, x: str, source: random.Random) -> str:
    a, b = value
    if not a:
        return f"{b}"
    multiple = source.choice([x, f"1*{x}"]) if a == 1 else f"{a}*{x}"
    return (
        source.choice([f"{multiple} + {b}", f"{b} + {multiple}"]) if b > 0 else f"{multiple} - {-b}" if b else multiple
    )


def test_every_gold_solution_is_right_in_every_form() -> None:
    for row, graph in zip(ROWS, GRAPHS, strict=True):
        for text in (
            row["solution"],
            paper.completion(graph),
            english.solution(graph),
            english.spaced(row["solution"]),
        ):
            assert judge(graph, text) == RIGHT, text


@pytest.mark.parametrize("world", WORLDS, ids=["paper", "large numbers", "many letters"])
def test_every_gold_solution_of_the_world_is_right(world: GraphArithmetic) -> None:
    for index in range(60):
        problem = world.problem("train", 4, index)
        assert world.judge(problem, world.solution(problem)) == RIGHT


@given(CASES, SOURCES, st.integers(0, 4))
@settings(deadline=None, max_examples=250)
def test_order_letters_brackets_and_intermediate_results_are_free(case: int, source: random.Random, extra: int) -> None:
    text = another(GRAPHS[case], source, extra)
    assert judge(GRAPHS[case], text) == RIGHT, text


@given(CASES, SOURCES)
@settings(deadline=None, max_examples=150)
def test_letters_do_not_matter_right_or_wrong(case: int, source: random.Random) -> None:
    kind, text = source.choice([*islice(changed_tokens(SOLUTIONS[case], source, 1), 40), ("gold", SOLUTIONS[case])])
    new = renamed(text, source, keep="")
    one, other = judge(GRAPHS[case], text), judge(GRAPHS[case], new)
    assert (one.answer, one.process, one.first_wrong_step) == (other.answer, other.process, other.first_wrong_step), (
        kind
    )


@given(CASES, SOURCES)
@settings(deadline=None, max_examples=100)
def test_white_space_does_not_matter(case: int, source: random.Random) -> None:
    text = "".join(source.choice(["", " ", "  ", "\n", "\t", "\u00a0"]) + c for c in SOLUTIONS[case].replace(" ", ""))
    assert judge(GRAPHS[case], text) == judge(GRAPHS[case], text.replace("\n", "")) == RIGHT


def test_a_letter_means_what_was_last_said_of_it() -> None:
    graph, text = GRAPHS[FORWARD], SOLUTIONS[FORWARD]
    letters = re.findall(r"Define .*? as (\w);", text)
    # The letter of the first step may be taken again once nothing uses it any more, but no earlier.
    again = re.sub(rf"\b{letters[-1]}\b", letters[0], text)
    assert judge(graph, again) == RIGHT
    assert not process(graph, re.sub(rf"\b{letters[1]}\b", letters[0], text))


def test_steps_about_other_quantities_are_free_but_do_not_lend_their_letters() -> None:
    graph, text = GRAPHS[FORWARD], SOLUTIONS[FORWARD]
    extra = "Define blue cows in Pine Ridge as Q; w9 = 5; so Q = 1 + w9 = 77. "
    head, steps, tail = steps_of(text)
    assert judge(graph, f"{extra}{text}") == RIGHT
    letter = re.search(r"as (\w);", steps[0])[1]  # type: ignore[index]
    for stolen in (extra.replace("Q", letter), extra.replace("w9", letter)):
        assert not process(graph, head + steps[0] + stolen + "".join(steps[1:]) + tail)


# ---- What may not


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
        names = list(paper.names(graph.setting).values())
        texts = list(broken(SOLUTIONS[i], names, random.Random(i)))
        for kind, text in random.Random(i).sample(texts, min(40, len(texts))):
            assert not process(graph, text), (kind, text)
            assert not process(graph, english.spaced(text)), (kind, text)
            count += 1
    assert count > 1500


def test_the_consistent_solution_of_another_problem_is_wrong() -> None:
    for graph in GRAPHS:
        for _, other in other_problems(graph):
            text = paper.solution(other)
            assert not process(graph, text), text
            assert judge(other, text) == RIGHT or other.unknown is not None


@pytest.mark.slow
def test_every_change_of_every_released_solution_is_wrong_unless_it_says_the_same() -> None:
    count: Counter[str] = Counter()
    for i, row in enumerate(all_rows()):
        graph, source = read_row(row).graph, random.Random(i)
        texts = [*changed_tokens(row["solution"], source, 4)]
        # What is found right must say the same; that nothing which says the same is found wrong is sampled.
        verdict_is_meaning(row, graph, [t for t in texts if process(graph, t[1]) or source.random() < 0.05])
        names = list(paper.names(graph.setting).values())
        worse = [*broken(row["solution"], names, source)]
        worse += [(kind, paper.solution(other)) for kind, other in other_problems(graph)]
        for kind, text in worse:
            assert not process(graph, text), (kind, text)
        count.update(kind for kind, _ in texts + worse)
    assert count.total() > 100_000


def test_the_variable_of_the_equation_is_the_letter_of_the_unknown() -> None:
    graph, (head, known, tail) = GRAPHS[REVERSE], SOLUTIONS[REVERSE].partition(" We know ")
    assert not process(graph, head + known + re.sub(r"\bx\b", "y", tail))
    assert process(graph, re.sub(r"\bx\b", "y9", head + known + tail))
    assert not process(graph, re.sub(r"\bx\b", "y", head) + known + tail)


def test_the_unknown_is_never_given_a_number_nor_its_letter_to_another() -> None:
    graph, text = GRAPHS[REVERSE], SOLUTIONS[REVERSE]
    assert paper.LATER in text
    assert not process(graph, text.replace(paper.LATER, f"so x = {graph.answer}"))
    assert not process(
        graph, text.replace(f"{paper.LATER}.", f"{paper.LATER}. Define cows in Pine Ridge as x; so x = 3.")
    )
    assert not process(graph, text.replace(f"{paper.LATER}.", f"{paper.LATER}. Define cows in Pine Ridge as q; x = 3."))


# ---- Marks, steps, reasons

OWLS = "Define adult owl in Pine Ridge as k; so k = 3. "


@pytest.mark.parametrize(
    ("text", "answer", "reason"),
    [
        ("", Mark.UNSCORABLE, "no final answer"),
        ("Define", Mark.UNSCORABLE, "no final answer"),
        ("Answer: 3", Mark.UNSCORABLE, "no final answer"),
        ("Answer: 3. Answer: 3.", Mark.UNSCORABLE, "more than one answer"),
        ("Answer: 3. <answer> 3 </answer>", Mark.UNSCORABLE, "more than one answer"),
        ("<answer> 3 </answer> so", Mark.UNSCORABLE, "no final answer"),
        ("Answer: 3." + " " * MAX_CHARACTERS, Mark.UNSCORABLE, "over"),
        ("Answer: \u0663.", Mark.UNSCORABLE, "no final answer"),
        ("Answer: 2 2.", Mark.CORRECT, "never worked out"),
        ("Answer: 022.", Mark.CORRECT, "never worked out"),
        ("Answer: 2.2.", Mark.WRONG, "never worked out"),
        ("Answer: -22.", Mark.WRONG, "never worked out"),
        (f"Answer: {'9' * 50_000}.", Mark.WRONG, "never worked out"),
        ("It is clear. Answer: 22.", Mark.CORRECT, "cannot read"),
    ],
)
def test_what_is_read_and_what_is_not(text: str, answer: Mark, reason: str) -> None:
    problem = next(p for i in range(10**6) if (p := WORLDS[0].problem("train", 1, i)).answer == "22")
    verdict = judge(problem.gold, text)
    assert verdict.answer is answer
    assert verdict.process is min(answer, Mark.WRONG)
    assert reason in verdict.reason


def test_a_text_that_was_cut_off_is_unscorable_whatever_it_says() -> None:
    assert judge(GRAPHS[0], SOLUTIONS[0], truncated=True).answer is Mark.UNSCORABLE


def test_the_first_wrong_step_is_counted_over_the_steps_that_were_written() -> None:
    for case in (FORWARD, REVERSE):
        graph, (head, steps, tail) = GRAPHS[case], steps_of(SOLUTIONS[case])
        for i, step in enumerate(steps):
            wrong = re.sub(r"as (\w);", r"as \1; so it goes;", step)
            verdict = judge(graph, head + "".join([*steps[:i], wrong, *steps[i + 1 :]]) + tail)
            assert verdict.first_wrong_step == i
            dropped = judge(graph, head + "".join(steps[:-1]) + tail)
            assert dropped.first_wrong_step == len(steps) - 1
        wrong_answer = judge(graph, head + "".join(steps) + tail.replace("Answer: ", "Answer: 1"))
        assert wrong_answer.first_wrong_step == len(steps) + (case == REVERSE)
        assert wrong_answer.answer is Mark.WRONG


@given(CASES, st.text(max_size=300), SOURCES)
@settings(deadline=None, max_examples=150)
def test_reasons_are_one_short_line(case: int, noise: str, source: random.Random) -> None:
    text = SOLUTIONS[case]
    at = source.randrange(len(text))
    verdict = judge(GRAPHS[case], text[:at] + noise + text[at:])
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
def test_hostile_text_is_judged_in_linear_time(noise: str) -> None:
    graph, text = GRAPHS[FORWARD], SOLUTIONS[FORWARD]
    _, steps, tail = steps_of(text)
    for start in (f"{steps[0].partition(';')[0]}; ", "Define ", "We know "):
        began = time.process_time()
        verdict = judge(graph, f"{start}{noise}. {tail}"[:MAX_CHARACTERS])
        assert time.process_time() - began < 1
        assert not verdict.process_correct
        assert len(verdict.reason) < 200


# ---- Expressions

ATOMS = st.one_of(st.integers(0, 30).map(str), st.sampled_from(["x", "k", "B1"]))
EXPRESSIONS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from("+-*/"), inner).map("".join),
        inner.map(lambda text: f"({text})"),
        inner.map(lambda text: f"-{text}"),
    ),
    max_leaves=8,
)


@given(EXPRESSIONS)
@settings(deadline=None, max_examples=300)
def test_expressions_are_read_as_python_reads_them(text: str) -> None:
    places = [{"x": x, "k": k, "B1": b} for x, k, b in ((0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1), (5, 7, -11))]
    fractions = re.sub(r"(?<!B)(\d+)", r"Fraction(\1)", text)
    try:
        found = read(text)
    except Wrong:
        return
    for place in places:
        letters = {name: Fraction(value) for name, value in place.items()}
        expected = eval(fractions, {"Fraction": Fraction, **letters})
        assert found.number + sum(coefficient * place[letter] for letter, coefficient in found.letters) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2*",
        "*2",
        "2x",
        "x2x",
        "(x",
        "x)",
        "()",
        "2**3",
        "x*x",
        "1/x",
        "3/2",
        "x/0",
        "+3",
        "\u0663",
        "\u00e9",
        "3.5",
    ],
)
def test_what_is_no_linear_form_is_not_read(text: str) -> None:
    with pytest.raises(Wrong):
        read(text)


def test_letters_that_cancel_are_still_mentioned() -> None:
    assert read("k+m-m").letters == (("k", 1), ("m", 0))
    assert read("0*k").letters == (("k", 0),)


@pytest.mark.parametrize("text", ["7", "-7", "x", "2*x+3", "5-x", "x-4", "-x-1"])
def test_a_value_is_plain_when_nothing_is_left_to_work_out(text: str) -> None:
    assert read(text).plain


@pytest.mark.parametrize("text", ["(7)", "3+4", "2*3", "6/2", "x+x", "x+1+2", "2*(x+1)", "2*3*x"])
def test_a_value_is_not_plain_when_something_is_left(text: str) -> None:
    assert not read(text).plain
