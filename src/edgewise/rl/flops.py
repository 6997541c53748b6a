"""FLOPs of a step: of its updates, of which sampling is counted by the rollout worker; and those to expect of it."""

from __future__ import annotations

from collections.abc import Sequence

from edgewise.model.decoder import Decoder, DecoderSpec
from edgewise.model.flops import TRAINING_PASSES, forward_flops, sampling_flops
from edgewise.rl.batch import Minibatch
from edgewise.rl.recipe import LossSpec, Recipe


def update_flops(
    model: Decoder, minibatches: Sequence[Minibatch | None], loss: LossSpec, epochs: int, *, with_critic: bool
) -> float:
    """A training step for each update, and forward passes for all else that a step computes over its batch.

    One forward pass more for old log-probabilities (with several updates, or a loss that chooses tokens by them) and
    for a KL term in each epoch; two for a KL in the reward; a forward pass and a training step an epoch for a critic.
    """
    passes = batch_passes(loss, epochs, len(minibatches), with_critic=with_critic)
    return passes * sum(minibatch.forward_flops(model) for minibatch in minibatches if minibatch is not None)


def batch_passes(loss: LossSpec, epochs: int, minibatches: int, *, with_critic: bool) -> int:
    """How many forward passes over its batch a step's updates are worth; a training pass is worth three."""
    passes = (TRAINING_PASSES + loss.kl.in_loss) * epochs + 2 * loss.kl.in_reward
    passes += minibatches * epochs > 1 or loss.function.chooses_tokens
    passes += with_critic * (1 + TRAINING_PASSES * epochs)
    return passes


def expected_step(
    recipe: Recipe, spec: DecoderSpec, vocabulary: int, prompt_tokens: float, completion_tokens: float
) -> tuple[float, float, float]:
    """Tokens sampled in a step, FLOPs of sampling them and FLOPs of the updates, before anything was sampled.

    `prompt_tokens` and `completion_tokens` are the means of one prompt and of one completion. Every step is counted as
    if its first draw filled the batch and every group had a signal: drawing again (`filters.resample_up_to`, `hints`)
    takes more, and groups that nothing is learned from take no update.
    """
    sampling, epochs, loss = recipe.sampling, recipe.optimizer.epochs, recipe.loss
    drawn = sampling.samples * recipe.samples_rollouts + sampling.filters.zero_success_gate
    flops = 0.0
    if drawn:
        flops = sampling_flops(
            spec,
            vocabulary,
            problems=sampling.prompts,
            samples=drawn,
            prompt_tokens=sampling.prompts * prompt_tokens,
            completion_tokens=sampling.prompts * drawn * completion_tokens,
        )
    with_critic = recipe.advantage.critic_spec is not None
    passes = batch_passes(loss, epochs, recipe.optimizer.minibatches, with_critic=with_critic)
    passes += recipe.reward.function.needs_start_logp
    # The prompt is computed once for its group.
    tokens = sampling.prompts * (prompt_tokens + sampling.samples * completion_tokens)
    update = forward_flops(spec, vocabulary, tokens, prompt_tokens + completion_tokens / 2)
    return sampling.prompts * drawn * completion_tokens, flops, passes * update
