"""A world of your own: read a row of letters backwards. The level is the number of letters."""

from typing import Literal, Self

from edgewise.core.keyed import key, rng
from edgewise.tasks.base import Problem, Score, Split, Verdict, World, known_split, split_of


class Backwards(World):
    world: Literal["backwards"] = "backwards"
    version: Literal[1] = 1
    shortest: int = 4
    longest: int = 8

    @property
    def levels(self) -> range:
        return range(self.shortest, self.longest + 1)

    def at_level(self, level: int) -> Self:
        return self.parse({"shortest": level, "longest": level})

    def words(self) -> tuple[str, ...]:
        return ("reverse", ":", *"abcdefghij")

    def problem(self, split: Split, seed: int, index: int) -> Problem:
        known_split(split)
        source = rng("backwards", self.shortest, self.longest, split, seed, index)
        level = source.choice(self.levels)
        identity = None
        while identity is None or split_of(identity) != split:
            letters = " ".join(source.choices("abcdefghij", k=level))
            identity = key("backwards", letters)
        name = f"backwards-{level}-{identity:016x}"
        return Problem(self.world, split, seed, index, level, name, f"reverse {letters} :", letters[::-1], gold=None)

    def solution(self, problem: Problem) -> str:
        return problem.answer

    def verify(self, problem: Problem, completion: str, *, truncated: bool = False) -> Verdict:
        if truncated or not completion.split():
            return Verdict(Score.UNSCORABLE, Score.UNSCORABLE, None, "truncated" if truncated else "no answer")
        predicted = "".join(completion.split())
        if completion.split() == problem.answer.split():
            return Verdict(Score.CORRECT, Score.CORRECT, predicted=predicted)
        return Verdict(Score.WRONG, Score.WRONG, 0, f"answer is {problem.answer}", predicted)
