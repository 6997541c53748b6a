"""Evaluation: rollouts of a parent's model on distinct problems of every level, and their outcomes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import pyarrow as pa

from edgewise.core.keyed import key
from edgewise.core.spec import ADDED_LATER
from edgewise.model.decoder import Decoder, DecoderSpec
from edgewise.model.tokenizer import Tokenizer
from edgewise.outcomes.io import write_outcomes
from edgewise.rl.likelihood import gold_likelihood, likelihood_flops
from edgewise.rollouts.table import table_outcomes
from edgewise.study.stages.artifacts import OUTCOMES
from edgewise.study.stages.base import register_stage
from edgewise.study.stages.gold_table import write_gold_likelihood
from edgewise.study.stages.roll_out import RollOutStage
from edgewise.tasks import Problem
from edgewise.training.execution import Execution
from edgewise.training.run_folder import RunFolder


@register_stage
class Evaluate(RollOutStage):
    """Many completions of a parent's model on distinct problems of every level of a world.

    Problems depend on the world, split, seed and level alone, so evaluations of different parents with one seed are
    paired. With power sampling the parent's model is sharpened without training.

    `gold_likelihood` also writes gold_likelihood.parquet: for each problem the exact log-probability of its gold
    solution under the model, and of every right completion where the world lists them (`read_gold_likelihood`).
    """

    kind: Literal["evaluate"] = "evaluate"
    version: Literal[1] = 1
    gold_likelihood: Annotated[bool, ADDED_LATER] = False

    @property
    def _draws(self) -> int:
        return key("evaluate", self.seed)

    def _score(
        self,
        model: Decoder,
        tokenizer: Tokenizer,
        problems: Sequence[Problem],
        folder: RunFolder,
        execution: Execution,
    ) -> None:
        if self.gold_likelihood:
            likelihoods = gold_likelihood(model, tokenizer, self.world, problems, execution)
            execution.distributed.on_rank_zero(lambda: write_gold_likelihood(likelihoods, folder.path))

    def scoring_flops(self, spec: DecoderSpec, tokenizer: Tokenizer) -> float:
        return likelihood_flops(spec, tokenizer, self.world, self._problems()) if self.gold_likelihood else 0.0

    def _derive(self, table: pa.Table, folder: Path) -> None:
        write_outcomes(table_outcomes(table), folder / OUTCOMES)
