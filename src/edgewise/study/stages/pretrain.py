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
from edgewise.tasks import AnyWorld
from edgewise.training import next_token
from edgewise.training.execution import Execution
from edgewise.training.next_token import NextTokenSpec
from edgewise.training.run_folder import RunFolder


@register_stage
class Pretrain(Stage):
    """Train a decoder from nothing on worked problems of a world, next-token."""

    produces: ClassVar[Product] = "model"

    kind: Literal["pretrain"] = "pretrain"
    version: Literal[1] = 1
    world: AnyWorld
    model: DecoderSpec = DecoderSpec()
    training: NextTokenSpec = NextTokenSpec()

    def run(self, parents: Sequence[Path], folder: RunFolder, execution: Execution) -> Totals:
        tokenizer = Tokenizer(self.world.words())
        model = Decoder(self.model, len(tokenizer), seed=key("initialise", self.seed)).to(execution.device)
        totals = next_token.train(model, tokenizer, self.world, self.training, self.seed, folder, execution)
        save_model(model, tokenizer, folder)
        return totals
