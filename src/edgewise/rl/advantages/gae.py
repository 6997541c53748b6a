"""GAE: generalised advantage estimates per token from a critic, as PPO uses them."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor

from edgewise.core.errors import InputError
from edgewise.rl.advantages._checks import check_lengths, check_rewards, real_tokens
from edgewise.rl.advantages.base import ADVANTAGES, AdvantageInputs, AdvantageSpec, CriticSpec, required
from edgewise.rl.advantages.reward_to_go import token_rewards
from edgewise.rl.advantages.whitening import whiten
from edgewise.rl.description import Description


def gae(
    rewards: Tensor,
    values_PGT: Tensor,
    lengths: Tensor,
    gamma: float = 1.0,
    lam: float = 1.0,
    penalty_PGT: Tensor | None = None,
) -> Tensor:
    """Generalised advantage estimates from a critic's value before each token.

    A_t = sum over l of (gamma lam)^l d_{t+l} with d_t = r_t + gamma V_{t+1} - V_t. The sample's reward falls on its
    last token, `penalty_PGT` is paid at every token, and what follows the last token is worth 0. Schulman et al. 2015
    (arXiv 1506.02438), eq. 16. gamma = lam = 1 is the setting of Open-Reasoner-Zero: the reward to go minus the value.
    Not whitened. The critic's target is this plus `values_PGT`.
    """
    for name, number in (("gamma", gamma), ("lam", lam)):
        if not 0 <= number <= 1:
            raise InputError(f"{name}: must be between 0 and 1, is {number}")
    check_rewards(rewards)
    check_lengths(lengths, rewards)
    real_PGT = real_tokens(values_PGT, lengths, "values")
    values_PGT = values_PGT.to(rewards.dtype).masked_fill(~real_PGT, 0.0)
    reward_PGT = token_rewards(rewards, penalty_PGT, lengths, real_PGT)
    advantage_PGT = torch.zeros_like(values_PGT)
    following_PG = torch.zeros_like(rewards)
    next_value_PG = torch.zeros_like(rewards)
    for t in reversed(range(values_PGT.shape[2])):
        difference_PG = reward_PGT[..., t] + gamma * next_value_PG - values_PGT[..., t]
        following_PG = difference_PG + gamma * lam * following_PG
        advantage_PGT[..., t] = following_PG
        next_value_PG = values_PGT[..., t]
    return advantage_PGT


@ADVANTAGES.register
class Gae(AdvantageSpec):
    """`gae` with a critic, penalties paid token by token; `whiten`ed over the batch as PPO is run."""

    needs_group: ClassVar[bool] = False
    kind: Literal["gae"] = "gae"
    gamma: float = Field(1.0, ge=0, le=1)
    lam: float = Field(1.0, ge=0, le=1)
    whiten: bool = True
    critic: CriticSpec = CriticSpec()

    @property
    def critic_spec(self) -> CriticSpec:
        return self.critic

    def returns(self, inputs: AdvantageInputs) -> Tensor:
        """The advantage before whitening plus the value: the lambda-return."""
        return self._unwhitened(inputs) + required("values_PGT", inputs.values_PGT)

    def estimate(self, inputs: AdvantageInputs) -> Tensor:
        advantage_PGT = self._unwhitened(inputs)
        return whiten(advantage_PGT, inputs.length_PG) if self.whiten else advantage_PGT

    def _unwhitened(self, inputs: AdvantageInputs) -> Tensor:
        values_PGT = required("values_PGT", inputs.values_PGT)
        return gae(inputs.reward_PG, values_PGT, inputs.length_PG, self.gamma, self.lam, inputs.penalty_PGT)


DESCRIPTIONS = (
    Description(
        title="PPO with a critic (GAE)",
        function=gae,
        recipe="advantage=gae",
        source=r"Schulman et al. 2015, arXiv 1506.02438, eq. 16; Open-Reasoner-Zero: $`\gamma = \lambda = 1`$",
        formula=r"A_t = \sum_{l \ge 0} (\gamma\lambda)^l \delta_{t+l}, \quad \delta_t = r_t + \gamma V_{t+1} - V_t",
        assumes=(
            "A critic, trained on the same batches. The reward is paid at the last token. Whitened over tokens"
            " (`whiten`) unless `advantage.whiten=false`."
        ),
        update=(
            r"At $`\gamma = \lambda = 1`$ unbiased for any critic: the reward to go minus the value. At $`\lambda <"
            " 1`$ the critic's errors cause bias."
        ),
        use="For long completions, where credit per token justifies a second model.",
    ),
)
