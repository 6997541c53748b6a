"""Mid-training: a parent's model trained on, next-token, on another world or mixture with a schedule of its own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Literal

from edgewise.core.keyed import key
from edgewise.core.provenance import Totals
from edgewise.model.tokenizer import Tokenizer
from edgewise.study.stages.artifacts import check_vocabulary, load_parent, save_model
from edgewise.study.stages.base import ModelStage, Product, Stage, register_stage
from edgewise.tasks import AnyWorld, Split
from edgewise.training.execution import Execution
from edgewise.training.next_token import NextTokenSpec, check_first_update, train_next_token
from edgewise.training.run_folder import RunFolder


@register_stage
class Midtrain(Stage):
    """Go on training a parent's model on worked problems of a world or mixture, next-token.

    The optimizer starts afresh and follows the schedule of `training`. Problems are of the split `split`, in a stream
    of their own: no stage before this one had the same draws, not even an earlier mid-training on this world with this
    seed. Two draws may still ask the same where a world has few problems. The parent must know every word of the world:
    a base may declare words beyond its own world (see `Pretrain.vocabulary`).
    """

    produces: ClassVar[Product] = "model"

    kind: Literal["midtrain"] = "midtrain"
    version: Literal[2] = 2
    parent: ModelStage
    world: AnyWorld
    split: Split = "train"
    training: NextTokenSpec = NextTokenSpec()

    def check(self) -> None:
        words, positions = self.words(), self.max_positions()
        if words is not None:
            check_vocabulary(self.world, words)
            if positions is not None:
                tokenizer = Tokenizer(words)
                check_first_update(self.world, self.split, tokenizer, self.training, self._draws, positions)

    def run(self, parents: Sequence[Path], folder: RunFolder, execution: Execution) -> Totals:
        model, tokenizer = load_parent(parents[0], self.world, execution)
        totals = train_next_token(
            model, tokenizer, self.world, self.training, self._draws, folder, execution, self.split
        )
        save_model(model, tokenizer, folder)
        return totals

    @property
    def _draws(self) -> int:
        """The seed of the problems."""
        return key("midtrain", self.depth, self.seed)
