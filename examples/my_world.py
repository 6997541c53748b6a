"""A world of your own: read a row of letters backwards. The level is the number of letters."""

from collections.abc import Iterator
from random import Random
from typing import Literal

from edgewise.core.keyed import key
from edgewise.tasks.base import Problem, Verdict, right, unscorable, wrong
from edgewise.tasks.drawn import DrawnWorld, Proposal, Statement


class Backwards(DrawnWorld):
    world: Literal["backwards"] = "backwards"
    version: Literal[1] = 1
    shortest: int = 4
    longest: int = 8
    ranges = (("shortest", "longest"),)

    def words(self) -> tuple[str, ...]:
        return ("reverse", ":", *"abcdefghij")

    def propose(self, source: Random, level: int) -> Iterator[Proposal]:
        while True:
            letters = " ".join(source.choices("abcdefghij", k=level))
            yield Proposal(key("backwards", letters), letters)

    def finish(self, source: Random, letters: str) -> Statement:
        return Statement(prompt=f"reverse {letters} :", answer=letters[::-1])

    def solution(self, problem: Problem) -> str:
        return problem.answer

    def check(self, problem: Problem, text: str) -> Verdict:
        if not text.split():
            return unscorable("no answer")
        predicted = "".join(text.split())
        if text.split() == problem.answer.split():
            return right(predicted)
        return wrong(predicted, f"answer is {problem.answer}")
