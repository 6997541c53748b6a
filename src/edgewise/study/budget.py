"""Budgets of compute before anything runs: what a step of a stage costs, in FLOPs or in tokens as the papers charge it.

Split a budget of FLOPs between mid-training and RL; the steps that the two stages have here decide nothing:

    mid = Midtrain(parent=base, world=mixture, training=training)
    rl = RL(parent=base, world=edge, recipe=recipe)
    steps = split_flops(1e15, 0.2, midtrain_step=step_flops(mid), rl_step=step_flops(rl))
    mid = Midtrain(parent=base, world=mixture, training=override(training, [f"steps={steps.midtrain}"]))
    rl = RL(parent=mid, world=edge, recipe=override(recipe, [f"steps={steps.rl}"]))

By the papers' account it is `split_charged(budget, 0.2, charged_sizes(mid, rl))`. Both are of
`edgewise.scaling.compute`. A share of 0 or 1 buys no step of one kind: leave that stage out.
"""

from __future__ import annotations

from edgewise.core.errors import InputError
from edgewise.core.provenance import Totals
from edgewise.rl.recipe import Recipe
from edgewise.scaling.compute import CHARGED_TOKENS, ChargedSizes
from edgewise.study.stages import Stage
from edgewise.study.stages.policy import PolicyStage
from edgewise.study.work import Work, expected_work
from edgewise.training.next_token import NextTokenSpec


def step_flops(stage: Stage) -> float:
    """FLOPs that one step of a stage is expected to take: an update of next-token training, or a step of a recipe.

    Completions are expected as long as gold solutions (see `edgewise.study.work`). InputError where the stage has no
    steps, or the shape of its model is not known.
    """
    return _expected(stage).flops / _steps(stage)


def charged_sizes(midtrain: Stage, rl: Stage, rollout_tokens: int = CHARGED_TOKENS) -> ChargedSizes:
    """What one step of each is charged by the papers' account; `rollout_tokens` is what each rollout is charged.

    InputError where `midtrain` is no next-token training, its tokens are not known, or `rl` samples no rollouts.
    """
    if _training_of(midtrain) is None:
        raise InputError(f"midtrain: must be next-token training, such as Midtrain; is {midtrain.kind!r}")
    recipe = recipe_of(rl)
    if recipe is None or not recipe.samples_rollouts:
        raise InputError(f"rl: must be a stage that trains on rollouts, such as RL; is {rl.kind!r}")
    return ChargedSizes(
        midtrain_tokens=round(_expected(midtrain).tokens / _steps(midtrain)),
        prompts=recipe.sampling.prompts,
        samples=recipe.sampling.samples,
        rollout_tokens=rollout_tokens,
        reference=recipe.loss.kl.coefficient > 0,
    )


def charged_tokens(stage: Stage, training_tokens: float, rollout_tokens: int = CHARGED_TOKENS) -> float:
    """What a stage of training is charged: its rollouts, whose number its spec says, or else `training_tokens`.

    Rollouts that fill a batch up again (`filters.resample_up_to`), or are drawn again behind `hints`, are not charged.
    """
    recipe = recipe_of(stage)
    if recipe is None or not recipe.samples_rollouts:
        return training_tokens
    sampling, with_reference = recipe.sampling, recipe.loss.kl.coefficient > 0
    sizes = ChargedSizes(0, sampling.prompts, sampling.samples, rollout_tokens, with_reference)
    return recipe.steps * sizes.rl_tokens


def tokens_trained_on(stage: Stage, totals: Totals | Work) -> float:
    """Tokens of next-token training and of gold solutions among a stage's totals; the others are of rollouts."""
    return totals.tokens if recipe_of(stage) is None else totals.gold_tokens


def recipe_of(stage: Stage) -> Recipe | None:
    """The recipe that a stage trains by, if it does."""
    return stage.recipe if isinstance(stage, PolicyStage) else None


def _training_of(stage: Stage) -> NextTokenSpec | None:
    training = getattr(stage, "training", None)
    return training if isinstance(training, NextTokenSpec) else None


def _steps(stage: Stage) -> int:
    recipe, training = recipe_of(stage), _training_of(stage)
    if recipe is not None:
        return recipe.steps
    if training is not None:
        return training.updates
    raise InputError(f"stage {stage.kind!r}: trains in no steps; give next-token training or a stage with a recipe")


def _expected(stage: Stage) -> Work:
    work = expected_work(stage)
    if work is None:
        raise InputError(f"stage {stage.kind!r}: the shape of its model is not known, nor what a step of it costs")
    return work
