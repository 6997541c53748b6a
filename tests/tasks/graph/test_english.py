"""The English wording: the paper's text, one word a token."""

from __future__ import annotations

import re
import string
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgewise.tasks.graph import compact, english, paper
from edgewise.tasks.graph.released import read_row
from edgewise.tasks.graph.world import GraphArithmetic
from tests.tasks.graph.rows import GRAPHS, ROWS, all_rows

SETTINGS = ("film", "school", "zoo")
WORLD = GraphArithmetic(max_op=20)


def squeezed(text: str) -> str:
    """An English text with spaces taken out where the paper has none, all but those around a * before an x."""
    text = re.sub(r" (?=[.,;:?)])|(?<=\() |(?<=[0-9]) (?=[0-9])", "", text)
    return re.sub(r"(?<![\w)] )- (?=[0-9x])", "-", text)


def without_spaces_before_x(text: str) -> str:
    # "2 * x" is a product in forward mode, where x is a letter like others, and stands for 2*x in reverse mode.
    return text.replace(" * x", "*x")


@pytest.mark.parametrize("i", range(len(ROWS)))
def test_a_reference_row_is_the_papers_text_with_its_words_apart(i: int) -> None:
    asked = ROWS[i]["problem"] + ROWS[i]["question"]
    assert english.WORDING.prompt(GRAPHS[i]) == english.spaced(asked)
    assert english.WORDING.solution(GRAPHS[i]) == english.spaced(ROWS[i]["solution"])
    assert squeezed(english.WORDING.prompt(GRAPHS[i])) == asked
    assert without_spaces_before_x(squeezed(english.WORDING.solution(GRAPHS[i]))) == without_spaces_before_x(
        ROWS[i]["solution"]
    )


@given(st.integers(0, 10**6))
def test_problems_of_the_world_are_the_papers_text_with_its_words_apart(index: int) -> None:
    graph = WORLD.problem("train", 0, index).gold
    assert english.WORDING.prompt(graph) == english.spaced(paper.problem_text(graph) + paper.question(graph))
    if max(map(len, graph.letters)) == 1:
        assert english.WORDING.solution(graph) == english.spaced(paper.row_solution(graph))


def test_a_solution_reads_as_documented() -> None:
    i = next(i for i, row in enumerate(ROWS) if "g = x = x; so r = 3 + g" in row["solution"])
    solution = english.WORDING.solution(GRAPHS[i])
    assert solution.startswith(
        "The question is difficult , so we use equations to solve it . Define adult racoon in Maple Creek as x ; "
        "we don't know its value yet but will find it out later . Define adult fox in Cedar Valley as r ; g = x = x ; "
        "so r = 3 + g = 3 + x = x + 3 . Define adult deer in Cedar Valley as z ; "
        "J = r - x = ( x + 3 ) - ( x ) = 3 ; so z = 4 + J = 4 + 3 = 7 . "
    )
    assert solution.endswith(
        "so u = U + E = x + 1 0 + x + 3 = 2 * x + 1 3 . We know u = 1 7 , so we have 2 * x + 1 3 = 1 7 and we solve it "
        "through the following steps : Simplifying the equation : 2 * x + 1 3 = 1 7 . Move all terms to one side : "
        "2 * x - 4 = 0 . Isolate the term with x : 2 * x = 4 . Divide both sides by 2 : x = 4 / 2 . Solution : x = 2 . "
        "Answer : 2 ."
    )


def test_the_words_are_those_of_prompts_and_solutions_and_no_others() -> None:
    words = english.english_words(SETTINGS, string.ascii_letters)
    used = {
        word
        for index in range(1500)
        for graph in [WORLD.problem("train", 0, index).gold]
        for word in f"{english.WORDING.prompt(graph)} {english.WORDING.solution(graph)}".split(" ")
    }
    assert used <= set(words)
    assert set(words) - used <= {"X"}
    assert len(words) == len(set(words))


def test_all_words_of_the_reference_rows_are_words() -> None:
    words = set(english.english_words(SETTINGS, string.ascii_letters))
    for row in ROWS:
        assert set(english.spaced(row["problem"] + row["question"] + " " + row["solution"]).split(" ")) <= words


@pytest.mark.parametrize("name", ["Lumière", "Rêves", "Cinéma", "Saint-Rivage", "sci-fi", "don't", "a1"])
def test_accents_hyphens_and_numbered_letters_keep_a_word_whole(name: str) -> None:
    assert english.spaced(f"as {name}; so") == f"as {name} ; so"
    assert name in english.english_words(SETTINGS, ("a1",))


def test_only_the_chosen_settings_and_letters_are_words() -> None:
    words = english.english_words(("school",), ("a", "b"))
    assert {"Brightford", "a", "x"} <= set(words)
    assert not {"Pine", "sci-fi", "c"} & set(words)


def test_letters_beyond_the_alphabet_are_one_word_each() -> None:
    graph = next(graph for graph in GRAPHS if graph.op == 20 and graph.unknown is None)
    names = compact.letter_names(120)[-len(graph.letters) :]
    longer = english.WORDING.solution(replace(graph, letters=names)).split(" ")
    shorter = english.WORDING.solution(graph).split(" ")
    renamed = dict(zip(graph.letters, names, strict=True))
    assert [renamed.get(word, word) for word in shorter] == longer


def test_the_whole_reference_file_is_the_papers_text_with_its_words_apart() -> None:
    for row in all_rows():
        graph = read_row(row).graph
        assert english.WORDING.prompt(graph) == english.spaced(row["problem"] + row["question"])
        assert english.WORDING.solution(graph) == english.spaced(row["solution"])
