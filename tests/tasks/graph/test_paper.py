"""The paper wording: byte for byte what the reference generator writes, and what sympy prints."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewise.core.errors import InputError
from edgewise.tasks.graph import paper
from edgewise.tasks.graph.graph import TOLD, TOTAL, Graph, Linear, Node, Quantity, evaluate
from tests.tasks.graph.rows import GRAPHS, ROWS, Row

OWL, CROW, DEER, WHOLE = Quantity(3, 7), Quantity(3, 9), Quantity(3, 2), Quantity(3, TOTAL)


def pine_ridge(nodes: list[Node], letters: str, unknown: int | None, answer: int) -> Graph:
    """Owl, crow, deer and the total of Pine Ridge, as many as there are nodes, the last of them the total."""
    last = len(nodes) - 1
    return Graph(
        setting="zoo",
        nodes=tuple(nodes),
        quantities=(*(OWL, CROW, DEER)[:last], WHOLE),
        values=evaluate(nodes, unknown),
        sink=last,
        unknown=unknown,
        answer=answer,
        steps=tuple(range(len(nodes))),
        order=tuple(range(last)) if unknown is None else tuple(range(len(nodes))),
        letters=tuple(letters),
    )


@pytest.mark.parametrize("i", range(len(ROWS)))
def test_a_reference_row_is_written_byte_for_byte(i: int) -> None:
    row, graph = ROWS[i], GRAPHS[i]
    assert paper.problem_text(graph) == row["problem"]
    assert paper.question(graph) == row["question"]
    assert paper.row_solution(graph) == row["solution"]


def test_the_forward_example_of_the_format_reads_as_published() -> None:
    graph = pine_ridge([Node((), "+", "", 3), Node((0,), "+", "*", 2), Node((0, 1))], "kBzr", None, 9)
    assert paper.problem_text(graph) + paper.question(graph) == (
        "The number of adult owl in Pine Ridge equals 3. The number of adult crow in Pine Ridge equals 2 times the "
        "number of adult owl in Pine Ridge. What is the total number of adult animals in Pine Ridge?"
    )
    assert paper.row_solution(graph) == (
        "Define adult owl in Pine Ridge as k; so k = 3. Define adult crow in Pine Ridge as B; r = k = 3; so B = 2 * r "
        "= 2 * 3 = 6. Define total number of adult animals in Pine Ridge as z; so z = k + B = 3 + 6 = 9. Answer: 9."
    )


def test_an_unknown_with_a_negative_coefficient_is_solved_with_its_sign() -> None:
    nodes = [Node(()), Node((), "+", "", 9), Node((1, 0), "-", "*", 2), Node((0, 1, 2))]
    graph = pine_ridge(nodes, "xbczde", 0, 4)
    assert graph.values[3] == Linear(-1, 27)
    assert graph.told == 23
    assert paper.row_solution(graph).split("; so b = 9. ")[1] == (
        "Define adult deer in Pine Ridge as c; d = b - x = (9) - (x) = 9 - x; so c = 2 * d = (2) * (9 - x) = 18 - 2*x. "
        "Define total number of adult animals in Pine Ridge as z; e = x + b = x + 9 = x + 9; "
        "so z = e + c = x + 9 + 18 - 2*x = 27 - x. "
        "We know z = 23, so we have 27 - x = 23 and we solve it through the following steps: "
        "Simplifying the equation: 27 - x = 23. Move all terms to one side: 4 - x = 0. "
        "Isolate the term with x: -1*x = -4. Divide both sides by -1: x = -4 / -1. Solution: x = 4. Answer: 4."
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [((0, 7), "7"), ((0, -7), "-7"), ((0, 0), "0"), ((1, 0), "x"), ((-1, 0), "-x"), ((2, 0), "2*x"), ((-2, 0), "-2*x"),
     ((1, -4), "x - 4"), ((2, 3), "2*x + 3"), ((-1, 5), "5 - x"), ((-3, 5), "5 - 3*x"), ((-1, -5), "-x - 5")],
)  # fmt: skip
def test_a_linear_form_is_written_in_one_way(value: tuple[int, int], text: str) -> None:
    assert paper.linear(Linear(*value)) == text


@settings(deadline=None)  # importing sympy takes a second
@given(st.integers(-30, 30), st.integers(-1000, 1000))
def test_linear_forms_are_written_as_sympy_prints_them(a: int, b: int) -> None:
    sympy = pytest.importorskip("sympy")
    assert paper.linear(Linear(a, b)) == str(a * sympy.Symbol("x") + b)


@pytest.mark.parametrize("i", range(0, len(ROWS), 7))
def test_prompt_and_completion_are_the_released_training_text(i: int) -> None:
    row: Row = ROWS[i]
    body, answer = row["solution"].rsplit("Answer:", 1)
    asked = f"{row['problem'].strip()} {row['question'].strip()}"
    text = f"<question> {asked} </question> <solution> {body.strip()} </solution> <answer>{answer.strip('.')} </answer>"
    assert paper.WORDING.prompt(GRAPHS[i]) + paper.WORDING.solution(GRAPHS[i]) == text
    assert paper.WORDING.prompt(GRAPHS[i]).endswith(" <solution>")


def test_the_told_number_stands_where_the_order_says() -> None:
    graph = pine_ridge([Node(()), Node((0,), "+", "+", 2), Node((0, 1))], "xbzd", 0, 5)
    for place in range(3):
        order = [0, 1]
        order.insert(place, graph.sink)
        sentences = paper.problem_text(replace(graph, order=tuple(order))).split(". ")
        assert sentences[place] == "The total number of adult animals in Pine Ridge equals 12"


def test_a_sink_that_is_no_total_is_both_defined_and_told() -> None:
    graph = replace(
        pine_ridge([Node(()), Node((0,), "+", "+", 2)], "xbd", 0, 5), quantities=(OWL, CROW), order=(TOLD, 0, 1)
    )
    assert paper.problem_text(graph) == (
        "The number of adult crow in Pine Ridge equals 7. "
        "The number of adult owl in Pine Ridge exists, and its number is greater than 0. "
        "The number of adult crow in Pine Ridge equals 2 plus the number of adult owl in Pine Ridge. "
    )


def test_more_letters_than_the_alphabet_are_refused_with_the_knob_to_turn() -> None:
    graph = GRAPHS[-1]
    with pytest.raises(InputError, match=r"max_op: op .* 52 letters"):
        paper.row_solution(replace(graph, letters=("a1", *graph.letters[1:])))
    with pytest.raises(InputError, match="max_op: "):
        paper.WORDING.solution(replace(graph, letters=("a1", *graph.letters[1:])))
