"""Paths: find a shortest path from one node of a graph to another.

    edges c d ; a b ; d b ; a c ; e d ; from a to d :    the prompt
    answer a b d                                         one of 2 solutions: a b d and a c d

All right answers of a problem are known and of equal length. So the probability that a model gives to each of them,
and to all together, is exact by teacher forcing.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import pairwise
from string import ascii_letters
from typing import Literal, Self

from pydantic import Field, model_validator

from edgewise.tasks.base import Problem, Split, Verdict, right, unscorable
from edgewise.tasks.drawn import DrawnWorld, Proposal, Statement
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
from edgewise.tasks.verdict import Score, Unscorable

NAMES = ascii_letters


class Paths(DrawnWorld):
    """A graph, given by its edges, and a shortest path to find in it; the level is the number of edges of the path.

    Edges are undirected, and their order, the order of their ends and the names of nodes tell nothing. Each number of
    right answers from `min_answers` to `max_answers` is equally likely; no more are right.

    A star has `arms` arms of equal length from its centre, the start, and as many as there are right answers end at
    the goal. Only the first step is a choice, and it is seen from the other end: the pitfall of next-token prediction
    (Bachmann and Nagarajan, arXiv 2403.06963), whose graphs have one right answer. All stars of one shape differ in
    their names alone, so the names decide the split. Random graphs that differ in their names alone are in one split.
    """

    world: Literal["paths"] = "paths"
    version: Literal[1] = 1
    graph: Literal["random", "star"] = Field("random", description="which graphs are drawn")
    min_length: int = Field(2, ge=2, description="fewest edges of a shortest path")
    max_length: int = Field(4, ge=2, description="most edges of a shortest path")
    min_answers: int = Field(1, ge=1, description="fewest right answers")
    max_answers: int = Field(1, ge=1, le=100, description="most right answers")
    arms: int = Field(3, ge=2, description="how many arms a star has")
    nodes: int = Field(10, ge=3, description="how many nodes a random graph has")
    edges: int = Field(13, ge=2, description="how many edges a random graph has")
    names: int = Field(26, le=len(NAMES), description="how many names there are, of which nodes take any")

    ranges = (("min_length", "max_length"), ("min_answers", "max_answers"))
    id_knobs = ()
    level_text = "length {}"
    remedy = "no such graphs are found; raise nodes and edges, or lower max_answers"

    @model_validator(mode="after")
    def _graphs_exist(self) -> Self:
        if self.graph == "star":
            if self.max_answers > self.arms:
                raise ValueError(f"max_answers must be at most arms ({self.arms}), is {self.max_answers}")
            needed = 1 + self.arms * self.max_length
        else:
            if self.nodes <= self.max_length:
                raise ValueError(f"nodes must be more than max_length ({self.max_length}), is {self.nodes}")
            most = self.nodes * (self.nodes - 1) // 2
            if not self.nodes - 1 <= self.edges <= most:
                raise ValueError(f"edges must be {self.nodes - 1} to {most} with {self.nodes} nodes, is {self.edges}")
            needed = self.nodes
        if self.names < needed:
            raise ValueError(f"names must be at least {needed}, as many as there are nodes, is {self.names}")
        return self

    def words(self) -> tuple[str, ...]:
        return ("edges", "from", "to", "answer", ":", ";", *NAMES[: self.names])

    def propose(self, source: random.Random, level: int) -> Iterator[Proposal | None]:
        answers = source.randint(self.min_answers, self.max_answers)
        while True:
            if self.graph == "star":
                graph = self._named(source, star_graph(self.arms, level, answers))
                yield Proposal(labelled_identity(graph), graph)
            else:
                drawn = draw_path_graph(source, self.nodes, self.edges, level, answers)
                yield None if drawn is None else Proposal(unlabelled_identity(drawn), self._named(source, drawn))

    def place(self, split: Split, seed: int, index: int) -> str:
        source = self.source(split, seed, index)
        level, answers = self.draw_level(source), source.randint(self.min_answers, self.max_answers)
        return f"{self.level_text.format(level)} with {answers} right answer{'s' if answers > 1 else ''}"

    def _named(self, source: random.Random, graph: PathGraph) -> PathGraph:
        nodes = 1 + max(node for pair in graph.edges for node in pair)
        return with_nodes(graph, source.sample(range(self.names), nodes))

    def finish(self, source: random.Random, graph: PathGraph) -> Statement:
        """The gold object is the graph, whose nodes are numbers of names; the answer is any of the right paths."""
        told = [source.sample(pair, 2) for pair in graph.edges]
        source.shuffle(told)
        edges = " ; ".join(map(_written, told))
        prompt = f"edges {edges} ; from {NAMES[graph.start]} to {NAMES[graph.goal]} :"
        return Statement(prompt, _written(source.choice(shortest_paths(graph))), graph)

    def solution(self, problem: Problem) -> str:
        """One of `answers`, chosen by the problem's address, each equally likely."""
        return f"answer {problem.answer}"

    def answers(self, problem: Problem) -> tuple[str, ...]:
        """Every right completion of a problem, in a fixed order."""
        return tuple(f"answer {_written(path)}" for path in shortest_paths(problem.gold))

    def check(self, problem: Problem, text: str) -> Verdict:
        """A completion is `answer` and the nodes of the path, from the start to the goal.

        The process is the answer, and its steps are the edges of the path. A step is wrong if there is no such edge,
        or if the path was as long as a shortest one before it. A path that stops short of the goal lacks a step.
        Anything but `answer` and names is unscorable.
        """
        graph: PathGraph = problem.gold
        first, *written = text.split() or [""]
        if first != "answer":
            return unscorable(Unscorable.NO_ANSWER)
        for word in written:
            if word not in _NUMBERS:
                return unscorable(Unscorable.NO_NODE, f"{word:.40}")
        wrong = _first_wrong_step(graph, [_NUMBERS[word] for word in written])
        if wrong is None:
            return right("".join(written))
        return Verdict(Score.WRONG, Score.WRONG, *wrong, "".join(written))


_NUMBERS = {name: number for number, name in enumerate(NAMES)}


def _written(path: tuple[int, ...] | list[int]) -> str:
    return " ".join([NAMES[node] for node in path])


def _first_wrong_step(graph: PathGraph, path: list[int]) -> tuple[int, str] | None:
    if path[:1] != [graph.start]:
        return 0, f"does not start at {NAMES[graph.start]}"
    edges = set(graph.edges)
    for step, (u, v) in enumerate(pairwise(path)):
        if node_pair(u, v) not in edges:
            return step, f"there is no edge from {NAMES[u]} to {NAMES[v]}"
        if step == graph.length:
            return step, f"a shortest path has {graph.length} edges"
    if path[-1] != graph.goal:
        return len(path) - 1, f"ends at {NAMES[path[-1]]}, not at {NAMES[graph.goal]}"
    return None
