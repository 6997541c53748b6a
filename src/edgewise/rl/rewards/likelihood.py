"""Sharpening by own likelihood: a completion earns its log-likelihood under the start model, no verifier takes part."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor

from edgewise.core.errors import InputError
from edgewise.rl.description import RewardDescription
from edgewise.rl.rewards.base import REWARDS, RewardFunction
from edgewise.rollouts.rollouts import Rollouts
from edgewise.tasks.base import World


def own_likelihood(logp_PG: Tensor, length_PG: Tensor, weight: float, per: Literal["completion", "token"]) -> Tensor:
    """`weight` times the log-likelihood of each completion, or of its mean token; float32 [problems, samples].

    Mittal et al. 2026 (arXiv 2604.16259) take the sum, per completion. That favours short completions, as every token
    costs; the mean per token is a variant in their code. With a KL of coefficient b to the start model q in the
    reward, the optimum of the sum is proportional to q^(1 + weight / b): at weight 3 and b = 1 the target of a power
    sampler of alpha = 4 (arXiv 2510.14901). Without a KL it is the likeliest completion alone.
    """
    logp_PG = logp_PG.float()
    return weight * (logp_PG / length_PG if per == "token" else logp_PG)


@REWARDS.register
class OwnLikelihood(RewardFunction):
    """`own_likelihood` under the start model; its outcome is to be likelier than the mean of the group."""

    binary: ClassVar[bool] = False
    needs_start_logp: ClassVar[bool] = True
    kind: Literal["own_likelihood"] = "own_likelihood"
    weight: float = Field(1.0, gt=0)
    per: Literal["completion", "token"] = "completion"

    def score(self, world: World, rollouts: Rollouts, seed: int) -> tuple[Tensor, Tensor]:
        if rollouts.start_logp_PG is None:
            raise InputError("start_logp_PG: this reward needs it, the rollouts brought none")
        logp_PG, length_PG = torch.from_numpy(rollouts.start_logp_PG), torch.from_numpy(rollouts.completions.length_PG)
        reward_PG = own_likelihood(logp_PG, length_PG, self.weight, self.per)
        # In double precision the mean of equal numbers is that number.
        return reward_PG > reward_PG.double().mean(1, keepdim=True), reward_PG


DESCRIPTIONS = (
    RewardDescription(
        recipe="reward.function=own_likelihood",
        functions=(own_likelihood,),
        pays=(
            "`weight` times a completion's log-likelihood under the start model, summed over its tokens, or with `per`"
            " token their mean"
        ),
        use=(
            "sharpening of sequences by RL without a verifier, arXiv 2604.16259; with"
            " `loss.kl.estimator=k1 loss.kl.place=reward loss.kl.coefficient=1` the optimum is $`q^{1 + weight}`$, the"
            " target of power sampling"
        ),
    ),
)
