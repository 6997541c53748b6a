"""What is asked of a language model: the spec that identifies a file of rollouts, and its problems."""

from __future__ import annotations

from dataclasses import replace

from pydantic import Field, field_validator

from edgewise.core.errors import InputError
from edgewise.core.keyed import key
from edgewise.core.spec import Spec
from edgewise.rollouts.of_models.language_model import SamplerName
from edgewise.sampling.params import SamplingParams
from edgewise.tasks import AnyWorld, Problem, Split
from edgewise.tasks.base import first_distinct

QUESTION = "{question}"


class RolloutRequest(Spec):
    """Everything that decides the rollouts of a language model, but their number.

    `model` is the SHA-256 of its folder (`text_model_content`), `template` that of its chat template. `ask` is what is
    put to the model for a problem: {question} stands for the problem's prompt. At most `problems` different problems of
    the split are asked; a world may have fewer.
    """

    model: str = Field(pattern="^[0-9a-f]{64}$")
    sampler: SamplerName
    world: AnyWorld
    split: Split = "test"
    seed: int = Field(0, ge=0)
    problems: int = Field(100, ge=1)
    ask: str = QUESTION
    template: str = ""
    sampling: SamplingParams = SamplingParams()

    @field_validator("ask")
    @classmethod
    def _asks(cls, ask: str) -> str:
        if QUESTION not in ask:
            raise ValueError(f"must contain {QUESTION}, which stands for the problem's prompt")
        return ask

    @property
    def chat(self) -> bool:
        return bool(self.template)

    def drawn_problems(self) -> list[Problem]:
        """The problems, as the world makes them. InputError where the split has none."""
        problems = list(first_distinct(self.world, self.split, self.seed, self.problems).values())
        if not problems:
            raise InputError(f"--split: {self.split} has no problem of this world; give another one")
        return problems

    def asked(self, problem: Problem) -> Problem:
        """The problem as it is put to the model."""
        return replace(problem, prompt=self.ask.replace(QUESTION, problem.prompt))

    def sampling_key(self, problem: Problem) -> int:
        """The key of a problem's samples: another one for every model, so that models share no draws."""
        return key("rollouts of a model", self.model, self.seed, problem.id, problem.prompt)
