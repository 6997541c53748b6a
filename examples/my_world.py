"""A world of your own: write a row of letters backwards. The level is the number of letters.

edgewise problems examples/my_world.py:Backwards longest=5
edgewise tasks check examples/my_world.py:Backwards
"""

from collections.abc import Iterator
from random import Random
from typing import Literal

from edgewise.core.keyed import key
from edgewise.tasks import DrawnWorld, Problem, Proposal, Statement, Verdict, right, unscorable, wrong


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
        predicted = "".join(text.split())
        if not predicted:
            return unscorable("no answer")
        return right(predicted) if text.split() == problem.answer.split() else wrong(predicted, f"not {problem.answer}")
