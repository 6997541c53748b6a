"""Connected graphs with 20 to 100 colourings: drawing them, counting and listing, and their identity.

A set of colourings is a big integer with one bit for each way to colour all vertices; the first
vertex always has the first colour, as colours can be exchanged. The colourings of a graph are the
intersection, over its edges, of the ways in which both ends differ.
"""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass
from functools import cache
from itertools import combinations

FEWEST, MOST = 20, 100
MOST_VERTICES = 8

Edge = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Graph:
    """How many vertices (0, 1, ...), edges in ascending order with the smaller end first, how many colours."""

    vertices: int
    edges: tuple[Edge, ...]
    colours: int


def draw(source: random.Random, vertices: int, colours: int) -> Graph | None:
    """A connected graph with FEWEST to MOST colourings; None where this draw leads to none.

    All pairs are put in random order. Those that join two parts become edges and make a random
    tree; then every further pair that leaves FEWEST colourings, until there are at most a number
    drawn from FEWEST..MOST, so that numbers of answers are spread and not crowded below MOST.
    """
    ways = _Ways.of(vertices, colours)
    pairs = sorted(ways.differ.items(), key=lambda _: source.random())
    part = [1 << v for v in range(vertices)]
    allowed = ways.all
    edges = []
    spare = []
    for pair, differing in pairs:
        u, v = pair
        if part[u] & part[v]:
            spare.append((pair, differing))
            continue
        joined = part[u] | part[v]
        part = [joined if one & joined else one for one in part]
        allowed &= differing
        edges.append(pair)
    wanted = source.randint(FEWEST, MOST)
    count = colours * allowed.bit_count()
    for pair, differing in spare:
        if count <= wanted:
            break
        left = colours * (allowed & differing).bit_count()
        if left >= FEWEST:
            allowed &= differing
            count = left
            edges.append(pair)
    if not FEWEST <= count <= MOST:
        return None
    return Graph(vertices, tuple(sorted(edges)), colours)


def draw_colouring(source: random.Random, graph: Graph) -> tuple[int, ...]:
    """One of the right colourings, all equally likely."""
    ways = _Ways.of(graph.vertices, graph.colours)
    allowed = ways.of_edges(graph.edges)
    colouring = ways.nth(allowed, source.randrange(allowed.bit_count()))
    return _turned(colouring, source.randrange(graph.colours), graph.colours)


def colourings(graph: Graph) -> list[tuple[int, ...]]:
    """Every right colouring, in ascending order."""
    ways = _Ways.of(graph.vertices, graph.colours)
    allowed = ways.of_edges(graph.edges)
    first = [ways.nth(allowed, n) for n in range(allowed.bit_count())]
    return sorted(_turned(colouring, by, graph.colours) for colouring in first for by in range(graph.colours))


def identity(graph: Graph) -> int:
    """A 64-bit hash of the graph without its labels, and of the number of colours.

    The entries of (A + D)^2, A the adjacency and D the degree matrix, sorted within every row and
    then the rows among each other: equal for isomorphic graphs, and different for all others that
    are connected and have up to 8 vertices (the tests count them).
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
    """Sets of ways: all, those in which vertex v has colour c, those in which two vertices differ."""

    all: int
    has: tuple[tuple[int, ...], ...]
    differ: dict[Edge, int]

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

    def of_edges(self, edges: tuple[Edge, ...]) -> int:
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


def _turned(colouring: tuple[int, ...], by: int, colours: int) -> tuple[int, ...]:
    return tuple([(colour + by) % colours for colour in colouring])
