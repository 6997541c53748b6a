"""Graphs with a start and a goal: drawing stars and random graphs, and listing their shortest paths."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations, pairwise

NodePair = tuple[int, int]
"""The numbers of two nodes, the smaller one first."""


@dataclass(frozen=True, slots=True)
class PathGraph:
    """Nodes (numbers, any), undirected edges in ascending order, start, goal, and the edges of a shortest path."""

    edges: tuple[NodePair, ...]
    start: int
    goal: int
    length: int


def shortest_paths(graph: PathGraph) -> list[tuple[int, ...]]:
    """Every path of `length` edges from start to goal, each as its nodes, in ascending order.

    No node is visited twice, as a path that does so is not shortest.
    """
    neighbours = neighbours_of(graph)
    distance = distances(neighbours, graph.goal)
    paths: list[tuple[int, ...]] = [(graph.start,)]
    for left in reversed(range(graph.length)):
        paths = [(*path, v) for path in paths for v in sorted(neighbours[path[-1]]) if distance[v] == left]
    return paths


def neighbours_of(graph: PathGraph) -> dict[int, set[int]]:
    """The neighbours of each node."""
    neighbours: dict[int, set[int]] = {}
    for u, v in graph.edges:
        neighbours.setdefault(u, set()).add(v)
        neighbours.setdefault(v, set()).add(u)
    return neighbours


def distances(neighbours: dict[int, set[int]], node: int) -> dict[int, int]:
    """How many edges each node is away from `node`."""
    distance, frontier = {node: 0}, [node]
    for u in frontier:
        for v in neighbours[u]:
            if v not in distance:
                distance[v] = distance[u] + 1
                frontier.append(v)
    return distance


def star_graph(arms: int, length: int, answers: int) -> PathGraph:
    """A star: `arms` paths of `length` edges from the centre, node 0, of which the first `answers` end at the goal."""
    edges = []
    nodes = goal = 1
    for arm in range(arms):
        inner = range(nodes + 1, nodes + length + (arm >= answers))
        nodes = inner.stop - 1
        path = [0, *inner] if arm >= answers else [0, *inner, goal]
        edges += [node_pair(u, v) for u, v in pairwise(path)]
    return PathGraph(tuple(sorted(edges)), 0, goal, length)


def draw_path_graph(source: random.Random, nodes: int, edges: int, length: int, answers: int) -> PathGraph | None:
    """A connected graph in which `answers` shortest paths lead from node 0 to the goal; None if this draw has none.

    Each node gets a distance from the start of up to `length` + 1, at least one each distance up to `length`; how many
    are nearer than the goal is drawn too. An edge from each to a random node that is one nearer gives a tree with one
    path to the goal. Pairs of nodes whose distances differ by at most one are put in random order. Those that add
    right paths become edges until there are `answers`, then those that add none until there are `edges` edges.
    """
    depth, nearer_than_goal = [0, *range(1, length + 1)], source.random()
    for _ in range(nodes - len(depth)):
        nearer = source.random() < nearer_than_goal
        depth.append(source.randint(1, length - 1) if nearer else source.randint(length, length + 1))
    at_depth = [[v for v in range(nodes) if depth[v] == d] for d in range(length + 2)]
    goal = length
    chosen = {node_pair(source.choice(at_depth[depth[v] - 1]), v) for v in range(1, nodes)}
    pairs = [pair for pair in combinations(range(nodes), 2) if abs(depth[pair[0]] - depth[pair[1]]) <= 1]
    pairs = [pair for pair in pairs if pair not in chosen]
    source.shuffle(pairs)
    count = 1
    while count < answers and len(chosen) < edges:
        ways = _Ways(chosen, depth, goal)
        added = next((pair for pair in pairs if 0 < ways.added_by(pair) <= answers - count), None)
        if added is None:
            return None
        count += ways.added_by(added)
        chosen.add(added)
        pairs.remove(added)
    ways = _Ways(chosen, depth, goal)
    for pair in pairs:
        if len(chosen) == edges:
            break
        if not ways.added_by(pair):
            chosen.add(pair)
            if depth[pair[0]] != depth[pair[1]]:
                ways = _Ways(chosen, depth, goal)
    if count != answers or len(chosen) != edges:
        return None
    return PathGraph(tuple(sorted(chosen)), 0, goal, length)


def with_nodes(graph: PathGraph, new: list[int]) -> PathGraph:
    """The same graph with other numbers, `new[v]` for node v."""
    edges = sorted(node_pair(new[u], new[v]) for u, v in graph.edges)
    return PathGraph(tuple(edges), new[graph.start], new[graph.goal], graph.length)


def node_pair(u: int, v: int) -> NodePair:
    """The edge between two nodes."""
    return (u, v) if u < v else (v, u)


def labelled_identity(graph: PathGraph) -> int:
    """A 64-bit hash of the graph with its numbers."""
    return _hash([graph.start, graph.goal, *(node for pair in graph.edges for node in pair)])


def unlabelled_identity(graph: PathGraph) -> int:
    """A 64-bit hash that is equal for graphs that differ in their numbers alone, start and goal being told apart.

    Colour refinement: the colour of a node is its distances from start and goal, and is then hashed with the sorted
    colours of its neighbours until no more nodes are told apart. Few graphs that differ share a hash.
    """
    neighbours = neighbours_of(graph)
    from_start, from_goal = distances(neighbours, graph.start), distances(neighbours, graph.goal)
    colour = {v: _hash([from_start[v], from_goal[v], len(neighbours[v])]) for v in neighbours}
    told_apart = 0
    while len(set(colour.values())) > told_apart:
        told_apart = len(set(colour.values()))
        colour = {v: _hash([colour[v], *sorted(colour[n] for n in neighbours[v])]) for v in neighbours}
    return _hash(sorted(colour.values()))


def _hash(numbers: Iterable[int]) -> int:
    text = b" ".join([b"%d" % number for number in numbers])
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little")


class _Ways:
    """How many shortest paths lead from the start to each node and from each node to the goal."""

    def __init__(self, edges: set[NodePair], depth: list[int], goal: int) -> None:
        self._depth = depth
        nearer: list[list[int]] = [[] for _ in depth]
        for u, v in edges:
            if depth[u] != depth[v]:
                u, v = (u, v) if depth[u] < depth[v] else (v, u)
                nearer[v].append(u)
        by_depth = sorted(range(len(depth)), key=depth.__getitem__)
        self._to = [0] * len(depth)
        self._to[0] = 1
        for v in by_depth[1:]:
            self._to[v] = sum([self._to[u] for u in nearer[v]])
        self._on = [0] * len(depth)
        self._on[goal] = 1
        for v in reversed(by_depth):
            for u in nearer[v]:
                self._on[u] += self._on[v]

    def added_by(self, pair: NodePair) -> int:
        """How many right paths this edge would add."""
        u, v = pair
        if self._depth[u] > self._depth[v]:
            u, v = v, u
        return self._to[u] * self._on[v] if self._depth[u] < self._depth[v] else 0
