"""Released rows: read to the graph that they mean, written to what is read again, and refused where they mean none."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewise.core.errors import InputError
from edgewise.tasks.graph import paper
from edgewise.tasks.graph.graph import TOTAL, Node, evaluate, necessary
from edgewise.tasks.graph.released import MAX_CHARACTERS, read_row, write_row
from edgewise.tasks.graph.setting import setting_named
from edgewise.tasks.graph.world import GraphArithmetic
from tests.bounded import bounded
from tests.tasks.graph.rows import GRAPHS, ROWS, Row, all_rows, by_quantity, gold_steps

WORLD = GraphArithmetic(max_op=20)
REVERSE = next(row for row in ROWS if row["mode"] == "forwardreverse" and row["op"] == 12 and not read_row(row).lacking)
INTACT = [i for i, row in enumerate(ROWS) if not read_row(row).lacking]
FORWARD = next(row for row in ROWS if row["mode"] == "normalforward" and row["op"] == 12)
ASKED = "Festival de Saint-Rivage"


def check(row: Row) -> None:
    """All that can be known of a row without reading it the way `read_row` does."""
    released = read_row(row)
    graph = released.graph
    assert paper.problem_text(graph) == row["problem"]
    assert paper.question(graph) == row["question"]
    assert paper.row_solution(graph) == row["solution"]
    assert graph.op == row["op"]
    assert (graph.unknown is not None) == (row["mode"] == "forwardreverse")
    assert row["solution"].endswith(f" Answer: {graph.answer}.")
    assert sorted(graph.steps) == list(necessary(graph.nodes, graph.sink))
    assert all(p < i for i, node in enumerate(graph.nodes) for p in node.parents)
    assert len(set(graph.quantities)) == len(graph.quantities)
    defined = {*re.findall(r"(?:^|\. )The number of ([^.]*?) (?:equals [^0-9.]|exists)", row["problem"])}
    defined |= {*re.findall(r"(?:^|\. )The number of ([^.]*?) equals [0-9]+ (?:plus|times)", row["problem"])}
    # A number alone defines a leaf; on the last quantity of a reverse problem it is what the quantity is told to be.
    leaves = {*re.findall(r"(?:^|\. )The number of ([^.]*?) equals [0-9]+(?=\.)", row["problem"])}
    if row["mode"] == "forwardreverse":
        leaves -= {list(gold_steps(row))[-1]}
    needed = [name for name in gold_steps(row) if not name.startswith("total ")]
    assert released.lacking == tuple(name for name in needed if name not in defined | leaves)


@pytest.mark.parametrize("i", range(len(ROWS)))
def test_a_row_is_read_to_a_graph_that_writes_it_again(i: int) -> None:
    check(ROWS[i])


def test_every_row_of_the_whole_reference_file_is_read_to_a_graph_that_writes_it_again() -> None:
    rows = all_rows()
    for row in rows:
        check(row)
    assert len(rows) == 300
    assert sum(bool(read_row(row).lacking) for row in rows) == 18


def test_every_kind_of_row_is_among_those_that_are_checked() -> None:
    graphs = GRAPHS
    assert {graph.op for graph in graphs} == {2, 3, 4, 6, 8, 10, 12, 14, 17, 20}
    assert {(graph.setting, graph.unknown is None) for graph in graphs} == {
        (setting, forward) for setting in ("film", "school", "zoo") for forward in (True, False)
    }
    assert any(graph.unknown is not None and graph.quantities[graph.sink].kind != TOTAL for graph in graphs)
    assert any(graph.order.count(graph.unknown) == 3 for graph in graphs if graph.unknown is not None)
    assert any("= -" in row["solution"] for row in ROWS)
    assert 10 < sum(bool(read_row(row).lacking) for row in ROWS) < 20


@pytest.mark.parametrize("i", range(len(ROWS)))
def test_a_needed_total_sums_all_that_the_problem_mentions_of_its_place(i: int) -> None:
    row, released = ROWS[i], read_row(ROWS[i])
    graph, setting = released.graph, setting_named(released.graph.setting)
    text = row["problem"] + " ".join(released.lacking) + row["solution"] * bool(released.lacking)
    for total in graph.steps:
        place, kind = graph.quantities[total]
        if kind == TOTAL:
            name = setting.place_names[place]
            mentioned = {k for k, words in enumerate(setting.kind_names) if f"{words} in {name}" in text}
            assert {graph.quantities[p].kind for p in graph.nodes[total].parents} == mentioned
            assert all(graph.quantities[p].place == place for p in graph.nodes[total].parents)


def test_a_total_that_only_distractors_use_leaves_out_what_depends_on_it() -> None:
    owl, crow = "number of adult owl in Pine Ridge", "number of adult crow in Pine Ridge"
    whole = "total number of adult animals in Pine Ridge"
    row = {
        "template": "crazy_zootopia",
        "problem": f"The {owl} equals 3. The {crow} equals 2 plus the {whole}. The number of adult fox in Oakridge "
        f"Riverside equals 4. The number of adult deer in Pine Ridge equals the {crow}. ",
        "question": "How many adult fox does Oakridge Riverside have?",
        "solution": "Define adult fox in Oakridge Riverside as J; so J = 4. Answer: 4.",
    }
    graph = read_row(row).graph
    name = paper.quantity_names("zoo")
    by_name = {name[q]: i for i, q in enumerate(graph.quantities)}
    assert graph.nodes[by_name[whole]].parents == (by_name["adult owl in Pine Ridge"],)
    assert graph.number(by_name["adult deer in Pine Ridge"]) == 5
    assert graph.letters == ("J", "", "", "", "")
    assert graph.distractors == 3


def lacking_crow(equations: str) -> Row:
    """A reverse row without a definition of adult crow, which the gold solution works out by these equations."""
    return {
        "template": "crazy_zootopia",
        "problem": "The total number of adult animals in Pine Ridge equals 7. "
        "The number of adult owl in Pine Ridge exists, and its number is greater than 0. ",
        "question": "How many adult owl does Pine Ridge have?",
        "solution": f"{paper.DIFFICULT}Define adult owl in Pine Ridge as x; {paper.LATER}. "
        f"Define adult crow in Pine Ridge as B; {equations}. "
        "Define total number of adult animals in Pine Ridge as z; so z = x + B = x + x + 3 = 2*x + 3. "
        "We know z = 7, so we have 2*x + 3 = 7 and so on. Answer: 2.",
    }


def test_a_definition_that_the_problem_lacks_is_taken_from_the_gold_solution() -> None:
    released = read_row(lacking_crow("r = x = x; so B = 3 + r = 3 + x = x + 3"))
    assert released.lacking == ("adult crow in Pine Ridge",)
    assert released.graph.nodes[1] == Node((0,), "+", "+", 3)
    assert released.graph.letters == ("x", "B", "z", "r")


@pytest.mark.parametrize(
    "equations",
    [
        "r = x = x; j = 3 + r = x + 3; so B = j + x = 2*x + 3",
        "r = 3; so B = r + x = x + 3",
        "r = x + x = 2*x; so B = 3 + r = 2*x + 3",
        "r = x = x; so B = 3 + q = x + 3",
        "so B = w = x",
        "so B = 3 % x = x",
        "so B = x + 3",
        "so B = 3 + x = x + 3; so B = 3 + B = x + 6",
        "x = x = x; so B = 3 + x = x + 3",
        "so C = x = x",
        "",
    ],
)
def test_a_step_of_the_gold_solution_that_is_no_chain_of_equations_is_refused(equations: str) -> None:
    with pytest.raises(InputError, match=r"^solution: must "):
        read_row(lacking_crow(equations))


@given(st.integers(0, 10**6))
def test_a_written_problem_is_read_back_to_an_equal_graph(index: int) -> None:
    problem = WORLD.problem("train", 1, index)
    graph = problem.gold
    if max(map(len, graph.letters)) > 1:
        with pytest.raises(InputError, match="max_op"):
            write_row(problem)
        return
    row = write_row(problem)
    read = read_row(row)
    assert read.lacking == ()
    assert (row["op"], row["id"], row["length"], row["d"]) == (problem.level, problem.id, "zero_context", 2)
    unused = {i for i, q in enumerate(graph.quantities) if q.kind == TOTAL} - {graph.sink}
    unused -= {p for node in graph.nodes for p in node.parents}
    # A total that nothing uses is not in the text at all.
    mentioned = {q: said for q, said in by_quantity(graph).items() if graph.quantities.index(q) not in unused}
    assert by_quantity(read.graph) == mentioned
    mine, theirs = read.graph, graph
    assert [mine.quantities[i] for i in mine.steps] == [theirs.quantities[i] for i in theirs.steps]
    assert [mine.quantities[i] for i in mine.order] == [theirs.quantities[i] for i in theirs.order]
    assert [mine.letters[i] for i in mine.steps] == [theirs.letters[i] for i in theirs.steps]
    assert mine.letters[len(mine.nodes) :] == theirs.letters[len(theirs.nodes) :]
    assert mine.quantities[mine.query] == theirs.quantities[theirs.query]
    assert (mine.answer, mine.told, mine.op) == (theirs.answer, theirs.told, problem.level)
    assert write_row(replace(problem, prompt=paper.WORDING.prompt(mine), gold=mine)) == row


@given(st.data())
def test_other_numbers_in_a_reference_row_are_read_back_to_an_equal_graph(data: st.DataObject) -> None:
    i = data.draw(st.sampled_from(INTACT))
    graph = GRAPHS[i]
    nodes = [node._replace(constant=data.draw(st.integers(1, 9))) if node.constant else node for node in graph.nodes]
    values = evaluate(nodes, graph.unknown)
    answer = data.draw(st.integers(1, 20)) if graph.unknown is not None else values[graph.sink].b
    other = replace(graph, nodes=tuple(nodes), values=values, answer=answer)
    if answer < 0 or other.told < 0 or (graph.unknown is not None and not values[graph.sink].a):
        return
    row = {**ROWS[i], "problem": paper.problem_text(other), "solution": paper.row_solution(other)}
    assert read_row(row).graph == other


def test_a_problem_in_the_compact_wording_is_not_written_as_a_row() -> None:
    problem = GraphArithmetic(wording="compact", min_op=6).problem("train", 0, 0)
    with pytest.raises(InputError, match="wording: must be paper or english"):
        write_row(problem)


def changed(row: Row, column: str, change: Callable[[str], str]) -> Row:
    text = change(row[column])
    assert text != row[column]
    return {**row, column: text}


@pytest.mark.parametrize(
    ("row", "named"),
    [
        ({**REVERSE, "problem": None}, "problem: must be a text"),
        ({k: v for k, v in REVERSE.items() if k != "solution"}, "solution: must be a text"),
        ({**REVERSE, "problem": "a" * (MAX_CHARACTERS + 1)}, "problem: must be a text"),
        ({**REVERSE, "template": "a_new_one"}, "template: must be one of"),
        ({**REVERSE, "template": "crazy_zootopia", "question": "How many calm road movie does Brightford have?"}, ": "),
        ({**REVERSE, "question": "Why?"}, "question: must name"),
        ({**REVERSE, "problem": ""}, "problem: must consist"),
        (changed(REVERSE, "problem", lambda t: t.replace("exists, and", "is, and")), "problem: must consist"),
        (changed(REVERSE, "problem", lambda t: re.sub("The total .*? equals [0-9]+. ", "", t)), "problem: must tell"),
        (changed(FORWARD, "problem", lambda t: re.sub(" plus | times ", " minus ", t)), "problem: must name"),
        (changed(FORWARD, "problem", lambda t: t + t.split(". ")[0].split("equals")[0] + "equals 77."), "problem: "),
        (
            changed(FORWARD, "problem", lambda t: f"The number of calm road movie in {ASKED} equals 3. {t}"),
            "solution: must work out total number of movies",
        ),
        (changed(FORWARD, "solution", lambda t: t.removesuffix(".")), "solution: must end in"),
        (changed(FORWARD, "solution", lambda t: t[:-1] + "0."), "solution: the answer"),
        (changed(FORWARD, "solution", lambda t: re.sub(r"\bn\b", "s", t)), "solution: must give each result a letter"),
        (changed(FORWARD, "solution", lambda t: re.sub(" - | [*] ", " + ", t)), "solution: must work out"),
        (changed(FORWARD, "solution", lambda t: t.replace("Define ", "Let ", 1)), "solution: must name"),
        (changed(FORWARD, "solution", lambda t: re.sub(r"= [A-Za-z] \+", "= w +", t)), "solution: "),
        (
            changed(FORWARD, "question", lambda t: "What is the total number of movies in N?"),
            "question: must name",
        ),
    ],
)
def test_a_malformed_row_is_refused_by_the_name_of_its_column(row: Row, named: str) -> None:
    with pytest.raises(InputError) as refused:
        read_row(row)
    assert named in str(refused.value)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 250


def test_a_quantity_that_depends_on_itself_is_refused() -> None:
    row = {
        "template": "crazy_zootopia",
        "problem": "The number of adult owl in Pine Ridge equals 2 plus the number of adult crow in Pine Ridge. "
        "The number of adult crow in Pine Ridge equals the number of adult owl in Pine Ridge. "
        "The number of adult fox in South Zoo equals 4. ",
        "question": "How many adult fox does South Zoo have?",
        "solution": "Define adult fox in South Zoo as J; so J = 4. Answer: 4.",
    }
    with pytest.raises(InputError, match=r"problem: .* must not depend on itself"):
        read_row(row)


@settings(max_examples=300)
@given(st.data())
def test_a_corrupted_row_is_read_or_refused_in_one_line(data: st.DataObject) -> None:
    row = dict(data.draw(st.sampled_from(ROWS)))
    column = data.draw(st.sampled_from(["problem", "question", "solution"]))
    text: str = row[column]
    start = data.draw(st.integers(0, len(text)))
    end = min(len(text), start + data.draw(st.integers(0, 30)))
    row[column] = (
        text[:start] + data.draw(st.text(max_size=3) | st.sampled_from([". ", " and ", "; ", "9" * 40])) + text[end:]
    )
    try:
        read = read_row(row)
    except InputError as refused:
        assert "\n" not in str(refused)
        assert len(str(refused)) < 250
    else:
        assert read.graph.setting


UNITS = ["The ", ". ", "equals ", " and ", "the sum of ", "Define x as x; ", "a = b; ", "1 plus "]


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("column", ["problem", "question", "solution"])
def test_long_hostile_text_is_refused_quickly(column: str, unit: str) -> None:
    with bounded(2):
        for text in (
            unit * (MAX_CHARACTERS // len(unit)),
            REVERSE[column][:300] + unit * 12_000 + REVERSE[column][300:],
        ):
            with pytest.raises(InputError):
                read_row({**REVERSE, column: text})
