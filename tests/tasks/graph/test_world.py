"""The world: every problem has the one answer that its text gives, the exact op and the distractors asked for."""

from __future__ import annotations

import json
from collections import Counter
from functools import cache
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewise.core.errors import InputError
from edgewise.core.spec import canonical_json, digest
from edgewise.tasks import SPLITS, Problem, Score
from edgewise.tasks.graph.graph import TOTAL
from edgewise.tasks.graph.setting import setting_named, setting_names
from edgewise.tasks.graph.world import GraphArithmetic
from tests.tasks.conformance import conformance, conformance_of_knobs
from tests.tasks.graph.reading import Text, needed, op, read, solve
from tests.tasks.graph.worlds import GRAPHS

NAMES = list(GRAPHS)


@cache
def problems(name: str, count: int = 60) -> tuple[Problem, ...]:
    return tuple(GRAPHS[name].problem(SPLITS[i % 4], 5, i) for i in range(count))


@st.composite
def worlds(draw: st.DrawFn) -> GraphArithmetic:
    """Any knobs that the world accepts, up to op 30."""
    most = draw(st.integers(0, 20))
    level = draw(st.integers(2, min(30, 2 * (21 - most))))
    constants, unknowns = draw(st.integers(4, 30)), draw(st.integers(4, 60))
    return GraphArithmetic(
        min_op=level,
        max_op=level,
        settings=draw(st.sampled_from([("film",), ("school", "zoo"), ("zoo", "film", "school")])),
        modes=draw(st.sampled_from([("forward",), ("reverse",), ("forward", "reverse")])),
        wording=draw(st.sampled_from(["english", "compact", "paper"])),
        min_distractors=draw(st.integers(0, most)),
        max_distractors=most,
        constants=constants,
        unknowns=unknowns,
        largest=draw(st.integers(max(1000, 20 * constants), 5000)),
    )


@given(worlds(), st.integers(0, 2**40))
@settings(deadline=None, max_examples=300)
def test_a_solver_that_reads_only_the_text_finds_the_gold_answer_and_counts_the_op(
    world: GraphArithmetic, index: int
) -> None:
    problem = world.problem("train", 0, index)
    text = read(problem.prompt)
    assert str(solve(text)) == problem.answer, problem.prompt
    assert op(text) == problem.level == problem.gold.op
    assert problem.level in world.levels
    assert len(needed(text)) == len(problem.gold.steps)


@given(worlds(), st.integers(0, 2**40))
@settings(deadline=None, max_examples=100)
def test_gold_is_right_and_every_number_is_in_range(world: GraphArithmetic, index: int) -> None:
    problem = world.problem("test", 1, index)
    graph = problem.gold
    verdict = world.verify(problem, world.solution(problem))
    assert (verdict.answer, verdict.process, verdict.reason) == (Score.CORRECT, Score.CORRECT, "")
    assert all(1 <= graph.number(i) <= world.largest for i in range(len(graph.nodes)))
    assert world.min_distractors <= graph.distractors <= world.max_distractors
    for i, node in enumerate(graph.nodes):
        if node.operator == "*":
            assert node.constant in (2, 3, 4)
        elif node.operator or not node.parents:
            assert 1 <= node.constant <= world.constants or i == graph.unknown
    if graph.unknown is not None:
        assert 1 <= graph.answer <= world.unknowns
        assert graph.quantities[graph.sink].kind == TOTAL
        assert graph.values[graph.sink].a != 0


@pytest.mark.parametrize("name", NAMES)
def test_every_total_is_the_sum_of_all_that_stands_in_its_place(name: str) -> None:
    for problem in problems(name):
        graph = problem.gold
        assert len(set(graph.quantities)) == len(graph.quantities) == len(graph.nodes)
        groups = setting_named(graph.setting)
        for names, used in (
            (groups.places, {q.place for q in graph.quantities}),
            (groups.kinds, {q.kind for q in graph.quantities} - {TOTAL}),
        ):
            assert len({i // 5 for i in used}) == 1, "all of one group"
            assert max(used) < 5 * len(names)
        for i, quantity in enumerate(graph.quantities):
            if quantity.kind == TOTAL:
                here = {k for k, q in enumerate(graph.quantities) if q.place == quantity.place and k != i}
                assert set(graph.nodes[i].parents) == here


def test_conformance() -> None:
    conformance(GRAPHS["english"])


def test_conformance_with_other_knobs() -> None:
    conformance_of_knobs(GRAPHS["compact, one level"])


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in NAMES if GRAPHS[name].wording != "paper"])
def test_conformance_of_all(name: str) -> None:
    conformance(GRAPHS[name])


def test_groups_have_as_many_names_as_a_problem_has_places_and_kinds() -> None:
    for name in setting_names():
        setting = setting_named(name)
        assert {len(group) for group in (*setting.places, *setting.kinds)} == {5}


def test_problems_of_version_1_never_move() -> None:
    """A change to how problems are drawn needs a new version: stored results name this one."""
    world = GraphArithmetic(wording="compact", min_op=5, max_op=5)
    assert [(p.id, p.prompt, p.answer) for p in (world.problem("train", 0, i) for i in range(2))] == [
        (
            "graph-5-4ef9c9597ed8b734",
            "Q = z ; R = 1 ; z = E + R ; E = 1 ? Q :",
            "2",
        ),
        (
            "graph-5-e0990ffdf4926ca8",
            "d = v + O ; R = 9 + d - v ; v = 5 + O ; O = 1 ? d :",
            "7",
        ),
    ]


def test_modes_settings_and_distractors_are_drawn_equally_often_and_distractors_whatever_the_op() -> None:
    world = GraphArithmetic(max_op=5)
    drawn = [world.problem("train", 0, i) for i in range(1500)]
    modes = Counter(p.gold.unknown is None for p in drawn)
    assert 670 < modes[True] < 830
    assert all(430 < count < 570 for count in Counter(p.gold.setting for p in drawn).values())
    spread = Counter((p.level, p.gold.distractors) for p in drawn)
    assert set(spread) == {(level, count) for level in world.levels for count in range(5)}
    assert all(45 < count < 110 for count in spread.values()), spread


def test_distractors_are_counted_in_the_text_and_never_needed() -> None:
    open_without = Counter[bool]()
    for name in ("english", "crowded", "as in the paper"):
        for problem in problems(name):
            text = read(problem.prompt)
            spare = {n for n in text.definitions if not n.startswith("total")} - needed(text)
            assert len(spare) == problem.gold.distractors
            some = {n: d for n, d in text.definitions.items() if n not in spare}
            assert str(solve(Text(some, text.asked, text.told))) == problem.answer
            for one in needed(text) - {text.asked, text.sink}:
                fewer = {n: d for n, d in some.items() if n != one}
                open_without[is_open(Text(fewer, text.asked, text.told))] += 1
    # Where p is added to q - p, no definition of p is needed; that is rare.
    assert open_without[False] < open_without.total() / 25, open_without


def is_open(text: Text) -> bool:
    try:
        solve(text)
    except AssertionError as error:
        return "left open" in str(error)
    return False


def test_distractors_use_what_is_needed_each_other_and_totals() -> None:
    seen: Counter[str] = Counter()
    for problem in (*problems("crowded"), *problems("english")):
        graph = problem.gold
        for i in set(range(len(graph.nodes))) - set(graph.steps):
            if graph.quantities[i].kind != TOTAL:
                node = graph.nodes[i]
                seen["leaf"] += not node.parents
                seen["necessary"] += any(p in graph.steps for p in node.parents)
                seen["other"] += any(p not in graph.steps for p in node.parents)
                seen["total"] += any(graph.quantities[p].kind == TOTAL for p in node.parents)
                seen["difference"] += node.combine == "-"
    assert len(seen) == 5
    assert min(seen.values()) > 10, seen


def test_the_unknown_is_anything_from_1_to_unknowns() -> None:
    answers = Counter(int(GRAPHS["reverse"].problem("train", 0, i).answer) for i in range(1500))
    assert set(answers) == set(range(1, 51))
    assert max(answers.values()) < 3 * 1500 / 50


def test_forward_answers_at_low_op_are_not_confined_to_the_constants() -> None:
    world = GraphArithmetic(min_op=3, max_op=3, modes=("forward",))
    assert len({world.problem("train", 0, i).answer for i in range(300)}) > 20


def test_reverse_problems_tell_the_total_and_ask_for_a_leaf() -> None:
    for problem in problems("english"):
        text = read(problem.prompt)
        assert (text.told is None) == (problem.gold.unknown is None)
        if text.told:
            assert text.told[0].startswith("total")
            assert text.definitions[text.asked].constant is None


def test_definitions_and_letters_are_shuffled() -> None:
    places: Counter[float] = Counter()
    letters: Counter[str] = Counter()
    for index in range(400):
        graph = GRAPHS["compact"].problem("train", 9, index).gold
        places[graph.order.index(graph.sink) / (len(graph.order) - 1) > 0.5] += 1
        letters[graph.letters[graph.sink]] += 1
    assert 130 < places[True] < 270
    assert len(letters) == 50


def test_no_problem_is_in_two_splits_whatever_the_wording_the_distractors_and_the_setting() -> None:
    ids = {
        split: {
            GRAPHS[name].problem(split, seed, i).id
            for name in ("english", "compact", "as in the paper", "crowded")
            for seed in (0, 1)
            for i in range(60)
        }
        for split in SPLITS
    }
    for one, other in combinations(SPLITS, 2):
        assert not ids[one] & ids[other]


def test_an_id_in_words_is_that_of_the_graph_and_then_of_its_places_and_kinds() -> None:
    for wording in ("english", "paper"):
        world = GraphArithmetic(wording=wording, min_op=2, max_op=2)
        parts = [world.problem("test", 0, i).id.split("-") for i in range(2000)]
        assert {tuple(map(len, rest)) for _, _, *rest in parts} == {(16, 8)}
        assert len({tuple(rest) for _, _, *rest in parts}) >= 200 > len({content for _, _, content, _ in parts})
    assert {len(p.id.split("-")) for p in problems("compact")} == {3}


def test_problems_of_one_id_have_the_same_definitions() -> None:
    """Of what is needed; sentences may stand in another order."""
    world = GraphArithmetic(min_op=2, max_op=3)
    said: dict[str, object] = {}
    for i in range(2000):
        problem = world.problem("test", 0, i)
        text = read(problem.prompt)
        shown = (problem.answer, text.asked, text.told, {n: text.definitions[n] for n in needed(text)})
        assert said.setdefault(problem.id, shown) == shown
    assert len(said) < 1900, "some ids recur"


def test_letters_of_a_solution_are_those_it_uses() -> None:
    for name in ("english", "long", "as in the paper"):
        for problem in problems(name):
            graph = problem.gold
            used = [graph.letters[i] for i in graph.steps] + list(graph.letters[len(graph.nodes) :])
            assert len(set(used)) == len(used)
            assert "" not in used
            assert set(filter(None, graph.letters)) == set(used)
            tokens = set(GRAPHS[name].solution(problem).replace(".", " ").replace(";", " ").split())
            assert set(used) <= tokens, "no letter is spare in the end"
            if graph.unknown is not None:
                assert graph.letters[graph.unknown] == "x"


@pytest.mark.parametrize(
    ("knobs", "words"),
    [
        ({"min_op": 5, "max_op": 3}, ("max_op", "min_op", "5", "3")),
        ({"min_op": 1}, ("min_op", "2", "1")),
        ({"settings": ("farm",)}, ("settings", "film, school, zoo", "farm")),
        ({"settings": ("zoo", "zoo")}, ("settings", "zoo")),
        ({"settings": ()}, ("settings",)),
        ({"modes": ()}, ("modes",)),
        ({"modes": ("forward", "forward")}, ("modes",)),
        ({"modes": ("sideways",)}, ("modes", "sideways")),
        ({"wording": "french"}, ("wording", "french")),
        ({"min_distractors": 5}, ("max_distractors", "5", "4")),
        ({"min_distractors": -1}, ("min_distractors", "-1")),
        ({"max_op": 35}, ("max_op", "34", "35", "max_distractors 4")),
        ({"max_distractors": 18}, ("max_op", "6", "max_distractors 18")),
        ({"max_distractors": 30}, ("max_distractors", "30")),
        ({"constants": 0}, ("constants", "0")),
        ({"unknowns": 0}, ("unknowns", "0")),
        ({"largest": 19}, ("largest", "20", "19")),
        ({"version": 2}, ("version",)),
        ({"difficulty": 3}, ("difficulty",)),
    ],
    ids=str,
)
def test_bad_knobs_are_one_line_that_names_the_field(knobs: dict[str, Any], words: tuple[str, ...]) -> None:
    with pytest.raises(InputError) as error:
        GraphArithmetic.parse(knobs, "world.json")
    message = str(error.value)
    assert message.startswith("world.json: ")
    assert "\n" not in message
    for word in words:
        assert word in message


def test_knobs_at_their_limits_work() -> None:
    for knobs in (
        {"max_op": 34, "min_op": 34},
        {"max_op": 42, "min_op": 42, "max_distractors": 0},
        {"max_op": 2, "max_distractors": 20, "min_distractors": 20},
    ):
        world = GraphArithmetic.parse(knobs)
        for index in range(10):
            problem = world.problem("train", 0, index)
            assert problem.level in world.levels
            assert world.min_distractors <= problem.gold.distractors <= world.max_distractors


def test_a_level_that_does_not_exist_is_refused() -> None:
    for level, word in ((1, "min_op"), (40, "max_distractors")):
        with pytest.raises(InputError, match=rf"op {level}: .*{word}"):
            GraphArithmetic().at_level(level)


def test_an_unknown_split_is_refused() -> None:
    with pytest.raises(InputError, match="split: must be one of train, validation, test, held_out, is 'dev'"):
        GraphArithmetic().problem("dev", 0, 0)  # type: ignore[arg-type]


def test_an_empty_split_says_what_is_missing() -> None:
    world = GraphArithmetic(min_op=2, max_op=2, modes=("forward",), constants=2)
    refused = []
    for split in SPLITS:
        try:
            assert world.problem(split, 0, 0).split == split
        except InputError as error:
            refused.append(split)
            assert f"split {split!r} is empty at op 2 in forward mode" in str(error)
            assert "constants" in str(error)
            assert "\n" not in str(error)
    assert len(refused) == 2


def test_the_words_of_the_paper_wording_are_not_listed() -> None:
    with pytest.raises(InputError, match=r"wording: .*english or compact"):
        GRAPHS["as in the paper"].words()


def test_every_knob_changes_the_problems() -> None:
    """Draws are keyed by the whole world: nothing is shared between settings by accident."""
    prompts = {tuple(world.problem("train", 0, i).prompt for i in range(3)) for world in GRAPHS.values()}
    assert len(prompts) == len(GRAPHS) == len({digest(world) for world in GRAPHS.values()})


def test_drawing_a_problem_leaves_the_spec_as_it_was() -> None:
    used, fresh = GraphArithmetic(), GraphArithmetic()
    used.problem("train", 0, 0)
    assert used == fresh
    assert hash(used) == hash(fresh)
    assert canonical_json(used) == canonical_json(fresh)
    assert GraphArithmetic.parse(json.loads(canonical_json(used))) == fresh
