"""RL: a parent's model trained by a recipe on problems of a world, and the controls without RL."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Literal, Self

from pydantic import model_validator

from edgewise.core.errors import InputError
from edgewise.core.keyed import key
from edgewise.core.provenance import Totals
from edgewise.model.tokenizer import Tokenizer
from edgewise.rl.recipe import Recipe
from edgewise.rl.recipes.registry import AnyRecipe
from edgewise.rl.train import check_first_step, train
from edgewise.study.stages.artifacts import check_vocabulary, load_parent, save_model
from edgewise.study.stages.base import ModelStage, Product, Stage, register_stage
from edgewise.tasks import AnyWorld, Split
from edgewise.training.execution import Execution
from edgewise.training.run_folder import RunFolder


@register_stage
class RL(Stage):
    """Reinforcement learning from a parent's model on problems of a world, and its controls without RL.

    Problems are of the split `split`: by default one that no other stage trains or evaluates on, so that none of them
    was shown with its solution in pre-training. In the train split some may be, although the draws are others.
    `teacher` is the stage whose model the recipe distils from; recipes that do not distil refuse one. A recipe may be
    named: "dapo" is the published one, "dapo/small" the same at the sizes of a small model.
    """

    produces: ClassVar[Product] = "model"

    kind: Literal["rl"] = "rl"
    version: Literal[4] = 4
    parent: ModelStage
    world: AnyWorld
    split: Split = "held_out"
    recipe: AnyRecipe = Recipe()
    teacher: ModelStage | None = None

    @model_validator(mode="after")
    def _teacher_where_asked(self) -> Self:
        if self.recipe.has_teacher != (self.teacher is not None):
            raise ValueError(f"teacher: must be {'given' if self.recipe.has_teacher else 'left out'} with this recipe")
        return self

    def check(self) -> None:
        words, positions = self.words(), self.max_positions()
        if words is not None:
            check_vocabulary(self.world, words)
            if self.teacher is not None:
                check_teacher(words, self.teacher.words())
            if positions is not None:
                check_first_step(Tokenizer(words), self.world, self.recipe, self._draws, self.split, positions)

    def run(self, parents: Sequence[Path], folder: RunFolder, execution: Execution) -> Totals:
        model, tokenizer = load_parent(parents[0], self.world, execution)
        teacher = None
        if self.teacher is not None:
            teacher, its_tokenizer = load_parent(parents[1], self.world, execution)
            check_teacher(tokenizer.words, its_tokenizer.words)
            teacher.requires_grad_(False)
        totals = train(model, tokenizer, self.world, self.recipe, self._draws, folder, execution, teacher, self.split)
        save_model(model, tokenizer, folder)
        return totals

    @property
    def _draws(self) -> int:
        """The seed of the problems and of all sampling."""
        return key("rl", self.depth, self.seed)


def check_teacher(words: Sequence[str], teacher_words: Sequence[str] | None) -> None:
    """InputError where a teacher is known to have other words than the model that learns from it."""
    if teacher_words is not None and tuple(teacher_words) != tuple(words):
        raise InputError("teacher: must have the words of the parent's model, in their order")
