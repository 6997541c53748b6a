"""The problems of a world as evaluation tools take them: rows, from which problems are made again to be graded."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from edgewise.core.errors import InputError
from edgewise.tasks.base import Problem, Score, Split, Verdict, World, all_distinct

# How a verdict is written: 1 right, 0 wrong, None where no verdict could be given.
MARKS: Mapping[Score, int | None] = {Score.CORRECT: 1, Score.WRONG: 0, Score.UNSCORABLE: None}


class WorldProblems:
    """The first `count` different problems of every level of a world's split, and the verifier of their completions.

    They are those of a stage `Evaluate` with the same world, split, seed and number.
    """

    def __init__(self, world: World, split: Split, seed: int, count: int) -> None:
        self.world = world
        self._at_level = lru_cache(1024)(world.at_level)
        self._problem = lru_cache(65_536)(self._make)
        self._split, self._seed, self._count = split, seed, count

    def rows(self) -> list[dict[str, Any]]:
        """Each problem with its address: id, level, index, prompt and answer. InputError where a level has too few."""
        rows = []
        for level in self.world.levels:
            distinct = all_distinct(self._at_level(level), self._split, self._seed, self._count)
            rows += [
                {"id": of.id, "level": level, "index": index, "prompt": of.prompt, "answer": of.answer}
                for index, of in distinct.items()
            ]
        return rows

    def verdict(self, row: Mapping[str, Any], text: str, *, truncated: bool = False) -> Verdict:
        """Grade a completion of the problem of a row; InputError where the row is of another world or seed."""
        problem = self._problem(int(row["level"]), int(row["index"]))
        if problem.id != row["id"]:
            raise InputError(f"id: {row['id']!r:.80}, but the problem at this address is {problem.id}; name its world")
        return self.world.verify(problem, text, truncated=truncated)

    def _make(self, level: int, index: int) -> Problem:
        return self._at_level(level).problem(self._split, self._seed, index)
