"""The world of modular arithmetic: its knobs, its problems, its splits."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from edgewise.core.errors import InputError
from edgewise.core.keyed import rng
from edgewise.tasks.base import Problem, Split, Verdict, World, check_split, split_of
from edgewise.tasks.modular import compact
from edgewise.tasks.modular.graph import Graph, canonical_digest, draw_distractors, draw_nodes, evaluate
from edgewise.tasks.modular.verifier import check

_MAX_DRAWS = 2000
# Products of products can have more digits than a text can hold; a graph beyond this is drawn again.
_LARGEST = 10**300


class ModularArithmetic(World):
    """Letters defined by one operator each, modulo a number, and one query; the level is the number of operators.

    Only operators that the query needs are counted.
    """

    world: Literal["modular"] = "modular"
    version: Literal[1] = 1
    min_op: int = Field(1, ge=1, description="fewest operators")
    max_op: int = Field(4, ge=1, description="most operators")
    leaves: int = Field(1, ge=1, description="most leaves (1: chains)")
    reuse: float = Field(
        0.0, ge=0, le=1, description="chance that an operation takes an earlier quantity in place of a constant"
    )
    disorder: float = Field(
        0.0, ge=0, description="how far a definition may stand from its place in topological order (0: in order)"
    )
    distractors: int = Field(0, ge=0, description="definitions that the query does not need")
    modulus: int = Field(7, ge=0, description="of all values; 0 means plain integers")
    letters: int = Field(12, ge=2, le=len(compact.LETTERS), description="letters that names are taken from")

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.max_op < self.min_op:
            raise ValueError(f"max_op must be at least min_op ({self.min_op}), is {self.max_op}")
        if self.modulus == 1:
            raise ValueError("modulus must be 0 (plain integers) or at least 2")
        names = self.max_op + min(self.leaves, self.max_op + 1) + self.distractors
        if names > self.letters:
            raise ValueError(f"letters must be at least {names} for max_op {self.max_op}, is {self.letters}")
        return self

    @property
    def levels(self) -> range:
        return range(self.min_op, self.max_op + 1)

    def at_level(self, level: int) -> Self:
        return type(self).parse({**self.model_dump(), "min_op": level, "max_op": level}, f"op {level}")

    def words(self) -> tuple[str, ...]:
        return compact.words(self.letters)

    def problem(self, split: Split, seed: int, index: int) -> Problem:
        """Problem `index` of a split; InputError where the split holds no graph of that op.

        The op is drawn first and kept; only the split's share of graph hashes and the bound on
        numbers are met by drawing again.
        """
        check_split(split)
        source = rng("problem", self._digest, split, seed, index)
        op = source.choice(self.levels)
        constants = self.modulus - 1 if self.modulus else 9
        for _ in range(_MAX_DRAWS):
            leaves = source.randint(1, min(self.leaves, op + 1))
            nodes = draw_nodes(source, op, leaves, self.reuse, constants)
            query = len(nodes) - 1
            identity = canonical_digest(nodes, query)
            if split_of(identity) == split:
                values = evaluate(nodes, self.modulus)
                if max(map(abs, values)) < _LARGEST:
                    break
        else:
            raise InputError(
                f"split {split!r} is empty at op {op}: too few different graphs; raise modulus, leaves or op"
            )
        if self.distractors:
            nodes += draw_distractors(source, nodes, self.distractors, constants)
            values = evaluate(nodes, self.modulus)
        count = len(nodes)
        # A distractor may stand anywhere after what it uses; the others keep their order.
        rank: list[float] = [*range(query + 1)]
        for node in nodes[query + 1 :]:
            rank.append(source.uniform(max((rank[parent] for parent in node.parents), default=0), query))
        if self.disorder:
            rank = [r + source.uniform(0, self.disorder) for r in rank]
        graph = Graph(
            nodes=tuple(nodes),
            values=values,
            query=query,
            names=tuple(source.sample(compact.LETTERS[: self.letters], count)),
            order=tuple(sorted(range(count), key=rank.__getitem__)),
            modulus=self.modulus,
        )
        return Problem(
            world=self.world,
            split=split,
            seed=seed,
            index=index,
            level=op,
            # The op tells apart graphs that differ only in whether equal sub-expressions are one node.
            id=f"modular-{self.modulus}-{op}-{identity:016x}",
            prompt=compact.prompt(graph),
            answer=str(values[query]),
            gold=graph,
        )

    def solution(self, problem: Problem) -> str:
        return compact.solution(problem.gold)

    def check(self, problem: Problem, text: str) -> Verdict:
        return check(problem.gold, text)

    def steps(self, problem: Problem) -> int:
        """The quantities that the query needs, leaves among them."""
        graph: Graph = problem.gold
        return len(graph.necessary())
