"""Rejection fine-tuning (RFT, RAFT): a parent's model trained on its own completions that were verified."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from edgewise.rl.recipes.registry import AnyRecipe, named_recipe
from edgewise.study.stages.base import register_stage
from edgewise.study.stages.policy import PolicyStage


@register_stage
class RejectionTune(PolicyStage):
    """Fine-tune a parent's model on its own right completions of problems of a world.

    The same as `RL` with this recipe: the start model writes throughout, right samples count the same, wrong ones
    nothing.
    """

    kind: Literal["rejection_tune"] = "rejection_tune"
    version: Literal[1] = 1
    recipe: AnyRecipe = Field(default_factory=lambda: named_recipe("rft/small"))

    @model_validator(mode="after")
    def _recipe_fits(self) -> Self:
        behavior, advantage = self.recipe.sampling.behavior.kind, self.recipe.advantage.kind
        if (behavior, advantage) != ("start", "indicator_correct"):
            raise ValueError(
                "recipe: must have sampling.behavior start and advantage indicator_correct in rejection tuning, has"
                f" {behavior} and {advantage}"
            )
        return self
