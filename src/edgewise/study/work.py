"""Expected work of a stage before it runs: tokens and FLOPs, from its spec and the gold solutions of its world.

A model that has learned a world writes completions about as long as gold solutions; one that has not writes until its
limit. The expectation is for the first.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import ParamSpec

import numpy as np

from edgewise.core.spec import Spec, digest
from edgewise.model.decoder import DecoderSpec
from edgewise.model.flops import sampling_flops, training_flops
from edgewise.model.hf_config import read_shape
from edgewise.model.problem_ids import prompt_ids, solution_ids
from edgewise.model.tokenizer import Tokenizer
from edgewise.rl.flops import expected_step
from edgewise.rl.recipe import Recipe
from edgewise.sampling.params import PowerSamplingParams
from edgewise.study.plan import root
from edgewise.study.stages import Average, Import, Pretrain, Stage
from edgewise.study.stages.policy import PolicyStage
from edgewise.study.stages.roll_out import RollOutStage
from edgewise.tasks import Split, World
from edgewise.training.documents import rows_of_step
from edgewise.training.next_token import NextTokenSpec
from edgewise.training.packing import PackedRows

# Problems of each level, and at least so many documents of next-token training, that lengths are averaged over.
_PROBLEMS, _DOCUMENTS = 16, 512
# How far the work of next-token training may be from its expectation, which is of some of its documents.
_NEXT_TOKEN_ERROR = 0.1

Arguments = ParamSpec("Arguments")


@dataclass(frozen=True, slots=True)
class Work:
    """What a stage is expected to take; `tokens` and `gold_tokens` are counted as in `Totals`."""

    tokens: float
    training_flops: float
    sampling_flops: float
    gold_tokens: float = 0.0

    @property
    def flops(self) -> float:
        return self.training_flops + self.sampling_flops


def expected_work(stage: Stage) -> Work | None:
    """The work of a stage whose model and kind of work are known; None for others.

    To copy or average weights is no work.
    """
    if isinstance(stage, Average | Import):
        return Work(0.0, 0.0, 0.0)
    known = model_of(stage)
    if known is None:
        return None
    spec, tokenizer = known
    world, split, training = (getattr(stage, name, None) for name in ("world", "split", "training"))
    if isinstance(world, World) and split is not None and isinstance(training, NextTokenSpec):
        return _next_token(spec, tokenizer, world, split, training)
    if isinstance(stage, PolicyStage):
        return _by_recipe(spec, tokenizer, stage, *_mean_lengths_of(stage, tokenizer))
    return _rolled_out(spec, tokenizer, stage) if isinstance(stage, RollOutStage) else None


def possible_flops(stage: Stage) -> tuple[float, float]:
    """The least and the most FLOPs that a stage can be expected to take; 0 and infinity where nothing is known.

    RL takes the least where completions are half as long as gold solutions or half of its groups teach nothing, and the
    most where every completion reaches its limit and every step draws as often as its filters let it.
    """
    work, known = expected_work(stage), model_of(stage)
    if work is None:
        return 0.0, math.inf
    if known is None or not (isinstance(stage, PolicyStage) and stage.recipe.samples_rollouts):
        return (1 - _NEXT_TOKEN_ERROR) * work.flops, (1 + _NEXT_TOKEN_ERROR) * work.flops
    sampling = stage.recipe.sampling
    prompt, _ = _mean_lengths_of(stage, known[1])
    longest = _by_recipe(*known, stage, prompt, sampling.max_new_tokens)
    draws = (1 + sampling.filters.resample_up_to) * (1 if sampling.hints.kind == "none" else 2)
    return work.flops / 2, draws * longest.sampling_flops + longest.training_flops


def planned_steps(stage: Stage) -> int | None:
    """How many steps a stage trains for, each a line of its metrics; None for one that trains nothing."""
    for spec in (getattr(stage, name) for name in type(stage).model_fields):
        if isinstance(spec, Recipe):
            return spec.steps
        if isinstance(spec, NextTokenSpec):
            return spec.updates
    return None


def model_of(stage: Stage) -> tuple[DecoderSpec, Tokenizer] | None:
    """Shape and tokenizer of the model that a stage works on, where pre-training or an import began it."""
    base = root(stage)
    if isinstance(base, Pretrain):
        return base.model, Tokenizer(base.words())
    if isinstance(base, Import) and base.path:
        return read_shape(Path(base.path))[0], Tokenizer(base.words())
    return None


def _kept(function: Callable[Arguments, tuple[float, float]]) -> Callable[Arguments, tuple[float, float]]:
    """The function with its results kept in this process: every seed and every arm of a study asks for the same ones.

    Specs among the arguments are told apart by their digests.
    """
    results: dict[tuple[object, ...], tuple[float, float]] = {}

    def identity(value: object) -> object:
        return digest(value) if isinstance(value, Spec) else value

    @wraps(function)
    def once(*arguments: Arguments.args, **named: Arguments.kwargs) -> tuple[float, float]:
        key = (*map(identity, arguments), *((name, identity(value)) for name, value in sorted(named.items())))
        if key not in results:
            results[key] = function(*arguments, **named)
        return results[key]

    return once


@_kept
def mean_lengths(tokenizer: Tokenizer, world: World, split: Split, most: int) -> tuple[float, float]:
    """Mean tokens of a prompt, and of a gold solution cut at `most`, over the levels of a world as it draws them."""
    problems = [world.problem(split, 0, index) for index in range(_PROBLEMS * len(world.levels))]
    prompts = [len(prompt_ids(tokenizer, problem)) for problem in problems]
    solutions = [min(most, len(solution_ids(tokenizer, world, problem))) for problem in problems]
    return float(np.mean(prompts)), float(np.mean(solutions))


def _next_token(spec: DecoderSpec, tokenizer: Tokenizer, world: World, split: Split, training: NextTokenSpec) -> Work:
    sizes = (training.documents, training.row_length, training.randomized_positions)
    tokens, context = _mean_update(tokenizer, world, split, *sizes)
    tokens *= training.updates
    return Work(tokens, training_flops(spec, len(tokenizer), tokens, context), 0.0)


@_kept
def _mean_update(
    tokenizer: Tokenizer, world: World, split: Split, documents: int, row_length: int, randomized_positions: int
) -> tuple[float, float]:
    """Tokens and mean context of an update, over the same documents at every training seed, so that a budget buys the
    same steps at each."""
    some = range(math.ceil(_DOCUMENTS / documents))
    sizes = (documents, row_length, randomized_positions)
    updates = [PackedRows.of(rows_of_step(world, split, tokenizer, *sizes, 0, step)) for step in some]
    tokens = float(np.mean([rows.real_tokens for rows in updates]))
    return tokens, float(np.mean([rows.mean_context for rows in updates]))


def _mean_lengths_of(stage: PolicyStage, tokenizer: Tokenizer) -> tuple[float, float]:
    return mean_lengths(tokenizer, stage.world, stage.split, stage.recipe.sampling.max_new_tokens)


def _by_recipe(spec: DecoderSpec, tokenizer: Tokenizer, stage: PolicyStage, prompt: float, completion: float) -> Work:
    recipe = stage.recipe
    tokens, sampling, updates = expected_step(recipe, spec, len(tokenizer), prompt, completion)
    gold = 0.0
    if not recipe.samples_rollouts:
        gold = recipe.optimizer.epochs * recipe.sampling.prompts * (prompt + completion)
    return Work(*(recipe.steps * of_step for of_step in (tokens, updates, sampling, gold)))


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
    return Work(tokens, 0.0, flops + stage.scoring_flops(spec, tokenizer))
