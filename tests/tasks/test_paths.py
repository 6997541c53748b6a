"""Paths: the answers are all shortest paths, by brute force, and each step of a path is checked."""

from __future__ import annotations

import random
from collections import Counter
from functools import partial
from itertools import pairwise, permutations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewise.core.errors import InputError
from edgewise.tasks import SPLITS, Paths, Score, Verdict
from edgewise.tasks.paths.graph import (
    PathGraph,
    draw_path_graph,
    labelled_identity,
    node_pair,
    shortest_paths,
    star_graph,
    unlabelled_identity,
    with_nodes,
)
from tests.bounded import bounded
from tests.tasks.verdicts import verdict_of

PATHS = {
    "star": Paths(graph="star"),
    "star, several arms reach the goal": Paths(graph="star", arms=5, min_answers=2, max_answers=4),
    "random, several answers": Paths(min_answers=2, max_answers=6, edges=16),
    "random, few nodes": Paths(nodes=7, edges=9, names=7, max_length=3),
}

# a b d and a c d, and a way round over e and f.
GRAPH = PathGraph(((0, 1), (0, 2), (0, 4), (1, 3), (2, 3), (3, 5), (4, 5)), 0, 3, 2)
verify = partial(verdict_of, Paths())


def read(prompt: str) -> tuple[list[tuple[str, str]], str, str]:
    """The edges of a prompt, as they are written, start and goal."""
    *edges, last = prompt.removeprefix("edges ").removesuffix(" :").split(" ; ")
    word_from, start, word_to, goal = last.split()
    assert (word_from, word_to) == ("from", "to")
    pairs = []
    for told in edges:
        one, other = told.split()
        pairs.append((one, other))
    return pairs, start, goal


def by_brute_force(prompt: str) -> set[str]:
    """Every right completion, from the text of the prompt alone: all simple paths, of which the shortest are kept."""
    edges, start, goal = read(prompt)
    joined = {*edges, *((other, one) for one, other in edges)}
    nodes = {node for pair in edges for node in pair}
    whole: list[tuple[str, ...]] = []
    growing: list[tuple[str, ...]] = [(start,)]
    while growing:
        path = growing.pop()
        if path[-1] == goal:
            whole.append(path)
            continue
        growing += [(*path, node) for node in nodes - set(path) if (path[-1], node) in joined]
    shortest = min(map(len, whole))
    return {f"answer {' '.join(path)}" for path in whole if len(path) == shortest}


# ---- All right answers


@pytest.mark.parametrize("name", ["as it comes", *PATHS])
def test_answers_are_exactly_the_right_ones(name: str) -> None:
    world = PATHS.get(name, Paths())
    for split in ("train", "held_out"):
        for index in range(60):
            problem = world.problem(split, 5, index)
            answers = world.answers(problem)
            assert len(set(answers)) == len(answers)
            assert set(answers) == by_brute_force(problem.prompt)
            assert world.min_answers <= len(answers) <= world.max_answers
            assert {len(answer.split()) for answer in answers} == {problem.level + 2}
            assert world.solution(problem) in answers


@pytest.mark.parametrize("name", ["random, several answers", "star, several arms reach the goal"])
def test_each_number_of_answers_is_as_frequent_and_gold_is_any_of_them(name: str) -> None:
    world = PATHS[name]
    problems = [world.problem("train", 6, index) for index in range(1500)]
    numbers = Counter(len(world.answers(problem)) for problem in problems)
    assert sorted(numbers) == list(range(world.min_answers, world.max_answers + 1))
    share = 1 / len(numbers)
    for count in numbers.values():
        assert abs(count / 1500 - share) < 5 * (share * (1 - share) / 1500) ** 0.5
    # The place of the gold answer among n is uniform: mean (n - 1) / 2, variance (n^2 - 1) / 12.
    place = sum(world.answers(p).index(world.solution(p)) - (len(world.answers(p)) - 1) / 2 for p in problems)
    variance = sum((len(world.answers(p)) ** 2 - 1) / 12 for p in problems)
    assert abs(place) < 5 * variance**0.5


def test_the_verifier_accepts_the_answers_and_nothing_else() -> None:
    """Every sequence of up to five nodes of small graphs."""
    world = PATHS["random, few nodes"]
    for index in range(3):
        problem = world.problem("train", 7, index)
        edges, _, _ = read(problem.prompt)
        right = by_brute_force(problem.prompt)
        nodes = sorted({node for pair in edges for node in pair})
        for length in range(1, 6):
            for path in permutations(nodes, length):
                text = f"answer {' '.join(path)}"
                verdict = world.verify(problem, text)
                assert verdict.answer is verdict.process is (Score.CORRECT if text in right else Score.WRONG)


def test_the_first_wrong_step_is_the_first_that_is_no_edge() -> None:
    world = Paths()
    source = random.Random(0)
    for index in range(300):
        problem = world.problem("test", 8, index)
        edges, start, _ = read(problem.prompt)
        joined = {frozenset(pair) for pair in edges}
        nodes = sorted({node for pair in edges for node in pair})
        path = [start, *source.choices(nodes, k=problem.level)]
        missing = [step for step, pair in enumerate(pairwise(path)) if frozenset(pair) not in joined]
        if missing:
            assert world.verify(problem, f"answer {' '.join(path)}").first_wrong_step == missing[0]


# ---- Which graphs are drawn


def test_a_star_is_one() -> None:
    """Only the centre, the start, has more than two neighbours, and all arms are of the level's length."""
    world = Paths(graph="star", arms=4)
    for index in range(100):
        problem = world.problem("train", 9, index)
        edges, start, goal = read(problem.prompt)
        degree = Counter(node for pair in edges for node in pair)
        assert len(edges) == 4 * problem.level
        assert degree.pop(start) == 4
        assert sorted(degree.values()) == [1] * 4 + [2] * (4 * (problem.level - 1))
        assert degree[goal] == 1


def test_arms_that_reach_the_goal_meet_there() -> None:
    graph = star_graph(3, 2, 2)
    assert graph.edges == ((0, 2), (0, 3), (0, 4), (1, 2), (1, 3), (4, 5))
    assert shortest_paths(graph) == [(0, 2, 1), (0, 3, 1)]


def test_what_is_told_of_a_random_graph_is_all_of_it() -> None:
    world = Paths(nodes=9, edges=12)
    for index in range(100):
        problem = world.problem("train", 10, index)
        edges, _, _ = read(problem.prompt)
        assert len({frozenset(pair) for pair in edges}) == len(edges) == 12
        assert len({node for pair in edges for node in pair}) == 9


@pytest.mark.parametrize("graph", ["star", "random"])
def test_order_and_names_tell_nothing(graph: str) -> None:
    """Start and goal have any name, the first edge is of the right path as often as any, and its ends in any order."""
    world = Paths.parse({"graph": graph, "min_length": 3, "max_length": 3})
    problems = [world.problem("train", 11, index) for index in range(1000)]
    read_ones = [read(problem.prompt) for problem in problems]
    for names in ([start for _, start, _ in read_ones], [goal for _, _, goal in read_ones]):
        counts = Counter(names)
        assert len(counts) == 26
        assert max(counts.values()) < 1000 / 26 + 5 * (1000 / 26) ** 0.5
    ascending = sum(edges[0][0] < edges[0][1] for edges, _, _ in read_ones)
    assert abs(ascending - 500) < 5 * 250**0.5
    on_path = expected = 0.0
    for problem, (edges, _, _) in zip(problems, read_ones, strict=True):
        steps = {frozenset(pair) for pair in pairwise(problem.answer.split())}
        on_path += frozenset(edges[0]) in steps
        expected += len(steps) / len(edges)
    assert abs(on_path - expected) < 5 * expected**0.5


def test_random_graphs_have_what_was_asked_for() -> None:
    source = random.Random(1)
    drawn = [draw_path_graph(source, 9, 14, 2, 4) for _ in range(200)]
    graphs = [graph for graph in drawn if graph]
    assert len(graphs) > 100
    for graph in graphs:
        assert len(shortest_paths(graph)) == 4
        assert len(graph.edges) == 14
    assert len({unlabelled_identity(graph) for graph in graphs}) > 80


# ---- What is one problem


@given(st.integers(0, 10_000), st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=100)
def test_renamed_random_graphs_are_one_problem(index: int, source: random.Random) -> None:
    graph: PathGraph = Paths().problem("train", 12, index).gold
    other = with_nodes(graph, source.sample(range(52), 52))
    assert unlabelled_identity(other) == unlabelled_identity(graph)
    assert labelled_identity(graph) == labelled_identity(PathGraph(tuple(graph.edges), graph.start, graph.goal, 9))
    assert (labelled_identity(other) == labelled_identity(graph)) == (other == graph)


def test_graphs_of_one_identity_differ_in_their_names_alone() -> None:
    """Six nodes: the least of all renamings is the same exactly where the hash is."""
    source = random.Random(2)
    seen: dict[int, tuple[Any, ...]] = {}
    for _ in range(120):
        graph = draw_path_graph(source, 6, 7, 2, source.randint(1, 2))
        if graph is None:
            continue
        inner = [v for v in range(6) if v not in (graph.start, graph.goal)]
        least = min(
            tuple(sorted(node_pair(new[u], new[v]) for u, v in graph.edges))
            for order in permutations(range(2, 6))
            for new in [{graph.start: 0, graph.goal: 1, **dict(zip(inner, order, strict=True))}]
        )
        assert seen.setdefault(unlabelled_identity(graph), least) == least
    assert len(seen) > 15
    assert len(set(seen.values())) == len(seen)


# ---- The verifier


@pytest.mark.parametrize(
    ("text", "mark", "step", "reason"),
    [
        ("answer a b d", 1, None, ""),
        ("\n answer  a\tc\nd ", 1, None, ""),
        ("answer a d", 0, 0, "there is no edge from a to d"),
        ("answer a b c d", 0, 1, "there is no edge from b to c"),
        ("answer a b b d", 0, 1, "there is no edge from b to b"),
        ("answer a b z", 0, 1, "there is no edge from b to z"),
        ("answer a b", 0, 1, "ends at b, not at d"),
        ("answer a b a", 0, 2, "ends at a, not at d"),
        ("answer a", 0, 0, "ends at a, not at d"),
        ("answer", 0, 0, "does not start at a"),
        ("answer d b a", 0, 0, "does not start at a"),
        ("answer b d", 0, 0, "does not start at a"),
        ("answer a e f d", 0, 2, "a shortest path has 2 edges"),
        ("answer a b a b d", 0, 2, "a shortest path has 2 edges"),
        ("answer a b d f", 0, 2, "a shortest path has 2 edges"),
        ("answer a e d", 0, 1, "there is no edge from e to d"),
        ("", -1, None, "unparsable: no answer"),
        ("a b d", -1, None, "unparsable: no answer"),
        ("Answer a b d", -1, None, "unparsable: no answer"),
        ("answer a b d answer a b d", -1, None, "unparsable: answer is no name of a node"),
        ("answer a ; b ; d", -1, None, "unparsable: ; is no name of a node"),
        ("answer abd", -1, None, "unparsable: abd is no name of a node"),
    ],
)
def test_verdicts_by_hand(text: str, mark: int, step: int | None, reason: str) -> None:
    verdict = verify(GRAPH, text)
    assert (verdict.answer, verdict.process, verdict.first_wrong_step) == (Score(mark), Score(mark), step)
    assert verdict.reason == reason
    assert verify(GRAPH, text, truncated=True) == Verdict(Score.UNSCORABLE, Score.UNSCORABLE, None, "truncated")


@pytest.mark.parametrize("text", ["answer " + "a b " * 20_000, "answer " + "x" * 99_000, "\n" * 99_000])
def test_time_and_reason_are_bounded_on_hostile_text(text: str) -> None:
    with bounded(1):
        verdict = verify(GRAPH, text)
    assert verdict.process is not Score.CORRECT
    assert 0 < len(verdict.reason) < 100


# ---- The knobs


@pytest.mark.parametrize(
    ("knobs", "message"),
    [
        ({"min_length": 1}, "min_length"),
        ({"graph": "star", "max_answers": 4}, "max_answers must be at most arms (3), is 4"),
        ({"graph": "star", "arms": 7}, "names must be at least 29, as many as there are nodes, is 26"),
        ({"graph": "star", "names": 53}, "names"),
        ({"nodes": 4, "edges": 5}, "nodes must be more than max_length (4), is 4"),
        ({"nodes": 10, "edges": 8}, "edges must be 9 to 45 with 10 nodes, is 8"),
        ({"nodes": 10, "edges": 46}, "edges must be 9 to 45 with 10 nodes, is 46"),
        ({"nodes": 27, "edges": 30}, "names must be at least 27, as many as there are nodes, is 26"),
        ({"min_answers": 3}, "max_answers must be at least min_answers (3), is 1"),
        ({"graph": "tree"}, "graph"),
    ],
    ids=str,
)
def test_bad_knobs_are_one_line_that_names_the_field(knobs: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as error:
        Paths.parse(knobs, "world.json")
    assert str(error.value).startswith("world.json: ")
    assert "\n" not in str(error.value)
    assert message in str(error.value)


@pytest.mark.parametrize("name", ["as it comes", *PATHS])
def test_there_are_problems_of_every_level_in_every_split(name: str) -> None:
    world = PATHS.get(name, Paths())
    for split in SPLITS:
        for level in world.levels:
            assert world.at_level(level).problem(split, 0, 0).level == level


def test_levels_share_a_vocabulary() -> None:
    """So that one model meets lengths that it was not trained on."""
    for world in PATHS.values():
        assert {world.at_level(level).words() for level in world.levels} == {world.words()}


def test_where_there_is_no_such_graph_the_message_says_what_to_change() -> None:
    world = Paths(nodes=6, edges=7, min_length=4)
    with pytest.raises(InputError, match=r"empty at length 4 with 1 right answer: no such graphs .*; raise nodes"):
        world.problem("train", 0, 0)
    with pytest.raises(InputError, match=r"empty at length 2 with 4 right answers: .* or lower max_answers"):
        Paths(nodes=5, edges=5, max_length=2, min_answers=4, max_answers=4).problem("train", 0, 0)
