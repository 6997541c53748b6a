"""Recipe: one RL algorithm with every number, as five specs: sampling, reward, advantage, loss, optimizer.

    Recipe(
        sampling={"prompts": 16, "samples": 16, "filters": {"drop_zero_variance": True}},
        reward={"function": "process"},
        advantage="rloo",
        loss={"function": "ppo_clip", "kl": {"coefficient": 0.001}},
        optimizer={"learning_rate": 1e-4, "minibatches": 4},
    )

Where a choice is expected (`advantage`, `reward.function`, `loss.function`, ...), its name alone stands for it with its
defaults. On the command line every number is a dotted field: `loss.kl.coefficient=0.001`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from edgewise.core.spec import ADDED_LATER, Spec
from edgewise.rl.advantages.base import AnyAdvantage
from edgewise.rl.advantages.grpo import Grpo
from edgewise.rl.curriculum import Curriculum, FreshProblems
from edgewise.rl.filters import Filters
from edgewise.rl.hints import Hints, NoHints
from edgewise.rl.importance import Correction, NoCorrection
from edgewise.rl.kl import KlSpec
from edgewise.rl.losses.base import AnyPolicyLoss
from edgewise.rl.losses.clipped import PpoClip
from edgewise.rl.normalization import Normalization
from edgewise.rl.rewards.base import AnyRewardFunction
from edgewise.rl.rewards.correctness import Outcome
from edgewise.rl.rewards.length import AnyLengthReward, NoLength
from edgewise.rl.rollout_worker import Behavior, PolicyWrites
from edgewise.training.optimizer import OptimizerSpec


class SamplingSpec(Spec):
    """What each step samples: `samples` completions of `prompts` problems at `temperature`.

    `behavior` is who writes the completions. `curriculum` chooses the problems, `filters` the groups that are trained
    on, `hints` what is revealed of the gold solution where all samples of a group are wrong. Log-probabilities are
    those of the tempered policy throughout.
    """

    prompts: int = Field(16, ge=1)
    samples: int = Field(16, ge=1)
    max_new_tokens: int = Field(128, ge=1)
    temperature: float = Field(1.0, gt=0)
    behavior: Behavior = PolicyWrites()
    curriculum: Curriculum = FreshProblems()
    filters: Filters = Filters()
    hints: Annotated[Hints, ADDED_LATER] = NoHints()

    @model_validator(mode="after")
    def _enough_samples(self) -> Self:
        if self.behavior.kind == "gold" and self.samples > 1:
            raise ValueError(f"samples must be 1 where behavior is gold: a problem has one solution; is {self.samples}")
        if self.hints.kind != "none" and self.behavior.kind != "policy":
            raise ValueError(
                f"behavior must be policy where hints are given: it goes on after them; is {self.behavior.kind}"
            )
        if self.filters.drop_zero_variance and self.samples < 2:
            raise ValueError("samples must be at least 2 where filters.drop_zero_variance drops groups of one outcome")
        return self

    @property
    def on_policy(self) -> bool:
        """Whether the policy that is trained wrote the completions, by the very same computation."""
        return self.behavior == PolicyWrites()


class RewardSpec(Spec):
    """What a completion earns: a reward function, then what its length adds."""

    function: AnyRewardFunction = Outcome()
    length: AnyLengthReward = NoLength()

    @property
    def binary(self) -> bool:
        """Whether every reward is 0 or 1."""
        return self.function.binary and self.length.kind == "none"


class LossSpec(Spec):
    """What is minimised: a policy loss of each token, corrected, averaged, with a KL term and an entropy bonus.

    `correction` says what is done where another policy wrote the completions than the one that trains. A negative
    `entropy_bonus` lowers the entropy.
    """

    function: AnyPolicyLoss = PpoClip()
    normalization: Normalization = "token-mean"
    correction: Correction = NoCorrection()
    kl: KlSpec = KlSpec()
    entropy_bonus: float = 0.0


class PolicyOptimizerSpec(OptimizerSpec):
    """AdamW, and how a batch becomes updates: `epochs` passes over `minibatches` equal parts, one update each."""

    learning_rate: float = Field(1e-4, gt=0)
    schedule: Literal["cosine", "constant"] = "constant"
    warmup: float = Field(0.1, ge=0, lt=1)
    weight_decay: float = Field(0.0, ge=0)
    minibatches: int = Field(1, ge=1)
    epochs: int = Field(1, ge=1)


class Recipe(Spec):
    """One RL algorithm with every number.

    `label` names the published recipe that this one came from; it decides nothing. `precision` "bf16" runs the layers
    of all models in bfloat16, in sampling as in the updates, with weights, logits and loss in FP32; it pays on GPUs and
    on CPUs that multiply bfloat16. The sampler and the trainer then round differently: the metric `drift` says by how
    much, and `loss.correction` may act on it.

    `stop_at_kl` is a budget: the run ends with the first step that finds the policy at a KL to the start model above
    it, in nats per token over a quarter of the step's samples (`rl.probe`), or after `steps`. Algorithms that move at
    other speeds can so be compared at equal KL.
    """

    label: str = Field("", exclude=True)
    steps: int = Field(100, ge=1)
    sampling: SamplingSpec = SamplingSpec()
    reward: RewardSpec = RewardSpec()
    advantage: AnyAdvantage = Grpo()
    loss: LossSpec = LossSpec()
    optimizer: PolicyOptimizerSpec = PolicyOptimizerSpec()
    precision: Annotated[str, ADDED_LATER] = Field("fp32", pattern="^(fp32|bf16)$")
    stop_at_kl: Annotated[float | None, ADDED_LATER] = Field(None, gt=0)

    @field_validator("sampling", "reward", "loss", "optimizer", mode="before")
    @classmethod
    def _is_a_group(cls, value: Any) -> Any:
        if isinstance(value, str):
            raise ValueError("is a group of fields; set one of them, such as reward.function=process")
        return value

    @model_validator(mode="after")
    def _parts_fit_together(self) -> Self:
        self.advantage.check_samples(self.sampling.samples)
        if self.optimizer.minibatches > self.sampling.prompts:
            raise ValueError(
                f"optimizer.minibatches must be at most sampling.prompts ({self.sampling.prompts}),"
                f" is {self.optimizer.minibatches}"
            )
        single_update = self.optimizer.minibatches * self.optimizer.epochs == 1
        if self.loss.function.on_policy_only and not (self.sampling.on_policy and single_update):
            raise ValueError(
                f"loss.function: {self.loss.function.kind} has no ratio; use one update a step on what the policy"
                " itself wrote"
            )
        if self.advantage.needs_binary_rewards and (not self.reward.binary or self.loss.kl.in_reward):
            raise ValueError(
                f"advantage: {self.advantage.kind} needs rewards of 0 or 1; use a binary reward.function,"
                " reward.length none, and no loss.kl in the reward"
            )
        if self.advantage.needs_greedy and self.sampling.hints.kind != "none":
            raise ValueError(
                f"advantage: {self.advantage.kind} draws its baseline without sampling.hints, which makes it none;"
                " use another advantage, or sampling.hints=none"
            )
        return self

    @property
    def samples_rollouts(self) -> bool:
        """Whether a model writes what is trained on; else it is gold solutions."""
        return self.sampling.behavior.kind != "gold"

    @property
    def has_teacher(self) -> bool:
        """Whether a teacher model takes part."""
        kl = self.loss.kl
        return self.sampling.behavior.kind == "teacher" or (kl.coefficient > 0 and kl.target == "teacher")
