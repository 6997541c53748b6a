"""FLOPs of a step's updates; those of sampling are counted by the rollout worker."""

from __future__ import annotations

from collections.abc import Sequence

from edgewise.model.decoder import Decoder
from edgewise.model.flops import TRAINING_PASSES
from edgewise.rl.batch import Minibatch
from edgewise.rl.kl import KlSpec


def update_flops(
    model: Decoder, minibatches: Sequence[Minibatch | None], kl: KlSpec, epochs: int, *, with_critic: bool
) -> float:
    """A training step for each update, and forward passes for all else that a step computes over its batch.

    One forward pass more for old log-probabilities (with several updates) and for a KL term in each epoch; two for a KL
    in the reward; a forward pass and a training step an epoch for a critic.
    """
    passes = (TRAINING_PASSES + kl.in_loss) * epochs + 2 * kl.in_reward
    passes += len(minibatches) * epochs > 1
    passes += with_critic * (1 + TRAINING_PASSES * epochs)
    return passes * sum(minibatch.forward_flops(model) for minibatch in minibatches if minibatch is not None)
