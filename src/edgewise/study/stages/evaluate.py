"""Evaluation: rollouts of a parent's model on distinct problems of every level, and their outcomes."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pyarrow as pa

from edgewise.core.keyed import key
from edgewise.outcomes.io import write_outcomes
from edgewise.rollouts.table import table_outcomes
from edgewise.study.stages.artifacts import OUTCOMES
from edgewise.study.stages.base import register_stage
from edgewise.study.stages.roll_out import RollOutStage


@register_stage
class Evaluate(RollOutStage):
    """Many completions of a parent's model on distinct problems of every level of a world.

    Problems depend on the world, split, seed and level alone, so evaluations of different parents with one seed are
    paired. With power sampling the parent's model is sharpened without training.
    """

    kind: Literal["evaluate"] = "evaluate"
    version: Literal[1] = 1

    @property
    def _draws(self) -> int:
        return key("evaluate", self.seed)

    def _derive(self, table: pa.Table, folder: Path) -> None:
        write_outcomes(table_outcomes(table), folder / OUTCOMES)
