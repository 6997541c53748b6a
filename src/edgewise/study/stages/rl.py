"""RL: a parent's model trained by a recipe on problems of a world, and the controls without RL."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import model_validator

from edgewise.study.stages.base import ModelStage, register_stage
from edgewise.study.stages.policy import PolicyStage


@register_stage
class RL(PolicyStage):
    """Reinforcement learning from a parent's model on problems of a world, and its controls without RL.

    Problems are of the split `split`: by default one that no other stage trains or evaluates on, so that none of them
    was shown with its solution in pre-training. In the train split some may be, although the draws are others.
    `teacher` is the stage whose model the recipe distils from; recipes that do not distil refuse one. A recipe may be
    named: "dapo" is the published one, "dapo/small" the same at the sizes of a small model.
    """

    kind: Literal["rl"] = "rl"
    version: Literal[4] = 4
    teacher: ModelStage | None = None

    @model_validator(mode="after")
    def _teacher_where_asked(self) -> Self:
        if self.recipe.has_teacher != (self.teacher is not None):
            raise ValueError(f"teacher: must be {'given' if self.recipe.has_teacher else 'left out'} with this recipe")
        return self
