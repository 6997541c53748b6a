"""Colouring: give every vertex of a graph a colour that none of its neighbours has.

    edges a b ; a c ; b c ; c d ; c e ; colours 3 :    the prompt
    answer red green blue red green                    one of 24 solutions: the colours of a, b, c, d, e

Each problem has 20 to 100 right answers, all of them known and of equal length. So the probability that a model
gives to each of them, and to all together, is exact by teacher forcing.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from typing import Literal

from pydantic import Field

from edgewise.tasks.base import Problem, Verdict, right, unscorable
from edgewise.tasks.drawn import DrawnWorld, Proposal, Statement
from edgewise.tasks.verdict import Score, Unscorable

FEWEST_ANSWERS, MOST_ANSWERS = 20, 100
VERTICES = "abcdefgh"
COLOURS = ("red", "green", "blue", "yellow")


@dataclass(frozen=True, slots=True)
class ColouringGraph:
    """`vertices` vertices (0, 1, ...), edges in ascending order with the smaller end first, number of colours."""

    vertices: int
    edges: tuple[tuple[int, int], ...]
    colours: int


class Colouring(DrawnWorld):
    """A connected graph to colour; the level is the number of vertices.

    Every problem has 20 to 100 right answers. So each further vertex divides the chance of a guess by `colours`, and
    as there must be more edges, it restricts what may follow what was written. The splits keep isomorphic graphs
    together, and there are few different graphs of few vertices: with 3 colours 9, 47, 267 and 2,453 at 5, 6, 7 and
    8 vertices. Some splits are empty at 5 vertices, and with 4 colours at 6.
    """

    world: Literal["colouring"] = "colouring"
    version: Literal[1] = 1
    min_vertices: int = Field(6, ge=5, description="fewest vertices")
    max_vertices: int = Field(8, le=len(VERTICES), description="most vertices")
    colours: int = Field(3, ge=3, le=len(COLOURS), description="how many colours there are")

    ranges = (("min_vertices", "max_vertices"),)
    id_knobs = ()
    level_text = "{} vertices"
    remedy = "too few different graphs; raise min_vertices"

    def words(self) -> tuple[str, ...]:
        offered = COLOURS[: self.colours]
        return ("edges", "colours", "answer", ":", ";", str(self.colours), *VERTICES[: self.max_vertices], *offered)

    def propose(self, source: random.Random, level: int) -> Iterator[Proposal | None]:
        while True:
            graph = draw_graph(source, level, self.colours)
            yield None if graph is None else Proposal(graph_identity(graph), graph)

    def finish(self, source: random.Random, graph: ColouringGraph) -> Statement:
        edges = " ; ".join([f"{VERTICES[u]} {VERTICES[v]}" for u, v in graph.edges])
        prompt = f"edges {edges} ; colours {graph.colours} :"
        return Statement(prompt, _named(draw_colouring(source, graph)), graph)

    def problem_id(self, level: int, identity: int, gold: ColouringGraph) -> str:
        return f"colouring-{self.colours}-{level}-{identity:016x}"

    def solution(self, problem: Problem) -> str:
        """One of `answers`, chosen by the problem's address, each equally likely."""
        return f"answer {problem.answer}"

    def answers(self, problem: Problem) -> tuple[str, ...]:
        """Every right completion of a problem, 20 to 100, in a fixed order."""
        return tuple(f"answer {_named(colouring)}" for colouring in colourings(problem.gold))

    def check(self, problem: Problem, text: str) -> Verdict:
        """A completion is `answer` and one colour for each vertex, in the order of the vertices.

        The process is the answer, and its steps are the vertices. Too many or too few colours are wrong. Anything but
        `answer` and colours that the problem offers is unscorable.
        """
        graph: ColouringGraph = problem.gold
        first, *written = text.split() or [""]
        if first != "answer":
            return unscorable(Unscorable.NO_ANSWER)
        offered = COLOURS[: graph.colours]
        for word in written:
            if word not in offered:
                return unscorable(Unscorable.NO_COLOUR, f"{word:.40}")
        wrong = _first_wrong_vertex(graph, written)
        if wrong is None:
            return right("".join(written))
        return Verdict(Score.WRONG, Score.WRONG, *wrong, "".join(written))


def _named(colouring: tuple[int, ...]) -> str:
    return " ".join([COLOURS[colour] for colour in colouring])


def _first_wrong_vertex(graph: ColouringGraph, written: list[str]) -> tuple[int, str] | None:
    equal = [(v, u) for u, v in graph.edges if v < len(written) and written[u] == written[v]]
    if equal:
        # The later vertex counts: only there is the colour impossible.
        v, u = min(equal)
        return v, f"{VERTICES[u]} and {VERTICES[v]} are neighbours and both {written[v]}"
    if len(written) != graph.vertices:
        return min(len(written), graph.vertices), f"{len(written)} colours for {graph.vertices} vertices"
    return None


def draw_graph(source: random.Random, vertices: int, colours: int) -> ColouringGraph | None:
    """A connected graph with FEWEST_ANSWERS to MOST_ANSWERS colourings; None if this draw leads to none.

    All pairs of vertices are put in random order. A pair that joins two components becomes an edge, which gives a
    random tree. Then each further pair that leaves FEWEST_ANSWERS colourings becomes an edge, until there are at most
    as many colourings as a number drawn from the range, so that numbers of answers are spread over it.
    """
    ways = _Ways.of(vertices, colours)
    pairs = sorted(ways.differ.items(), key=lambda _: source.random())
    component = [1 << v for v in range(vertices)]
    allowed = ways.all
    edges = []
    spare = []
    for pair, differing in pairs:
        u, v = pair
        if component[u] & component[v]:
            spare.append((pair, differing))
            continue
        joined = component[u] | component[v]
        component = [joined if joined & members else members for members in component]
        allowed &= differing
        edges.append(pair)
    wanted = source.randint(FEWEST_ANSWERS, MOST_ANSWERS)
    count = colours * allowed.bit_count()
    for pair, differing in spare:
        if count <= wanted:
            break
        remaining = colours * (allowed & differing).bit_count()
        if remaining >= FEWEST_ANSWERS:
            allowed &= differing
            count = remaining
            edges.append(pair)
    if not FEWEST_ANSWERS <= count <= MOST_ANSWERS:
        return None
    return ColouringGraph(vertices, tuple(sorted(edges)), colours)


def draw_colouring(source: random.Random, graph: ColouringGraph) -> tuple[int, ...]:
    """One of the right colourings, all equally likely."""
    ways = _Ways.of(graph.vertices, graph.colours)
    allowed = ways.of_edges(graph.edges)
    colouring = ways.nth(allowed, source.randrange(allowed.bit_count()))
    return _exchanged(colouring, source.randrange(graph.colours), graph.colours)


def colourings(graph: ColouringGraph) -> list[tuple[int, ...]]:
    """Every right colouring, in ascending order."""
    ways = _Ways.of(graph.vertices, graph.colours)
    allowed = ways.of_edges(graph.edges)
    first_fixed = [ways.nth(allowed, n) for n in range(allowed.bit_count())]
    return sorted(_exchanged(colouring, by, graph.colours) for colouring in first_fixed for by in range(graph.colours))


def graph_identity(graph: ColouringGraph) -> int:
    """A 64-bit hash of the graph without its labels, and of the number of colours.

    The entries of (A + D)^2, A the adjacency and D the degree matrix, are sorted within every row, and then the rows:
    equal for isomorphic graphs, and different for all others that are connected and have up to 8 vertices (the tests
    count them).
    """
    # One row is one integer with a byte for each entry, at most 56, so that rows are added as numbers.
    rows = [1 << 8 * v for v in range(graph.vertices)]
    for _ in range(2):
        before, rows = rows, [0] * graph.vertices
        for u, v in graph.edges:
            both = before[u] + before[v]
            rows[u] += both
            rows[v] += both
    signature = sorted([bytes(sorted(row.to_bytes(graph.vertices, "little"))) for row in rows])
    text = b"%d %d " % (graph.colours, graph.vertices) + b"".join(signature)
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little")


@dataclass(frozen=True, slots=True)
class _Ways:
    """Sets of colourings as big integers, one bit for each way to colour all vertices.

    The first vertex always has the first colour, as colours can be exchanged. `all` is the set of all ways,
    `has[v][c]` those in which vertex v has colour c, `differ` those in which two vertices differ.
    """

    all: int
    has: tuple[tuple[int, ...], ...]
    differ: dict[tuple[int, int], int]

    @staticmethod
    @cache
    def of(vertices: int, colours: int) -> _Ways:
        everything = (1 << colours ** (vertices - 1)) - 1
        has = [(everything, *[0] * (colours - 1))]
        for v in range(vertices - 1):
            # Way n gives the vertices the digits of n to the base `colours`, so a colour comes in runs.
            run = colours**v
            block, period = (1 << run) - 1, run * colours
            repeated = everything // ((1 << period) - 1)
            has.append(tuple((block << run * colour) * repeated for colour in range(colours)))
        differ = {
            (u, v): everything & ~sum(a & b for a, b in zip(has[u], has[v], strict=True))
            for u, v in combinations(range(vertices), 2)
        }
        return _Ways(everything, tuple(has), differ)

    def of_edges(self, edges: tuple[tuple[int, int], ...]) -> int:
        """The ways in which both ends of every edge differ."""
        allowed = self.all
        for edge in edges:
            allowed &= self.differ[edge]
        return allowed

    def nth(self, ways: int, n: int) -> tuple[int, ...]:
        """The n-th of a set of ways, ordered by the colour of the first vertex, then of the second, ..."""
        colours = []
        for has in self.has:
            for colour, having in enumerate(has):
                part = ways & having
                count = part.bit_count()
                if n < count:
                    colours.append(colour)
                    break
                n -= count
            ways = part
        return tuple(colours)


def _exchanged(colouring: tuple[int, ...], by: int, colours: int) -> tuple[int, ...]:
    return tuple([(colour + by) % colours for colour in colouring])
