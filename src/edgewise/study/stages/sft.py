"""SFT: a parent's model fine-tuned on gold solutions of a world."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from edgewise.rl.recipes.registry import AnyRecipe, named_recipe
from edgewise.study.stages.base import register_stage
from edgewise.study.stages.policy import PolicyStage


@register_stage
class SFT(PolicyStage):
    """Supervised fine-tuning of a parent's model on gold solutions of a world.

    The same as `RL` with this recipe: the world writes, every solution counts. `split` is by default one that no other
    stage trains or evaluates on.
    """

    kind: Literal["sft"] = "sft"
    version: Literal[1] = 1
    recipe: AnyRecipe = Field(default_factory=lambda: named_recipe("sft/small"))

    @model_validator(mode="after")
    def _recipe_fits(self) -> Self:
        if self.recipe.sampling.behavior.kind != "gold":
            raise ValueError(f"recipe: sampling.behavior must be gold in SFT, is {self.recipe.sampling.behavior.kind}")
        return self
