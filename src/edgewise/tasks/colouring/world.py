"""The world of colouring: its knobs, its problems, its splits, and all right answers.

    edges a b ; a c ; b c ; c d ; c e ; colours 3 :    the prompt
    answer red green blue red green                    one of 24 solutions: the colours of a, b, c, d, e

Every right answer to a problem has as many words as every other.
"""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from edgewise.core.errors import InputError
from edgewise.core.keyed import rng
from edgewise.tasks.base import Problem, Split, Verdict, World, check_split, split_of
from edgewise.tasks.colouring.graph import MOST_VERTICES, Graph, colourings, draw, draw_colouring, identity
from edgewise.tasks.colouring.verifier import COLOURS, VERTICES, check

_MAX_DRAWS = 2000


class Colouring(World):
    """A connected graph to colour; the level is the number of vertices.

    Every problem has 20 to 100 right answers, so each further vertex divides the chance of a guess
    by `colours` and, as there must be more edges, restricts what may follow what was written. The
    splits keep isomorphic graphs together, which leaves few different ones of few vertices: of those
    with 3 colours, 9, 47, 267 and 2,453 at 5, 6, 7 and 8 vertices. Some splits are empty at 5
    vertices, and with 4 colours at 6.
    """

    world: Literal["colouring"] = "colouring"
    version: Literal[1] = 1
    min_vertices: int = Field(6, ge=5, description="fewest vertices")
    max_vertices: int = Field(8, le=MOST_VERTICES, description="most vertices")
    colours: int = Field(3, ge=3, le=len(COLOURS), description="how many colours there are")

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.max_vertices < self.min_vertices:
            raise ValueError(
                f"max_vertices must be at least min_vertices ({self.min_vertices}), is {self.max_vertices}"
            )
        return self

    @property
    def levels(self) -> range:
        return range(self.min_vertices, self.max_vertices + 1)

    def at_level(self, level: int) -> Self:
        knobs = {**self.model_dump(), "min_vertices": level, "max_vertices": level}
        return type(self).parse(knobs, f"{level} vertices")

    def words(self) -> tuple[str, ...]:
        offered = COLOURS[: self.colours]
        return ("edges", "colours", "answer", ":", ";", str(self.colours), *VERTICES[: self.max_vertices], *offered)

    def problem(self, split: Split, seed: int, index: int) -> Problem:
        """Problem `index` of a split; InputError where the split holds no graph of that size.

        The number of vertices is drawn first and kept.
        """
        check_split(split)
        source = rng("problem", self._digest, split, seed, index)
        level = source.choice(self.levels)
        for _ in range(_MAX_DRAWS):
            graph = draw(source, level, self.colours)
            if graph is not None and split_of(name := identity(graph)) == split:
                break
        else:
            raise InputError(
                f"split {split!r} is empty at {level} vertices: too few different graphs; raise min_vertices"
            )
        return Problem(
            world=self.world,
            split=split,
            seed=seed,
            index=index,
            level=level,
            id=f"colouring-{self.colours}-{level}-{name:016x}",
            prompt=_prompt(graph),
            answer=_colours(draw_colouring(source, graph)),
            gold=graph,
        )

    def solution(self, problem: Problem) -> str:
        """One of `answers`, each as likely, chosen by the problem's address."""
        return f"answer {problem.answer}"

    def answers(self, problem: Problem) -> tuple[str, ...]:
        """Every right completion of a problem, 20 to 100, in a fixed order."""
        return tuple(f"answer {_colours(colouring)}" for colouring in colourings(problem.gold))

    def check(self, problem: Problem, text: str) -> Verdict:
        return check(problem.gold, text)


def _prompt(graph: Graph) -> str:
    edges = " ; ".join([f"{VERTICES[u]} {VERTICES[v]}" for u, v in graph.edges])
    return f"edges {edges} ; colours {graph.colours} :"


def _colours(colouring: tuple[int, ...]) -> str:
    return " ".join([COLOURS[colour] for colour in colouring])
