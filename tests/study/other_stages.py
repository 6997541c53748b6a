"""Stages as another package would bring them: registered where this module is imported, or by an entry point."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Literal

import torch

from edgewise.core.provenance import Totals
from edgewise.study.stages import ModelStage, Stage
from edgewise.study.stages.artifacts import load_parent, save_model
from edgewise.study.stages.base import Product
from edgewise.tasks import AnyWorld
from edgewise.training.execution import Execution
from edgewise.training.run_folder import RunFolder


class Shrink(Stage):
    """The parent's model with all weights multiplied by a number."""

    produces: ClassVar[Product] = "model"

    kind: Literal["shrink"] = "shrink"
    version: Literal[1] = 1
    parent: ModelStage
    world: AnyWorld
    by: float = 0.5

    def run(self, parents: Sequence[Path], folder: RunFolder, execution: Execution) -> Totals:
        folder.path.mkdir(exist_ok=True)
        model, tokenizer = load_parent(parents[0], self.world, execution)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.mul_(self.by)
        save_model(model, tokenizer, folder)
        return Totals(tokens=1.0)
