"""What stages that train by a recipe share: one parent, one world, one trainer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from edgewise.core.keyed import key
from edgewise.core.provenance import Totals
from edgewise.model.tokenizer import Tokenizer
from edgewise.rl.recipe import Recipe
from edgewise.rl.recipes.registry import AnyRecipe
from edgewise.rl.train import check_first_step, train
from edgewise.study.stages.artifacts import check_same_words, check_vocabulary, load_parent, save_model
from edgewise.study.stages.base import ModelStage, Product, Stage
from edgewise.tasks import AnyWorld, Split
from edgewise.training.execution import Execution
from edgewise.training.run_folder import RunFolder


class PolicyStage(Stage):
    """Base class of stages that train a parent's model by a recipe on problems of a world.

    Two of them with the same parent, world, split, recipe, teacher and seed compute the same, whatever they are called.
    """

    produces: ClassVar[Product] = "model"

    parent: ModelStage
    world: AnyWorld
    split: Split = "held_out"
    recipe: AnyRecipe = Recipe()

    def check(self) -> None:
        words, positions = self.words(), self.max_positions()
        if words is not None:
            check_vocabulary(self.world, words)
            for teacher in self.parents[1:]:
                check_same_words("teacher", teacher.words(), "the parent's model", words)
            if positions is not None:
                check_first_step(Tokenizer(words), self.world, self.recipe, self._draws, self.split, positions)

    def run(self, parents: Sequence[Path], folder: RunFolder, execution: Execution) -> Totals:
        model, tokenizer = load_parent(parents[0], self.world, execution)
        teacher = None
        for path in parents[1:]:
            teacher, its_tokenizer = load_parent(path, self.world, execution)
            check_same_words("teacher", its_tokenizer.words, "the parent's model", tokenizer.words)
            teacher.requires_grad_(False)
        totals = train(model, tokenizer, self.world, self.recipe, self._draws, folder, execution, teacher, self.split)
        save_model(model, tokenizer, folder)
        return totals

    @property
    def _draws(self) -> int:
        """The seed of the problems and of all sampling."""
        return key("rl", self.depth, self.seed)
