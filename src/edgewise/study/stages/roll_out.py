"""Rollouts of a parent's model, in parts that survive an interruption: what `RollOut` and `Evaluate` share."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Literal

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from edgewise.core.keyed import key
from edgewise.core.provenance import Totals
from edgewise.model.decoder import Decoder, DecoderSpec
from edgewise.model.flops import sampling_flops
from edgewise.model.tokenizer import Tokenizer
from edgewise.rollouts.collect import roll_out
from edgewise.rollouts.rollouts import Rollouts
from edgewise.rollouts.table import read_rollout_table, rollout_table, write_rollout_table
from edgewise.sampling.engine import Engine, check_fits
from edgewise.sampling.params import PowerSamplingParams, SamplingParams
from edgewise.sampling.power import PowerSampler
from edgewise.study.stages.artifacts import PARTS, ROLLOUTS, check_vocabulary, load_parent
from edgewise.study.stages.base import ModelStage, Product, Stage, register_stage
from edgewise.tasks import AnyWorld, Problem, Split
from edgewise.tasks.base import all_distinct
from edgewise.training.execution import Execution
from edgewise.training.run_folder import RunFolder

# Samples of a part: an interruption costs the part that is being drawn.
_ROWS_OF_A_PART, _ROWS_OF_A_GPU_PART = 2048, 16_384


class RollOutStage(Stage):
    """Base class of stages that write `samples` completions of distinct problems of every level of a world.

    Problems depend on the world, split, seed and level alone. With power sampling the parent's model is sharpened
    without training.
    """

    produces: ClassVar[Product] = "rollouts"

    parent: ModelStage
    world: AnyWorld
    split: Split = "test"
    problems: int = Field(64, ge=1)
    samples: int = Field(64, ge=1)
    sampling: SamplingParams | PowerSamplingParams = SamplingParams()

    def check(self) -> None:
        words, positions = self.words(), self.max_positions()
        if words is not None:
            check_vocabulary(self.world, words)
        problems = self._problems()
        if words is not None and positions is not None:
            prompts = [Tokenizer(words).prompt(problem.prompt) for problem in problems]
            check_fits(prompts, [self.sampling.max_new_tokens] * len(prompts), self.samples, positions)

    def run(self, parents: Sequence[Path], folder: RunFolder, execution: Execution) -> Totals:
        model, tokenizer = load_parent(parents[0], self.world, execution)
        engine = Engine(model, tokenizer.eos, cores=execution.cores)
        problems = self._problems()
        size = max(1, (_ROWS_OF_A_PART if execution.device.type == "cpu" else _ROWS_OF_A_GPU_PART) // self.samples)
        parts = folder.path / PARTS
        parts.mkdir(exist_ok=True)
        # Named by the size too: on a GPU other parts are left than on a CPU.
        paths = [parts / f"{start:06d}-of-{size}.parquet" for start in range(0, len(problems), size)]
        started = time.monotonic()
        for done, path in enumerate(paths):
            folder.progress(done, len(paths), "")
            if not execution.distributed.on_rank_zero(path.exists):
                some = execution.distributed.shard(problems[done * size : (done + 1) * size])
                drawn = execution.distributed.all_gather([self._rollouts(engine, tokenizer, some)] if some else [])
                if execution.distributed.is_rank_zero:
                    write_rollout_table(rollout_table(Rollouts.concatenate(drawn)), path)
                    folder.saved()
        folder.progress(len(paths), len(paths), "")
        self._score(model, tokenizer, problems, folder, execution)

        def finish() -> Totals:
            table = pa.concat_tables([read_rollout_table(path) for path in paths])
            write_rollout_table(table, folder.path / ROLLOUTS)
            self._derive(table, folder.path)
            shutil.rmtree(parts)
            totals = self._totals(model, table)
            totals.flops += self.scoring_flops(model.spec, tokenizer)
            return totals

        totals = execution.distributed.on_rank_zero(finish)
        totals.seconds = time.monotonic() - started
        return totals

    def _problems(self) -> list[Problem]:
        return [
            problem
            for level in self.world.levels
            for problem in all_distinct(self.world.at_level(level), self.split, self.seed, self.problems).values()
        ]

    def _rollouts(self, engine: Engine, tokenizer: Tokenizer, problems: Sequence[Problem]) -> Rollouts:
        seed = self._draws
        if isinstance(self.sampling, PowerSamplingParams):
            return roll_out(PowerSampler(engine), tokenizer, self.world, problems, self.samples, self.sampling, seed)
        return roll_out(engine, tokenizer, self.world, problems, self.samples, self.sampling, seed)

    def _totals(self, model: Decoder, table: pa.Table) -> Totals:
        lengths = [pc.list_value_length(table[name]).to_numpy() for name in ("prompt_ids", "completion_ids")]
        # Every row repeats its prompt, which was read once for its group.
        prompts, sampled = float(lengths[0].sum()) / self.samples, float(lengths[1].sum())
        flops = sampling_flops(
            model.spec,
            model.vocabulary,
            problems=len(table) // self.samples,
            samples=self.samples,
            prompt_tokens=prompts,
            completion_tokens=sampled,
            extra_tokens=float(table["extra_tokens"].to_numpy().sum()),
        )
        return Totals(tokens=sampled, prompt_tokens=prompts, flops=flops)

    @property
    def _draws(self) -> int:
        """The seed of all sampling."""
        raise NotImplementedError

    def _score(
        self,
        model: Decoder,
        tokenizer: Tokenizer,
        problems: Sequence[Problem],
        folder: RunFolder,
        execution: Execution,
    ) -> None:
        """Write what is known of the model besides its rollouts: nothing here."""

    def scoring_flops(self, spec: DecoderSpec, tokenizer: Tokenizer) -> float:
        """FLOPs of what is computed besides the rollouts."""
        return 0.0

    def _derive(self, table: pa.Table, folder: Path) -> None:
        """Write what the stage makes of its rollouts besides them: nothing here."""


@register_stage
class RollOut(RollOutStage):
    """Write rollouts of a parent's model, with their verdicts, for use elsewhere; no study is judged by them.

    The samples are others than those of an `Evaluate` with the same seed.
    """

    kind: Literal["rollouts"] = "rollouts"
    version: Literal[1] = 1
    split: Split = "held_out"

    @property
    def _draws(self) -> int:
        return key("rollouts", self.seed)
