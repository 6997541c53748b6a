"""Clip-Cov and KL-Cov: the tokens whose log-probability and advantage vary together most are held back.

Both choose tokens among all of a minibatch, by the log-probabilities of the policy before this step's updates.
"""

from __future__ import annotations

from typing import ClassVar, Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor

from edgewise.core.keyed import rng
from edgewise.model.fixed_order import average, exponential
from edgewise.rl.description import Description
from edgewise.rl.losses.base import LOSSES, LossAndMetrics, LossInputs, PolicyLossSpec, constants
from edgewise.rl.losses.clipped import ppo_clip


def token_covariance(logp_M: Tensor, advantage_M: Tensor) -> Tensor:
    """(log pi - mean log pi) (A - mean A) of each token, the means over all M tokens.

    Cui et al. 2025 (arXiv 2505.22617). Their mean is the covariance that lowers the entropy: likely tokens of
    high advantage, and unlikely ones of low advantage, make the policy surer.
    """
    advantage_M, logp_M = constants(logp_M, advantage_M=advantage_M, logp_M=logp_M)
    return (logp_M - average(logp_M)) * (advantage_M - average(advantage_M))


def drawn_between(covariance_M: Tensor, share: float, least: float, most: float, seed: int) -> Tensor:
    """A random choice among the tokens with `least` < covariance < `most`; bool [M].

    `share` of all M tokens are chosen, one at least, or as many as there are within the bounds. Drawn by `seed`.
    """
    within = ((covariance_M > least) & (covariance_M < most)).nonzero().squeeze(1).tolist()
    count = min(len(within), max(1, int(share * len(covariance_M))))
    chosen_M = torch.zeros(len(covariance_M), dtype=torch.bool)
    chosen_M[rng("clip_cov", seed).sample(within, count)] = True
    return chosen_M


def highest(covariance_M: Tensor, share: float) -> Tensor:
    """The `share` of the tokens of highest covariance, one at least; bool [M]. Of equal ones the first are chosen."""
    count = max(1, int(share * len(covariance_M)))
    chosen_M = torch.zeros(len(covariance_M), dtype=torch.bool)
    chosen_M[covariance_M.sort(descending=True, stable=True).indices[:count]] = True
    return chosen_M


def clip_cov(
    logp_N: Tensor, old_logp_N: Tensor, advantage_N: Tensor, chosen_N: Tensor, low: float, high: float
) -> LossAndMetrics:
    """`ppo_clip` in which chosen tokens have no loss and no gradient.

    Cui et al. 2025 (arXiv 2505.22617). `clip_fraction` is 1 where either clip cuts the gradient,
    `chosen_fraction` where the choice does.
    """
    (chosen_N,) = constants(logp_N, chosen_N=chosen_N)
    loss_N, metrics = ppo_clip(logp_N, old_logp_N, advantage_N, low, high)
    loss_N = loss_N.masked_fill(chosen_N, 0.0)
    return loss_N, {"clip_fraction": metrics["clip_fraction"] | chosen_N, "chosen_fraction": chosen_N}


def kl_cov(
    logp_N: Tensor, old_logp_N: Tensor, advantage_N: Tensor, chosen_N: Tensor, coefficient: float
) -> LossAndMetrics:
    """-r A, and on chosen tokens + coefficient |log r|, a penalty for leaving the old policy.

    Cui et al. 2025 (arXiv 2505.22617), with the estimate of the KL that their code has. No clip acts.
    Where r = 1 the penalty has no gradient, so it needs several updates a step. `chosen_fraction` is 1 where the
    penalty acts.
    """
    old_logp_N, advantage_N, chosen_N = constants(
        logp_N, old_logp_N=old_logp_N, advantage_N=advantage_N, chosen_N=chosen_N
    )
    log_ratio_N = logp_N - old_logp_N
    penalty_N = log_ratio_N.abs().masked_fill(~chosen_N, 0.0)
    return coefficient * penalty_N - advantage_N * exponential(log_ratio_N), {"chosen_fraction": chosen_N}


@LOSSES.register
class ClipCov(PolicyLossSpec):
    """`clip_cov` of `share` of the tokens, drawn among those with a covariance between `least` and `most`."""

    chooses_tokens: ClassVar[bool] = True
    kind: Literal["clip_cov"] = "clip_cov"
    share: float = Field(2e-4, gt=0, le=1)
    least: float = 1.0
    most: float = 5.0
    low: float = Field(1.0, gt=0)
    high: float = Field(1.0, gt=0)

    @model_validator(mode="after")
    def _bounds_leave_room(self) -> Self:
        if self.least >= self.most:
            raise ValueError(f"least must be below most ({self.most}), is {self.least}")
        return self

    def choose(self, logp_M: Tensor, advantage_M: Tensor, seed: int) -> Tensor:
        return drawn_between(token_covariance(logp_M, advantage_M), self.share, self.least, self.most, seed)

    def per_token(self, inputs: LossInputs) -> LossAndMetrics:
        return clip_cov(inputs.logp_N, inputs.old_logp_N, inputs.advantage_N, inputs.chosen_N, self.low, self.high)


@LOSSES.register
class KlCov(PolicyLossSpec):
    """`kl_cov` of the `share` of the tokens with the highest covariance."""

    chooses_tokens: ClassVar[bool] = True
    kind: Literal["kl_cov"] = "kl_cov"
    share: float = Field(2e-3, gt=0, le=1)
    coefficient: float = Field(1.0, gt=0)

    def choose(self, logp_M: Tensor, advantage_M: Tensor, seed: int) -> Tensor:
        return highest(token_covariance(logp_M, advantage_M), self.share)

    def per_token(self, inputs: LossInputs) -> LossAndMetrics:
        return kl_cov(inputs.logp_N, inputs.old_logp_N, inputs.advantage_N, inputs.chosen_N, self.coefficient)


_COVARIANCE = r"\mathrm{cov}_t = (\log \pi_t - \overline{\log \pi}) (A_t - \bar A)"

DESCRIPTIONS = (
    Description(
        title="Clip-Cov",
        function=clip_cov,
        recipe="loss.function=clip_cov",
        source=(
            "Cui et al. 2025, arXiv 2505.22617; 0.0002 of the tokens, between 1 and 5 (`token_covariance`,"
            " `drawn_between`)"
        ),
        formula=r"0 \text{ where } t \text{ is chosen, else as PPO clip}, \quad " + _COVARIANCE,
        assumes=(
            "Means and choice are over a minibatch, by the policy before this step's updates; the clip on the ratio is"
            " wide (1 to either side). `chosen_fraction` is the share that is chosen."
        ),
        update="The policy gradient without a few tokens that would lower the entropy most, so biased towards entropy.",
        use="Against the collapse of entropy, as KL-Cov; beside an entropy bonus and clip-higher.",
    ),
    Description(
        title="KL-Cov",
        function=kl_cov,
        recipe="loss.function=kl_cov",
        source="Cui et al. 2025, arXiv 2505.22617; 0.002 of the tokens, coefficient 1 (`highest`)",
        formula=r"-\rho A + \beta\, [t \text{ is among the highest } \mathrm{cov}_t]\, |\log \rho|",
        assumes=(
            "Several updates for each batch: in the first one the penalty has no gradient. Means and choice are over a"
            " minibatch, by the policy before this step's updates; no clip on the ratio."
        ),
        update="In the first update plain REINFORCE; later ones pull chosen tokens back to the policy that began.",
        use="As Clip-Cov, with a penalty in place of the cut.",
    ),
)
