"""A recipe: the advantage, the loss and every number of an RL run, by name and explicit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from torch import Tensor

from edgewise.rl import advantages, losses, rewards
from edgewise.spec import Spec
from edgewise.tasks.base import Verdict
from edgewise.training.optimizer import OptimizerSpec


class Reinforce(Spec):
    """Plain score-function loss."""

    loss: Literal["reinforce"] = "reinforce"

    def per_token(self, logp_N: Tensor, old_logp_N: Tensor, advantage_N: Tensor) -> tuple[Tensor, Tensor]:
        return losses.reinforce(logp_N, advantage_N), logp_N.new_zeros(logp_N.shape)


class PpoClip(Spec):
    """PPO's clipped surrogate."""

    loss: Literal["ppo_clip"] = "ppo_clip"
    low: float = Field(0.2, gt=0, lt=1)
    high: float = Field(0.2, gt=0)

    def per_token(self, logp_N: Tensor, old_logp_N: Tensor, advantage_N: Tensor) -> tuple[Tensor, Tensor]:
        loss_N = losses.ppo_clip(logp_N, old_logp_N, advantage_N, self.low, self.high)
        return loss_N, losses.clipped(logp_N.detach(), old_logp_N, advantage_N, self.low, self.high).float()


Loss = Annotated[Reinforce | PpoClip, Field(discriminator="loss")]

ADVANTAGES: dict[str, Callable[[Tensor], Tensor]] = {
    "grpo": advantages.grpo,
    "dr_grpo": advantages.dr_grpo,
}
REWARDS: dict[str, Callable[[Verdict], float]] = {
    "outcome": rewards.outcome,
    "process": rewards.process,
}


class Recipe(Spec):
    """Everything an RL run does with its rollouts.

    Each step draws `samples` completions of each of `prompts` fresh problems and makes `updates`
    updates on equal parts of them. `kl` is the coefficient of the exact KL to the start model.
    """

    steps: int = Field(100, ge=1)
    prompts: int = Field(16, ge=1)
    samples: int = Field(16, ge=2)
    updates: int = Field(1, ge=1)
    advantage: Literal["grpo", "dr_grpo"] = "grpo"
    loss: Loss = PpoClip()
    aggregation: losses.Aggregation = "token"
    reward: Literal["outcome", "process"] = "outcome"
    kl: float = Field(0.0, ge=0)
    max_new_tokens: int = Field(128, ge=1)
    optimizer: OptimizerSpec = OptimizerSpec(learning_rate=1e-4, schedule="constant", warmup=0.1, weight_decay=0.0)

    @model_validator(mode="after")
    def _enough_prompts(self) -> Self:
        if self.updates > self.prompts:
            raise ValueError(f"updates must be at most prompts ({self.prompts}), is {self.updates}")
        return self
