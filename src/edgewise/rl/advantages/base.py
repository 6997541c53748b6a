"""Base of all advantage estimators: their inputs, their spec, and the registry that recipes choose from.

An algorithm is one file of this package: a pure function of tensors with its formula and source, a spec whose fields
are the function's numbers, and its description (`DESCRIPTIONS`, see `edgewise.rl.description`).

    @ADVANTAGES.register
    class Mine(AdvantageSpec):
        kind: Literal["mine"] = "mine"
        scale: float = 1.0

        def estimate(self, inputs: AdvantageInputs) -> Tensor:
            return mine(inputs.net_reward_PG, self.scale)

A recipe then says `advantage=mine advantage.scale=2`. A module outside the package registers in the same way; it needs
no description.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from pydantic import Field, PlainValidator, SerializeAsAny
from torch import Tensor

from edgewise.core.errors import InputError
from edgewise.core.spec import Spec
from edgewise.model.fixed_order import total
from edgewise.rl.advantages.masks import positive_only
from edgewise.rl.registry import SpecRegistry
from edgewise.training.optimizer import OptimizerSpec


@dataclass(frozen=True, slots=True)
class AdvantageInputs:
    """What an advantage may look at: the scored samples of one step, P problems x G samples (x T tokens).

    `outcome_PG` (bool) is the binary outcome, `reward_PG` (float) the reward after length shaping. `length_PG` counts
    tokens; `logp_PG` is the mean log-probability of a sample's tokens under the policy that wrote it, so that its
    negative estimates the entropy per token. `step` (from 0) of `steps` drives schedules; `seed` is of this step alone.

    The rest is there where the recipe asks for it: `penalty_PGT` is what each token costs (a KL in the reward),
    `values_PGT` what a critic expects before each token, both 0 beyond a sample's length, and `greedy_P` the reward of
    the greedy completion.
    """

    reward_PG: Tensor
    outcome_PG: Tensor
    length_PG: Tensor
    logp_PG: Tensor
    step: int
    steps: int
    seed: int
    penalty_PGT: Tensor | None = None
    values_PGT: Tensor | None = None
    greedy_P: Tensor | None = None

    @property
    def net_reward_PG(self) -> Tensor:
        """The reward minus the penalties of the sample's tokens."""
        return self.reward_PG if self.penalty_PGT is None else self.reward_PG - total(self.penalty_PGT)


class CriticOptimizerSpec(OptimizerSpec):
    """AdamW of a critic; its learning rate stays at the peak."""

    learning_rate: float = Field(3e-4, gt=0)
    schedule: Literal["cosine", "constant"] = "constant"
    warmup: float = Field(0.0, ge=0, lt=1)
    weight_decay: float = Field(0.0, ge=0)


class CriticSpec(Spec):
    """The value model of an advantage that needs one: a copy of the start model with one output per token.

    It learns from the same batches as the policy, by half the squared error of the return: the larger of that error
    and of the error of the value clipped to within `clip` of the value before the update (Schulman et al. 2017, as in
    PPO's reference code).
    """

    clip: float = Field(0.2, gt=0)
    optimizer: CriticOptimizerSpec = CriticOptimizerSpec()


class AdvantageSpec(Spec):
    """One advantage estimator with its numbers; the base of all of them.

    `needs_group`: one sample per problem is not enough. `needs_greedy`: the step must also bring the reward of a
    greedy completion. `needs_binary_rewards`: rewards must be 0 or 1, so without shaping or penalties.
    `positive_only` sets negative advantages to 0.
    """

    needs_group: ClassVar[bool] = True
    needs_greedy: ClassVar[bool] = False
    needs_binary_rewards: ClassVar[bool] = False

    kind: str
    positive_only: bool = False

    def compute(self, inputs: AdvantageInputs) -> Tensor:
        """Advantages [problems, samples], or [problems, samples, tokens], for a mean over samples."""
        advantage = self.estimate(inputs)
        return positive_only(advantage) if self.positive_only else advantage

    @abstractmethod
    def estimate(self, inputs: AdvantageInputs) -> Tensor:
        """The advantages before `positive_only`."""

    @property
    def critic_spec(self) -> CriticSpec | None:
        """The value model that this advantage needs; None where it needs none."""
        return None

    def returns(self, inputs: AdvantageInputs) -> Tensor:
        """What the critic learns to expect before each token, [P, G, T]; only with a `critic_spec`."""
        raise TypeError(f"{type(self).__name__} has no critic")

    def check_samples(self, samples: int) -> None:
        """ValueError where `samples` per problem are too few."""
        if self.needs_group and samples < 2:
            raise ValueError(
                f"sampling.samples: advantage {self.kind} compares a problem's samples; use at least 2, got {samples}"
            )


ADVANTAGES: SpecRegistry[AdvantageSpec] = SpecRegistry("advantage", "edgewise.rl.advantages")

AnyAdvantage = Annotated[AdvantageSpec, PlainValidator(ADVANTAGES.parse), SerializeAsAny()]
"""A field that accepts any registered advantage; its name alone stands for its defaults."""


def required(name: str, value: Tensor | None) -> Tensor:
    """An optional input that this advantage needs; InputError where the step did not bring it."""
    if value is None:
        raise InputError(f"{name}: this advantage needs it, the step brought none")
    return value
