"""Colouring: the answers are all right answers, by brute force, and the splits keep isomorphic graphs together."""

from __future__ import annotations

import random
from collections import Counter
from functools import partial
from itertools import combinations, permutations, product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewise.core.errors import InputError
from edgewise.tasks import SPLITS, Score, Verdict
from edgewise.tasks.base import MAX_CHARACTERS
from edgewise.tasks.colouring import (
    COLOURS,
    VERTICES,
    Colouring,
    ColouringGraph,
    colourings,
    draw_colouring,
    draw_graph,
    graph_identity,
)
from tests.bounded import bounded
from tests.tasks.verdicts import all_right, verdict_of

COLOURING = {
    "colouring": Colouring(),
    "colouring, few graphs": Colouring(min_vertices=5, max_vertices=5),
    "colouring, four colours": Colouring(min_vertices=7, max_vertices=7, colours=4),
}

# A triangle a b c with d at c and e at d: 3 * 2 * 1 * 2 * 2 colourings.
GRAPH = ColouringGraph(5, ((0, 1), (0, 2), (1, 2), (2, 3), (3, 4)), 3)
verify = partial(verdict_of, Colouring())


def read(prompt: str) -> tuple[list[tuple[str, str]], int]:
    """The edges and the number of colours of a prompt."""
    *edges, last = prompt.removeprefix("edges ").removesuffix(" :").split(" ; ")
    pairs = []
    for edge in edges:
        one, other = edge.split()
        pairs.append((one, other))
    word, colours = last.split()
    assert word == "colours"
    return pairs, int(colours)


def by_brute_force(prompt: str) -> set[str]:
    """Every right completion, from the text of the prompt alone."""
    edges, colours = read(prompt)
    vertices = sorted({vertex for edge in edges for vertex in edge})
    found = set()
    for way in product(COLOURS[:colours], repeat=len(vertices)):
        colour = dict(zip(vertices, way, strict=True))
        if all(colour[one] != colour[other] for one, other in edges):
            found.add(f"answer {' '.join(way)}")
    return found


def connected(vertices: int, edges: tuple[tuple[int, int], ...]) -> bool:
    reached, before = {0}, set[int]()
    while reached != before:
        before = set(reached)
        reached |= {v for edge in edges if set(edge) & before for v in edge}
    return len(reached) == vertices


def renamed(graph: ColouringGraph, new: list[int]) -> ColouringGraph:
    edges = sorted((min(new[u], new[v]), max(new[u], new[v])) for u, v in graph.edges)
    return ColouringGraph(graph.vertices, tuple(edges), graph.colours)


def connected_graphs(most: int) -> list[list[ColouringGraph]]:
    """One graph of each identity, by size: every connected graph is a smaller one with one more vertex."""
    found = [[ColouringGraph(1, (), 3)]]
    for vertices in range(2, most + 1):
        classes: dict[int, ColouringGraph] = {}
        for smaller in found[-1]:
            for size in range(1, vertices):
                for joined in combinations(range(vertices - 1), size):
                    edges = (*smaller.edges, *((v, vertices - 1) for v in joined))
                    graph = ColouringGraph(vertices, tuple(sorted(edges)), 3)
                    classes.setdefault(graph_identity(graph), graph)
        found.append(list(classes.values()))
    return found


# ---- All right answers


@pytest.mark.parametrize("name", COLOURING)
def test_answers_are_exactly_the_right_ones(name: str) -> None:
    world = COLOURING[name]
    for split in ("train", "held_out"):
        for index in range(12):
            problem = world.problem(split, 5, index)
            answers = world.answers(problem)
            assert len(set(answers)) == len(answers)
            assert set(answers) == by_brute_force(problem.prompt)
            assert 20 <= len(answers) <= 100
            assert {len(answer.split()) for answer in answers} == {problem.level + 1}
            assert world.solution(problem) in answers


@pytest.mark.parametrize("name", ["colouring, few graphs", "colouring"])
def test_the_verifier_accepts_the_answers_and_nothing_else(name: str) -> None:
    """Every way to give every vertex a colour."""
    world = COLOURING[name]
    for index in range(2):
        problem = world.problem("train", 6, index)
        right = by_brute_force(problem.prompt)
        for way in product(COLOURS[:3], repeat=problem.level):
            text = f"answer {' '.join(way)}"
            verdict = world.verify(problem, text)
            assert verdict.answer is verdict.process is (Score.CORRECT if text in right else Score.WRONG)


def test_the_first_wrong_step_is_the_first_vertex_that_cannot_be_as_it_is() -> None:
    world = COLOURING["colouring"]
    source = random.Random(0)
    for index in range(200):
        problem = world.problem("test", 7, index)
        edges, _ = read(problem.prompt)
        way = [source.choice(COLOURS[:3]) for _ in range(problem.level)]
        clashes = [max(one, other) for one, other in edges if way[ord(one) - 97] == way[ord(other) - 97]]
        verdict = world.verify(problem, f"answer {' '.join(way)}")
        assert verdict.first_wrong_step == (min(map(VERTICES.index, clashes)) if clashes else None)


@pytest.mark.parametrize("name", COLOURING)
def test_problems_are_connected_graphs_in_plain_order(name: str) -> None:
    world = COLOURING[name]
    for index in range(200):
        problem = world.problem("train", 8, index)
        graph: ColouringGraph = problem.gold
        edges, colours = read(problem.prompt)
        assert edges == sorted(set(edges))
        assert all(one < other for one, other in edges)
        assert [(VERTICES.index(one), VERTICES.index(other)) for one, other in edges] == list(graph.edges)
        assert connected(problem.level, graph.edges)
        assert colours == graph.colours == world.colours
        assert graph.vertices == problem.level
        assert set("".join(one + other for one, other in edges)) == set(VERTICES[: problem.level])


# ---- Which graphs are drawn


@pytest.mark.parametrize(("vertices", "colours"), [(5, 3), (5, 4), (6, 3), (6, 4)])
def test_every_graph_with_20_to_100_answers_is_drawn(vertices: int, colours: int) -> None:
    """No class of graphs is left out: all that are in range come up, and hardly a draw is in vain."""
    source = random.Random(1)
    drawn = [draw_graph(source, vertices, colours) for _ in range(8000 if vertices == 6 else 2000)]
    assert sum(graph is None for graph in drawn) <= len(drawn) // 100
    found = {graph_identity(graph) for graph in drawn if graph}
    graphs = [ColouringGraph(vertices, graph.edges, colours) for graph in connected_graphs(vertices)[-1]]
    assert found == {graph_identity(graph) for graph in graphs if 20 <= len(colourings(graph)) <= 100}


@pytest.mark.parametrize("colours", [3, 4])
@pytest.mark.parametrize("vertices", [5, 6, 7, 8])
def test_hardly_a_draw_is_in_vain(vertices: int, colours: int) -> None:
    source = random.Random(2)
    drawn = [draw_graph(source, vertices, colours) for _ in range(500)]
    assert sum(graph is None for graph in drawn) <= 5
    counts = [len(colourings(graph)) for graph in drawn[:60] if graph]
    assert min(counts) <= 36
    assert max(counts) >= 48


def test_gold_colourings_are_all_answers_equally_often() -> None:
    source = random.Random(3)
    answers = colourings(GRAPH)
    counts = Counter(draw_colouring(source, GRAPH) for _ in range(100 * len(answers)))
    assert set(counts) == set(answers)
    # Chi-square with 23 degrees of freedom: mean 23, standard deviation 6.8.
    assert sum((counts[one] - 100) ** 2 / 100 for one in answers) < 23 + 5 * 6.8


def test_gold_colourings_of_a_graph_differ_from_address_to_address() -> None:
    """As many different ones come up as in independent draws from all answers."""
    world = COLOURING["colouring, few graphs"]
    golds: dict[str, list[str]] = {}
    answers: dict[str, set[str]] = {}
    for index in range(3000):
        problem = world.problem("train", 9, index)
        golds.setdefault(problem.prompt, []).append(world.solution(problem))
        answers[problem.prompt] = set(world.answers(problem))
    assert all(set(golds[prompt]) <= answers[prompt] for prompt in golds)
    expected = sum(len(answers[p]) * (1 - (1 - 1 / len(answers[p])) ** len(golds[p])) for p in golds)
    assert abs(sum(len(set(found)) for found in golds.values()) / expected - 1) < 0.03


# ---- What is one problem


@given(st.integers(0, 10_000), st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=100)
def test_renamed_graphs_are_one_problem(index: int, source: random.Random) -> None:
    graph: ColouringGraph = COLOURING["colouring"].problem("train", 10, index).gold
    new = source.sample(range(graph.vertices), graph.vertices)
    assert graph_identity(renamed(graph, new)) == graph_identity(graph)
    assert graph_identity(ColouringGraph(graph.vertices, graph.edges, 4)) != graph_identity(graph)
    assert graph_identity(ColouringGraph(graph.vertices, graph.edges[1:], 3)) != graph_identity(graph)


def test_graphs_with_one_identity_are_isomorphic() -> None:
    """As many identities as there are connected graphs (OEIS A001349), so that none is shared."""
    assert [len(graphs) for graphs in connected_graphs(7)] == [1, 1, 2, 6, 21, 112, 853]


@pytest.mark.slow
def test_graphs_of_eight_vertices_with_one_identity_are_isomorphic() -> None:
    assert len(connected_graphs(8)[-1]) == 11_117


def test_isomorphism_by_brute_force() -> None:
    """All graphs with five vertices: equal identity if and only if some renaming makes them equal."""
    source = random.Random(4)
    pairs = list(combinations(range(5), 2))
    seen: dict[int, frozenset[tuple[int, int]]] = {}
    for _ in range(150):
        edges = tuple(sorted(source.sample(pairs, source.randint(4, 8))))
        graph = ColouringGraph(5, edges, 3)
        if not connected(5, edges):
            continue
        least = min(renamed(graph, list(new)).edges for new in permutations(range(5)))
        assert seen.setdefault(graph_identity(graph), frozenset(least)) == frozenset(least)
    assert len(seen) > 10


# ---- The verifier


@pytest.mark.parametrize(
    ("text", "mark", "step", "reason"),
    [
        ("answer red green blue red green", 1, None, ""),
        ("\n answer  red\tgreen blue red\ngreen ", 1, None, ""),
        ("answer green red blue green blue", 1, None, ""),
        ("answer red red blue red green", 0, 1, "a and b are neighbours and both red"),
        ("answer red green red red green", 0, 2, "a and c are neighbours and both red"),
        ("answer red green blue red red", 0, 4, "d and e are neighbours and both red"),
        ("answer red green blue red", 0, 4, "4 colours for 5 vertices"),
        ("answer red green blue red green red", 0, 5, "6 colours for 5 vertices"),
        ("answer red red", 0, 1, "a and b are neighbours and both red"),
        ("answer", 0, 0, "0 colours for 5 vertices"),
        ("", -1, None, "unparsable: no answer"),
        ("red green blue red green", -1, None, "unparsable: no answer"),
        ("Answer red green blue red green", -1, None, "unparsable: no answer"),
        ("answer red green blue red green answer red green blue red green", -1, None, "unparsable: answer is none"),
        ("answer red green blue red yellow", -1, None, "unparsable: yellow is none of the colours"),
        ("answer red , green", -1, None, "unparsable: , is none of the colours"),
        ("answer r g b r g", -1, None, "unparsable: r is none of the colours"),
        ("answer : red green blue red green", -1, None, "unparsable: : is none of the colours"),
        ("answer redgreenblueredgreen", -1, None, "unparsable: redgreenblueredgreen is none"),
    ],
)
def test_verdicts_by_hand(text: str, mark: int, step: int | None, reason: str) -> None:
    verdict = verify(GRAPH, text)
    assert (verdict.answer, verdict.process, verdict.first_wrong_step) == (Score(mark), Score(mark), step)
    assert verdict.reason.startswith(reason)
    assert bool(verdict.reason) == bool(reason)
    assert verify(GRAPH, text, truncated=True) == Verdict(Score.UNSCORABLE, Score.UNSCORABLE, None, "truncated")


@pytest.mark.parametrize(
    "text", ["answer " + "red " * 20_000, "answer " + "x" * 99_000, "\n" * 99_000, "answer " * 14_000]
)
def test_time_and_reason_are_bounded_on_hostile_text(text: str) -> None:
    with bounded(1):
        verdict = verify(GRAPH, text)
    assert verdict.process is not Score.CORRECT
    assert 0 < len(verdict.reason) < 100


def test_text_over_the_limit_is_not_read_at_all() -> None:
    gold = "answer red green blue red green"
    assert verify(GRAPH, gold.ljust(MAX_CHARACTERS)) == all_right("redgreenblueredgreen")
    assert verify(GRAPH, gold.ljust(MAX_CHARACTERS + 1)).answer is Score.UNSCORABLE


# ---- The knobs


@pytest.mark.parametrize(
    ("knobs", "words"),
    [
        ({"min_vertices": 4}, ("min_vertices", "4")),
        ({"max_vertices": 9}, ("max_vertices", "8")),
        ({"min_vertices": 7, "max_vertices": 6}, ("max_vertices must be at least min_vertices (7), is 6",)),
        ({"colours": 2}, ("colours", "3")),
        ({"colours": 5}, ("colours", "4")),
        ({"vertices": 5}, ("vertices",)),
    ],
    ids=str,
)
def test_bad_knobs_are_one_line_that_names_the_field(knobs: dict[str, Any], words: tuple[str, ...]) -> None:
    with pytest.raises(InputError) as error:
        Colouring.parse(knobs, "world.json")
    assert str(error.value).startswith("world.json: ")
    assert "\n" not in str(error.value)
    for word in words:
        assert word in str(error.value)


def test_the_default_has_problems_of_every_level_in_every_split() -> None:
    for split in SPLITS:
        for level in Colouring().levels:
            assert Colouring().at_level(level).problem(split, 0, 0).level == level


def test_an_empty_split_says_what_to_raise() -> None:
    with pytest.raises(InputError, match=r"split 'validation' is empty at 5 vertices: .* raise min_vertices"):
        COLOURING["colouring, few graphs"].problem("validation", 0, 0)
    with pytest.raises(InputError, match="split: must be one of"):
        Colouring().problem("dev", 0, 0)  # type: ignore[arg-type]
