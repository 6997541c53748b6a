"""Distillation: a parent's model trained on a teacher's completions."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from edgewise.rl.recipes.registry import AnyRecipe, named_recipe
from edgewise.study.stages.base import ModelStage, register_stage
from edgewise.study.stages.policy import PolicyStage


@register_stage
class Distill(PolicyStage):
    """Fine-tune a parent's model on completions that a teacher writes to problems of a world.

    The same as `RL` with this recipe: with the default one right samples count the same, wrong ones nothing. The
    teacher must have the words of the parent's model.
    """

    kind: Literal["distill"] = "distill"
    version: Literal[1] = 1
    recipe: AnyRecipe = Field(default_factory=lambda: named_recipe("distillation/small"))
    teacher: ModelStage

    @model_validator(mode="after")
    def _recipe_fits(self) -> Self:
        if self.recipe.sampling.behavior.kind != "teacher":
            raise ValueError(
                f"recipe: sampling.behavior must be teacher in distillation, is {self.recipe.sampling.behavior.kind}"
            )
        return self
