"""A recipe: everything that an RL run does, explicit."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from edgewise.core.spec import Spec
from edgewise.rl.curriculum import Curriculum, Uniform
from edgewise.rl.losses import Aggregation
from edgewise.rl.recipe.advantage import Advantage, Grpo
from edgewise.rl.recipe.groups import Groups
from edgewise.rl.recipe.loss import Correction, Loss, NoCorrection, PpoClip
from edgewise.rl.recipe.penalty import Kl
from edgewise.rl.recipe.reward import Length, NoLength, Outcome, Reward
from edgewise.rl.resets import Never, Reset
from edgewise.training.optimizer import OptimizerSpec

Writer = Literal["policy", "start", "teacher", "gold"]


class CriticSpec(Spec):
    """The value model, a copy of the start model with one output; used where the advantage asks for it.

    It learns from the same batches as the policy, by half the squared error of the return, the
    larger of that and of the value clipped to within `clip` of what it was before the update
    (Schulman et al. 2017, as in PPO's reference code).
    """

    clip: float = Field(0.2, gt=0)
    optimizer: OptimizerSpec = OptimizerSpec(learning_rate=3e-4, schedule="constant", warmup=0.0, weight_decay=0.0)


class Recipe(Spec):
    """One RL algorithm with every number.

    Each of `steps` steps draws `samples` completions of `prompts` problems at `temperature`, and
    makes `epochs` passes over them in `updates` equal parts, one update each. Log-probabilities are
    those of the tempered policy throughout.

    `writer` is who writes the completions: the policy; the start model, whose draws match those of
    an RL run without any feedback (rejection fine-tuning); a teacher (distillation); or the world
    itself (gold solutions: supervised fine-tuning). `staleness` k > 0 has the policy of k steps ago
    write, and `logit_noise` adds noise of that standard deviation to the writer's logits, as a
    sampler of other numerics than the trainer's would; `correction` says what is done about either.

    `label` names the preset that the recipe came from; it decides nothing.
    """

    label: str = Field("", exclude=True)
    steps: int = Field(100, ge=1)
    prompts: int = Field(16, ge=1)
    samples: int = Field(16, ge=1)
    updates: int = Field(1, ge=1)
    epochs: int = Field(1, ge=1)
    max_new_tokens: int = Field(128, ge=1)
    temperature: float = Field(1.0, gt=0)
    writer: Writer = "policy"
    curriculum: Curriculum = Uniform()
    reward: Reward = Outcome()
    length: Length = NoLength()
    groups: Groups = Groups()
    advantage: Advantage = Grpo()
    loss: Loss = PpoClip()
    aggregation: Aggregation = "token"
    kl: Kl = Kl()
    entropy: float = Field(0.0, ge=0)
    reset: Reset = Never()
    staleness: int = Field(0, ge=0)
    logit_noise: float = Field(0.0, ge=0)
    correction: Correction = NoCorrection()
    critic: CriticSpec = CriticSpec()
    optimizer: OptimizerSpec = OptimizerSpec(learning_rate=1e-4, schedule="constant", warmup=0.1, weight_decay=0.0)

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        self.advantage.check(self.samples)
        if self.updates > self.prompts:
            raise ValueError(f"updates must be at most prompts ({self.prompts}), is {self.updates}")
        if self.writer == "gold" and self.samples > 1:
            raise ValueError(f"samples must be 1 where the world writes the gold solution, is {self.samples}")
        if self.loss.loss == "natural_gradient" and not (self.on_policy and self.updates * self.epochs == 1):
            raise ValueError(
                "loss: natural_gradient has no ratio; use one update a step on what the policy itself wrote"
            )
        if self.writer != "policy" and (self.staleness or self.logit_noise):
            raise ValueError(f"staleness and logit_noise are of the policy; writer is {self.writer!r}")
        if self.groups.mixed_only and self.samples < 2:
            raise ValueError("samples must be at least 2 where groups.mixed_only drops groups of one outcome")
        if self.advantage.advantage in ("pass_at_k", "maxrl"):
            binary = self.reward.reward != "mixture" and self.length.length == "none" and not self.kl.in_reward
            if not binary:
                raise ValueError(
                    f"advantage: {self.advantage.advantage} needs rewards of 0 or 1; use a reward other than mixture,"
                    " length none, and no kl in the reward"
                )
        if self.reset.reset != "never" and not (self.kl.coefficient and self.kl.to == "reference"):
            raise ValueError("reset: without a kl to the reference there is nothing to reset; set kl.coefficient")
        return self

    @property
    def on_policy(self) -> bool:
        """Whether the policy that is trained wrote the completions, by the very same computation."""
        return self.writer == "policy" and not self.staleness and not self.logit_noise

    @property
    def has_teacher(self) -> bool:
        """Whether a teacher model takes part."""
        return self.writer == "teacher" or (self.kl.coefficient > 0 and self.kl.to == "teacher")
