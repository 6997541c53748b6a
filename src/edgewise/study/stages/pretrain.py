"""Pre-training: a decoder trained from nothing on worked problems of a world."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Literal

from edgewise.core.keyed import key
from edgewise.core.provenance import Totals
from edgewise.model.decoder import Decoder, DecoderSpec
from edgewise.model.tokenizer import Tokenizer
from edgewise.study.stages.artifacts import save_model
from edgewise.study.stages.base import Product, Stage, register_stage
from edgewise.tasks import AnyWorld, Split
from edgewise.training.execution import Execution
from edgewise.training.next_token import NextTokenSpec, check_first_update, train_next_token
from edgewise.training.run_folder import RunFolder


@register_stage
class Pretrain(Stage):
    """Train a decoder from nothing on worked problems of a world, next-token.

    The tokenizer has the words of `world`, then those that each world of `vocabulary` adds. Declare there the worlds
    on which later stages train or evaluate the model with other words: its tokenizer never grows. Problems are of the
    split `split`.
    """

    produces: ClassVar[Product] = "model"

    kind: Literal["pretrain"] = "pretrain"
    version: Literal[1] = 1
    world: AnyWorld
    vocabulary: tuple[AnyWorld, ...] = ()
    split: Split = "train"
    model: DecoderSpec = DecoderSpec()
    training: NextTokenSpec = NextTokenSpec()

    def words(self) -> tuple[str, ...]:
        """The words of the tokenizer in the order of their ids, each once, without the special ones."""
        worlds = (self.world, *self.vocabulary)
        return tuple(dict.fromkeys(word for world in worlds for word in world.words()))

    def max_positions(self) -> int:
        return self.model.max_positions

    def check(self) -> None:
        tokenizer = Tokenizer(self.words())
        check_first_update(self.world, self.split, tokenizer, self.training, self.seed, self.max_positions())

    def run(self, parents: Sequence[Path], folder: RunFolder, execution: Execution) -> Totals:
        tokenizer = Tokenizer(self.words())
        seed = key("initialise", self.seed)
        model = Decoder(self.model, len(tokenizer), seed, device=execution.device, backend=execution.backend)
        totals = train_next_token(model, tokenizer, self.world, self.training, self.seed, folder, execution, self.split)
        save_model(model, tokenizer, folder)
        return totals
