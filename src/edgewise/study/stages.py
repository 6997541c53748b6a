"""The stages: one spec run once. A stage is a pure function of its spec and its parents' folders.

    Evaluate(parent=RL(parent=Pretrain(...)))

Nested specs are the graph: equal prefixes are equal objects, have equal digests, and are computed
once.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal, Self

import pyarrow as pa
import pyarrow.compute as pc
import torch
from pydantic import Field, model_validator

from edgewise.core.errors import InputError
from edgewise.core.keyed import key
from edgewise.core.provenance import Totals
from edgewise.core.spec import Spec
from edgewise.model import hf as model_folder
from edgewise.model.decoder import Decoder, DecoderSpec
from edgewise.model.flops import sampling_flops
from edgewise.model.tokenizer import Tokenizer
from edgewise.rl import trainer
from edgewise.rl.recipe import Recipe
from edgewise.rl.recipes import AnyRecipe
from edgewise.rollouts.rollouts import Rollouts, outcomes, read_table, roll_out, write_table
from edgewise.sampling.base import SamplingParams
from edgewise.sampling.engine import Engine
from edgewise.sampling.power import PowerSampler, PowerSamplingParams
from edgewise.tasks import AnyWorld, Problem, Split, World
from edgewise.training import next_token
from edgewise.training.execution import Execution
from edgewise.training.next_token import NextTokenSpec
from edgewise.training.run_folder import RunFolder

MODEL = "model"
ROLLOUTS = "rollouts.parquet"
OUTCOMES = "outcomes.parquet"

# How many problems may be drawn for each distinct one that is wanted.
_DRAWS_PER_PROBLEM = 50


class Stage(Spec):
    """What every stage has: a kind, a version bumped by hand when its meaning changes, a seed."""

    kind: str
    seed: int = Field(0, ge=0)

    @property
    def parents(self) -> tuple[Stage, ...]:
        """The stages whose folders this one reads."""
        return ()

    def run(self, parents: Sequence[Path], folder: RunFolder, execution: Execution) -> Totals:
        """Write the outputs into `folder`, on the first rank alone; returns the totals."""
        raise NotImplementedError


class Pretrain(Stage):
    """Train a decoder from nothing on worked problems of a world."""

    kind: Literal["pretrain"] = "pretrain"
    version: Literal[1] = 1
    world: AnyWorld
    model: DecoderSpec = DecoderSpec()
    training: NextTokenSpec = NextTokenSpec()

    def run(self, parents: Sequence[Path], folder: RunFolder, execution: Execution) -> Totals:
        tokenizer = Tokenizer(self.world.words())
        model = Decoder(self.model, len(tokenizer), seed=key("initialise", self.seed)).to(execution.device)
        totals = next_token.train(model, tokenizer, self.world, self.training, self.seed, folder, execution)
        execution.distributed.on_rank_zero(lambda: model_folder.save(model, tokenizer, folder.path / MODEL))
        return totals


class RL(Stage):
    """Reinforcement learning from a parent's model on problems of a world, and its controls without RL.

    `teacher` is the stage whose model the recipe distils from; recipes without one have no use for it.
    A recipe may be named: "dapo" is the published one, "dapo/small" the same at the sizes of a small model.
    """

    kind: Literal["rl"] = "rl"
    version: Literal[2] = 2
    parent: Trained
    world: AnyWorld
    recipe: AnyRecipe = Recipe()
    teacher: Trained | None = None

    @model_validator(mode="after")
    def _teacher_where_asked(self) -> Self:
        if self.recipe.has_teacher != (self.teacher is not None):
            raise ValueError(f"teacher: must be {'given' if self.recipe.has_teacher else 'left out'} with this recipe")
        return self

    @property
    def parents(self) -> tuple[Stage, ...]:
        return (self.parent,) if self.teacher is None else (self.parent, self.teacher)

    def run(self, parents: Sequence[Path], folder: RunFolder, execution: Execution) -> Totals:
        model, tokenizer = load_model(parents[0], self.world, execution.device)
        teacher = None
        if self.teacher is not None:
            teacher, its_tokenizer = load_model(parents[1], self.world, execution.device)
            if its_tokenizer.words != tokenizer.words:
                raise InputError("teacher: must have the words of the parent's model, in their order")
            teacher.requires_grad_(False)
        totals = trainer.train(model, tokenizer, self.world, self.recipe, self.seed, folder, execution, teacher)
        execution.distributed.on_rank_zero(lambda: model_folder.save(model, tokenizer, folder.path / MODEL))
        return totals


class Evaluate(Stage):
    """Many completions of a parent's model on distinct problems of every level of a world.

    Problems depend on the world, split, seed and level alone, so evaluations of different parents
    with one seed are paired. With power sampling, the parent's model is
    sharpened without training.
    """

    kind: Literal["evaluate"] = "evaluate"
    version: Literal[1] = 1
    parent: Trained
    world: AnyWorld
    split: Split = "test"
    problems: int = Field(64, ge=1)
    samples: int = Field(64, ge=1)
    sampling: SamplingParams | PowerSamplingParams = SamplingParams()

    @property
    def parents(self) -> tuple[Stage, ...]:
        return (self.parent,)

    def run(self, parents: Sequence[Path], folder: RunFolder, execution: Execution) -> Totals:
        model, tokenizer = load_model(parents[0], self.world, execution.device)
        engine = Engine(model, tokenizer.eos)
        problems = [
            problem
            for level in self.world.levels
            for problem in distinct_problems(self.world.at_level(level), self.split, self.seed, self.problems)
        ]
        size = max(1, engine.rows_at_once // self.samples)
        parts = folder.path / "parts"
        parts.mkdir(exist_ok=True)
        paths = [parts / f"{start:06d}.parquet" for start in range(0, len(problems), size)]
        started = time.monotonic()
        for done, path in enumerate(paths):
            folder.progress(done, len(paths), "")
            if not execution.distributed.on_rank_zero(path.exists):
                some = execution.distributed.shard(problems[done * size : (done + 1) * size])
                drawn = execution.distributed.all_gather([self._rollouts(engine, tokenizer, some)] if some else [])
                if execution.distributed.is_rank_zero:
                    Rollouts.joined(drawn).write(path)
        folder.progress(len(paths), len(paths), "")

        def finish() -> Totals:
            table = pa.concat_tables([read_table(path) for path in paths])
            write_table(table, folder.path / ROLLOUTS)
            outcomes(table).write(folder.path / OUTCOMES)
            shutil.rmtree(parts)
            return self._totals(model, table)

        totals = execution.distributed.on_rank_zero(finish)
        totals.seconds = time.monotonic() - started
        return totals

    def _rollouts(self, engine: Engine, tokenizer: Tokenizer, problems: Sequence[Problem]) -> Rollouts:
        seed = key("evaluate", self.seed)
        if isinstance(self.sampling, PowerSamplingParams):
            return roll_out(PowerSampler(engine), tokenizer, self.world, problems, self.samples, self.sampling, seed)
        return roll_out(engine, tokenizer, self.world, problems, self.samples, self.sampling, seed)

    def _totals(self, model: Decoder, table: pa.Table) -> Totals:
        lengths = [pc.list_value_length(table[name]).to_numpy() for name in ("prompt_ids", "completion_ids")]
        sampled = float(lengths[1].sum())
        flops = sampling_flops(
            model.spec,
            model.vocabulary,
            problems=len(table) // self.samples,
            samples=self.samples,
            prompt_tokens=float(lengths[0].sum()) / self.samples,
            completion_tokens=sampled,
            extra_tokens=float(table["extra_tokens"].to_numpy().sum()),
        )
        return Totals(tokens=sampled, flops=flops)


Trained = Annotated[Pretrain | RL, Field(discriminator="kind")]
RL.model_rebuild()
Evaluate.model_rebuild()


def distinct_problems(world: World, split: Split, seed: int, count: int) -> list[Problem]:
    """The first `count` problems of a split with different ids; InputError where there are fewer."""
    found: dict[str, Problem] = {}
    for index in range(count * _DRAWS_PER_PROBLEM):
        problem = world.problem(split, seed, index)
        found.setdefault(problem.id, problem)
        if len(found) == count:
            return list(found.values())
    raise InputError(
        f"problems: only {len(found)} different ones of level {world.levels[0]} in split {split!r}; ask for fewer"
    )


def load_model(folder: Path, world: World, device: torch.device) -> tuple[Decoder, Tokenizer]:
    """A parent's model, after checking that it knows every word of the world."""
    model, tokenizer = model_folder.load(folder / MODEL, device)
    unknown = [word for word in world.words() if word not in tokenizer.words]
    if unknown:
        raise InputError(f"world: the parent's model has no word {unknown[0]!r}; use the parent's letters and wording")
    return model, tokenizer
