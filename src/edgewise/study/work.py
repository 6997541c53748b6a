"""Expected work of a stage before it runs: tokens and FLOPs, from its spec and the gold solutions of its world.

A model that has learned a world writes completions about as long as gold solutions; one that has not writes until its
limit. The expectation is for the first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgewise.model.decoder import DecoderSpec
from edgewise.model.flops import sampling_flops, training_flops
from edgewise.model.problem_ids import prompt_ids, solution_ids
from edgewise.model.tokenizer import Tokenizer
from edgewise.rl.flops import expected_step
from edgewise.rl.recipe import Recipe
from edgewise.sampling.params import PowerSamplingParams
from edgewise.study.plan import root
from edgewise.study.stages import Pretrain, Stage
from edgewise.study.stages.roll_out import RollOutStage
from edgewise.tasks import Split, World
from edgewise.training.documents import rows_of_step
from edgewise.training.next_token import NextTokenSpec
from edgewise.training.packing import PackedRows

# Problems of each level, and updates, that lengths are averaged over.
_PROBLEMS, _UPDATES = 16, 4


@dataclass(frozen=True, slots=True)
class Work:
    """What a stage is expected to take; `tokens` are those trained on or sampled, as in `Totals`."""

    tokens: float
    training_flops: float
    sampling_flops: float

    @property
    def flops(self) -> float:
        return self.training_flops + self.sampling_flops


def expected_work(stage: Stage) -> Work | None:
    """The work of a stage whose model and kind of work are known; None for others."""
    known = model_of(stage)
    if known is None:
        return None
    spec, tokenizer = known
    world, split = getattr(stage, "world", None), getattr(stage, "split", None)
    training, recipe = getattr(stage, "training", None), getattr(stage, "recipe", None)
    if not isinstance(world, World) or split is None:
        return None
    if isinstance(training, NextTokenSpec):
        return _next_token(spec, tokenizer, world, split, training, stage.seed)
    if isinstance(recipe, Recipe):
        prompt, completion = mean_lengths(tokenizer, world, split, recipe.sampling.max_new_tokens)
        tokens, sampling, updates = expected_step(recipe, spec, len(tokenizer), prompt, completion)
        return Work(recipe.steps * tokens, recipe.steps * updates, recipe.steps * sampling)
    return _rolled_out(spec, tokenizer, stage) if isinstance(stage, RollOutStage) else None


def model_of(stage: Stage) -> tuple[DecoderSpec, Tokenizer] | None:
    """Shape and tokenizer of the model that a stage works on, where a pre-training stage began it."""
    base = root(stage)
    return (base.model, Tokenizer(base.words())) if isinstance(base, Pretrain) else None


def mean_lengths(tokenizer: Tokenizer, world: World, split: Split, most: int) -> tuple[float, float]:
    """Mean tokens of a prompt, and of a gold solution cut at `most`, over the levels of a world as it draws them."""
    problems = [world.problem(split, 0, index) for index in range(_PROBLEMS * len(world.levels))]
    prompts = [len(prompt_ids(tokenizer, problem)) for problem in problems]
    solutions = [min(most, len(solution_ids(tokenizer, world, problem))) for problem in problems]
    return float(np.mean(prompts)), float(np.mean(solutions))


def _next_token(
    spec: DecoderSpec, tokenizer: Tokenizer, world: World, split: Split, training: NextTokenSpec, seed: int
) -> Work:
    sizes = (training.documents, training.row_length, training.randomized_positions)
    updates = [
        PackedRows.of(rows_of_step(world, split, tokenizer, *sizes, seed, step))
        for step in range(min(_UPDATES, training.updates))
    ]
    tokens = float(np.mean([rows.real_tokens for rows in updates])) * training.updates
    context = float(np.mean([rows.mean_context for rows in updates]))
    return Work(tokens, training_flops(spec, len(tokenizer), tokens, context), 0.0)


def _rolled_out(spec: DecoderSpec, tokenizer: Tokenizer, stage: RollOutStage) -> Work:
    parts: Sequence[tuple[float, float]] = [
        mean_lengths(tokenizer, stage.world.at_level(level), stage.split, stage.sampling.max_new_tokens)
        for level in stage.world.levels
    ]
    tokens = sum(stage.problems * stage.samples * completion for _, completion in parts)
    extra = 0.0
    if isinstance(stage.sampling, PowerSamplingParams):
        # A move writes the completion anew from a place that is anywhere in what is there.
        extra = tokens * stage.sampling.moves * (stage.sampling.blocks + 1) / 4
    flops = sampling_flops(
        spec,
        len(tokenizer),
        problems=stage.problems * len(parts),
        samples=stage.samples,
        prompt_tokens=sum(stage.problems * prompt for prompt, _ in parts),
        completion_tokens=tokens,
        extra_tokens=extra,
    )
    return Work(tokens, 0.0, flops)
