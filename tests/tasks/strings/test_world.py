"""The knobs of string functions, what its problems ask, and its splits."""

from __future__ import annotations

import json
import random
from functools import cache
from typing import Any

import pytest

from edgewise.core.errors import InputError
from edgewise.core.spec import canonical_json
from edgewise.tasks import SPLITS, Problem
from edgewise.tasks.strings import FUNCTIONS, StringFunctions, function_names, run_chain
from edgewise.tasks.strings import world as strings_world
from edgewise.tasks.strings.world import chain_prompt, direct_solution, stepwise_solution
from tests.tasks.strings.reading import LETTERS, interpret, read, solve
from tests.tasks.strings.worlds import STRINGS

NAMES = list(STRINGS)
DEEP = {n: StringFunctions(min_calls=n, max_calls=n, functions="all", definitions="shown") for n in (1, 2, 3, 5, 8)}


@cache
def problems(name: str, count: int = 200) -> tuple[Problem, ...]:
    return tuple(STRINGS[name].problem(SPLITS[i % 4], 5, i) for i in range(count))


def test_the_documented_wording() -> None:
    of = {f.description: name for name, f in FUNCTIONS.items()}
    kiv, tiv = of["reverse all"], of["rotate left 1"]
    documented = run_chain((kiv, tiv), "abcde")
    asked = f"{tiv} ( {kiv} ( x ) ) ; x = a b c d e ? :"
    assert chain_prompt(documented, shown=False) == asked
    assert chain_prompt(documented, shown=True) == (
        f"{kiv} : reverse all ; {tiv} : rotate left 1 ; {asked}"
    )  # fmt: skip
    assert stepwise_solution(documented) == (
        f"{kiv} a b c d e = e d c b a ; {tiv} e d c b a = d c b a e ; answer d c b a e"
    )
    assert direct_solution(documented) == "answer d c b a e"
    assert asked in " ".join((strings_world.__doc__ or "").split())


def test_problems_of_version_1_never_move() -> None:
    """A change to how problems are drawn or to what a name means needs a new version: stored results name this one."""
    problem = StringFunctions(min_calls=2).problem("train", 0, 0)
    assert (problem.id, problem.prompt, problem.answer) == (
        "strings-2-32b9c583e0a6c620",
        "sul ( kiv ( x ) ) ; x = a v b t j j ? :",
        "jjbtav",
    )


@pytest.mark.parametrize("level", DEEP)
def test_a_reader_of_the_descriptions_alone_finds_every_string_on_the_way(level: int) -> None:
    for index in range(120):
        problem = DEEP[level].problem(SPLITS[index % 4], 3, index)
        strings = solve(problem.prompt)
        assert strings[-1] == problem.answer
        spaced = [" ".join(s) for s in strings]
        calls = read(problem.prompt).calls
        written = [f"{name} {a} = {b}" for name, a, b in zip(calls, spaced, spaced[1:], strict=False)]
        assert DEEP[level].solution(problem) == " ; ".join([*written, f"answer {spaced[-1]}"])


@pytest.mark.parametrize("name", NAMES)
def test_level_is_the_number_of_calls_around_x(name: str) -> None:
    for problem in problems(name):
        assert len(read(problem.prompt).calls) == problem.prompt.count("(") == problem.level


@pytest.mark.parametrize("name", NAMES)
def test_lengths_are_those_asked_for_on_the_whole_way(name: str) -> None:
    world = STRINGS[name]
    lengths = set()
    for problem in problems(name):
        lengths.add(len(read(problem.prompt).x))
        assert {len(s) for s in problem.gold.strings} == {len(read(problem.prompt).x)}
    assert lengths == set(range(world.min_length, world.max_length + 1))


@pytest.mark.parametrize("level", DEEP)
def test_every_problem_depends_on_x(level: int) -> None:
    """Some change of one letter changes the answer, and every call changes the string it is given."""
    source = random.Random(level)
    for index in range(150):
        question = read(DEEP[level].problem("train", 6, index).prompt)
        answers = set()
        for place in range(len(question.x)):
            for letter in source.sample(LETTERS, 3):
                x = question.x[:place] + letter + question.x[place + 1 :]
                answers.add(run_chain(question.calls, x).strings[-1])
        assert len(answers) > 1
        strings = run_chain(question.calls, question.x).strings
        assert len(set(strings)) == level + 1


@pytest.mark.parametrize("functions", ["train", "held_out", "all"])
def test_only_the_functions_asked_for_occur_and_all_of_them(functions: Any) -> None:
    world = StringFunctions(functions=functions, max_calls=3)
    seen = {name for i in range(400) for name in read(world.problem(SPLITS[i % 4], 0, i).prompt).calls}
    assert seen == set(function_names(functions))


def test_functions_are_drawn_about_equally_often() -> None:
    world = StringFunctions(min_calls=1, max_calls=1)
    calls = [world.problem("train", 0, i).gold.calls[0] for i in range(2400)]
    assert all(abs(calls.count(name) - 200) < 70 for name in function_names("train"))


@pytest.mark.parametrize("functions", ["train", "held_out"])
def test_few_answers_are_what_one_call_would_have_given(functions: Any) -> None:
    """By accident of the letters alone: measured 0.3 to 0.9%."""
    for level in (2, 3):
        world = StringFunctions(min_calls=level, max_calls=level, functions=functions)
        drawn = [world.problem("train", 1, i) for i in range(300)]
        single = sum(
            p.answer in {interpret(f.description, p.gold.strings[0]) for f in FUNCTIONS.values()} for p in drawn
        )
        assert single / len(drawn) < 0.03


def test_definitions_are_shown_once_for_each_function_that_occurs_or_not_at_all() -> None:
    for problem in problems("everything"):
        question = read(problem.prompt)
        assert list(question.shown) == sorted(set(question.calls))
    assert not any(read(problem.prompt).shown for problem in problems("default"))


def test_a_direct_solution_is_the_answer_alone() -> None:
    for problem in problems("direct"):
        assert STRINGS["direct"].solution(problem) == f"answer {' '.join(problem.answer)}"


def test_identities_and_splits_are_those_of_the_question_whatever_the_wording_which_ids_add() -> None:
    asked: dict[str, set[Any]] = {}
    found: dict[Any, set[str]] = {}
    for world in STRINGS.values():
        for split in SPLITS:
            for index in range(100):
                problem = world.problem(split, 2, index)
                question = read(problem.prompt)
                identity, *wording = problem.id.split("-")[2:]
                shown, direct = world.definitions == "shown", world.format == "direct"
                assert wording == ["definitions=shown"] * shown + ["format=direct"] * direct
                asked.setdefault(identity, set()).add((question.calls, question.x))
                found.setdefault((question.calls, question.x), set()).add(split)
                buckets = {"train": range(10), "validation": range(10, 11), "test": range(11, 13)}
                assert int(identity, 16) % 16 in buckets.get(split, range(13, 16))
    assert all(len(questions) == 1 for questions in asked.values())
    assert len(asked) == len(found)
    assert all(len(splits) == 1 for splits in found.values())


def test_the_vocabulary_is_the_same_for_all_knobs_and_names_are_no_other_word() -> None:
    assert len({world.words() for world in STRINGS.values()}) == 1
    described = {word for f in FUNCTIONS.values() for word in f.description.split()}
    assert not set(function_names("all")) & (described | set(LETTERS) | {"answer"})
    assert not described & set(LETTERS)


@pytest.mark.parametrize(
    ("knobs", "said"),
    [
        ({"min_calls": 3, "max_calls": 2}, ("max_calls", "min_calls", "3", "2")),
        ({"min_calls": 0}, ("min_calls", "0")),
        ({"max_calls": 17}, ("max_calls", "16", "17")),
        ({"min_length": 4}, ("min_length", "5", "4")),
        ({"max_length": 25}, ("max_length", "24", "25")),
        ({"min_length": 9}, ("max_length", "min_length", "9", "8")),
        ({"functions": "test"}, ("functions", "train", "test")),
        ({"definitions": True}, ("definitions", "shown")),
        ({"format": "json"}, ("format", "steps", "json")),
        ({"length": 5}, ("length",)),
    ],
    ids=str,
)
def test_bad_knobs_are_one_line_that_names_the_field(knobs: dict[str, Any], said: tuple[str, ...]) -> None:
    with pytest.raises(InputError) as error:
        StringFunctions.parse(knobs, "world.json")
    message = str(error.value)
    assert message.startswith("world.json: ")
    assert "\n" not in message
    for word in said:
        assert word in message


def test_a_level_that_does_not_exist_is_refused() -> None:
    for level, word in ((0, "min_calls"), (17, "max_calls")):
        with pytest.raises(InputError, match=rf"level {level}: .*{word}"):
            StringFunctions().at_level(level)


def test_an_unknown_split_is_refused() -> None:
    with pytest.raises(InputError, match="split: must be one of train, validation, test, held_out, is 'dev'"):
        StringFunctions().problem("dev", 0, 0)  # type: ignore[arg-type]


def test_the_longest_chains_are_found_on_the_shortest_strings() -> None:
    for functions in ("train", "held_out"):
        world = StringFunctions.parse({"min_calls": 16, "max_calls": 16, "functions": functions, "max_length": 5})
        for split in SPLITS:
            assert {world.problem(split, 0, i).level for i in range(20)} == {16}


def test_drawing_a_problem_leaves_the_spec_as_it_was() -> None:
    used, fresh = StringFunctions(), StringFunctions()
    used.problem("train", 0, 0)
    assert used == fresh
    assert hash(used) == hash(fresh)
    assert StringFunctions.parse(json.loads(canonical_json(used))) == fresh
