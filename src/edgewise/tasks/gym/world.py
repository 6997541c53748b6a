"""The world of Reasoning Gym: any task of the package `reasoning_gym`, by its name.

Its questions come from the task's own generator, and `score_answer` of the task grades, both in a process that can be
killed. Its scores are generous: a third for "979" if "7" is right, and in some tasks full marks for any text that
contains an answer, for "-279" if "279" is right, or for "False" if "True" is. So a strict rule is applied first: one
final answer (see `edgewise.tasks.answers`), full marks, and
- if the task has one answer, the text or the number of that answer. Another text with full marks is unscorable,
  because it may be another spelling of the answer or a wrong answer;
- if any valid answer is right (a path, a formula), no text around it. An answer that keeps full marks without its
  first or its last word is unscorable.
"""

from __future__ import annotations

import json
import re
from typing import Any, Literal, Self

from pydantic import Field, JsonValue, model_validator

from edgewise.core.errors import InputError
from edgewise.core.keyed import key
from edgewise.tasks.answers import final_answer, gold_completion, number_in
from edgewise.tasks.base import Problem, Split, World, check_split, split_of
from edgewise.tasks.grading import GraderReply, grade
from edgewise.tasks.verdict import Unscorable, Verdict, right, unscorable, wrong

# All of so many draws miss a split of one sixteenth for one problem in 10**11.
_MAX_DRAWS = 400
# numpy takes no larger one.
_SEEDS = 2**32
# Any valid answer is right and their scorers check that it is valid.
_MANY_ANSWERS = frozenset(
    {
        "boxnet",
        "countdown",
        "graph_color",
        "intermediate_integration",
        "jugs",
        "kakurasu",
        "knight_swap",
        "n_queens",
        "palindrome_generation",
        "polynomial_multiplication",
        "propositional_logic",
        "quantum_lock",
        "rubiks_cube",
        "rush_hour",
        "shortest_path",
        "simple_integration",
        "sokoban",
        "survo",
        "tower_of_hanoi",
        "word_ladder",
    }
)


class ReasoningGym(World):
    """One task of reasoning_gym; `config` are its own settings, all but seed and size.

    `release` is the version of the package; another version draws other problems. `timeout` bounds one question or
    one score, in seconds. Questions are in free English and an answer may be any text, so there is no list of words.
    All problems are of level 1.
    """

    world: Literal["gym"] = "gym"
    version: Literal[1] = 1
    task: str = Field("chain_sum", description="a task of reasoning_gym")
    config: dict[str, JsonValue] = Field(default_factory=dict, description="the task's own settings")
    release: str = Field("0.1.25", description="the version of reasoning_gym")
    timeout: float = Field(10.0, gt=0, le=600, exclude=True, description="seconds for one question or one score")

    @model_validator(mode="after")
    def _possible(self) -> Self:
        for name in ("seed", "size"):
            if name in self.config:
                raise ValueError(f"config must leave {name} to the world: a problem's address decides it")
        json.dumps(self.config, allow_nan=False)
        return self

    @property
    def levels(self) -> range:
        return range(1, 2)

    def at_level(self, level: int) -> Self:
        if level not in self.levels:
            raise InputError(f"level: must be 1, the only one of the world gym, is {level}")
        return self

    def words(self) -> tuple[str, ...]:
        raise InputError("world: gym has no list of words; use a model with a tokenizer of its own")

    def problem(self, split: Split, seed: int, index: int) -> Problem:
        """Problem `index` of a split: a seed is drawn until its question belongs to the split.

        InputError if the package or the task is missing, refuses its settings or makes no question in time.
        """
        check_split(split)
        for draw in range(_MAX_DRAWS):
            drawn = key("gym", self._digest, split, seed, index, draw) % _SEEDS
            item = self._item(self._ask(drawn))
            identity = key("gym", self.task, item["question"])
            if split_of(identity) == split:
                break
        else:
            raise InputError(f"split {split!r} is empty: {self.task} has too few different questions; change config")
        return Problem(
            world=self.world,
            split=split,
            seed=seed,
            index=index,
            level=1,
            id=f"gym-1-{identity:016x}",
            prompt=item["question"],
            answer=item["answer"] or "",
            gold=drawn,
        )

    def solution(self, problem: Problem) -> str:
        """The answer between its marks; InputError for the tasks that keep none (many are right)."""
        if not problem.answer:
            raise InputError(f"task: {self.task} keeps no answer of its own; it can only be verified")
        return gold_completion(problem.answer)

    def check(self, problem: Problem, text: str) -> Verdict:
        answer = final_answer(text)
        if isinstance(answer, Verdict):
            return answer
        reply = self._ask(problem.gold, answer)
        if reply.failure:
            return unscorable(Unscorable.GRADER_FAILED, reply.failure)
        item = self._item(reply)
        if item["question"] != problem.prompt:
            return unscorable(Unscorable.OTHER_QUESTION, f"{self.task:.40}")
        predicted = _canonical(answer)
        if not item["score"] >= 1:
            return wrong(predicted, f"score_answer gives {item['score']:.3g}, full marks are 1")
        if _same(answer, problem.answer):
            return right(predicted)
        if self.task not in _MANY_ANSWERS:
            return unscorable(Unscorable.NOT_THE_ANSWER)
        return unscorable(Unscorable.TEXT_AROUND) if item["surrounded"] else right(predicted)

    @property
    def verifies_process(self) -> bool:
        return False

    def steps(self, problem: Problem) -> int:
        """The answer is the only step."""
        return 1

    def _ask(self, drawn: int, answer: str | None = None) -> GraderReply:
        arguments = (self.release, self.task, self.config, drawn, answer)
        return grade("edgewise.tasks.gym.process:ask", *arguments, timeout=self.timeout)

    def _item(self, reply: GraderReply) -> dict[str, Any]:
        if reply.failure:
            raise InputError(f"task: {self.task} made no question: {reply.failure}; change config or raise timeout")
        item: dict[str, Any] = reply.value
        if "fault" in item:
            raise InputError(item["fault"])
        return item


def _same(answer: str, gold: str) -> bool:
    """Equal except for case and for white space, also around punctuation; or equal as numbers."""
    number = number_in(answer)
    return _tight(answer) == _tight(gold) or (number is not None and number == number_in(gold))


def _canonical(answer: str) -> str:
    number = number_in(answer)
    return _tight(answer) if number is None else str(number)


def _tight(text: str) -> str:
    return re.sub(r"\s?([^\w\s])\s?", r"\1", " ".join(text.casefold().split()))
