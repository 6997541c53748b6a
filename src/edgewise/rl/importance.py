"""Importance corrections for rollouts that another policy wrote: truncated (TIS), masked (IcePop), or by the ratio.

`old_logp_N` is of the policy before this step's updates, `rollout_logp_N` of the behavior policy when it wrote.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor

from edgewise.core.spec import Spec, by_name
from edgewise.model.fixed_order import exponential
from edgewise.rl.losses.base import constants


def truncated_importance(old_logp_N: Tensor, rollout_logp_N: Tensor, cap: float) -> Tensor:
    """min(pi_old / pi_rollout, cap): multiplies the loss of tokens drawn by another policy; detached.

    Truncated importance sampling between trainer and sampler ("TIS", Yao et al. 2025, "Your efficient RL framework
    secretly brings you off-policy RL training"; the truncation is Ionides 2008 and the rho-bar of IMPALA, Espeholt et
    al. 2018, arXiv 1802.01561). At cap = infinity the expected gradient is that of draws from pi_old; with a cap it
    lacks, for every token v, max(0, pi_old(v) - cap pi_rollout(v)) times the gradient of v.
    """
    (rollout_logp_N,) = constants(old_logp_N, rollout_logp_N=rollout_logp_N)
    return exponential(old_logp_N.detach() - rollout_logp_N).clamp(max=cap)


def masked_importance(old_logp_N: Tensor, rollout_logp_N: Tensor, low: float, high: float) -> Tensor:
    """pi_old / pi_rollout where it lies in [low, high], 0 elsewhere; detached.

    IcePop (Ling Team 2025, arXiv 2510.18855; [0.5, 5] in ProRL v2): tokens on which trainer and sampler disagree by
    more are left out rather than truncated.
    """
    (rollout_logp_N,) = constants(old_logp_N, rollout_logp_N=rollout_logp_N)
    ratio_N = exponential(old_logp_N.detach() - rollout_logp_N)
    return torch.where((ratio_N >= low) & (ratio_N <= high), ratio_N, torch.zeros_like(ratio_N))


class NoCorrection(Spec):
    """Samples are used as if the policy that trains had drawn them."""

    kind: Literal["none"] = "none"
    ratio_to_rollout: ClassVar[bool] = False

    def weight(self, old_logp_N: Tensor, rollout_logp_N: Tensor) -> Tensor:
        """The factor of each token's loss: 1."""
        return torch.ones_like(old_logp_N)


class RatioCorrection(Spec):
    """The loss's own ratio is taken against the behavior policy, so its clip sees the mismatch too."""

    kind: Literal["ratio"] = "ratio"
    ratio_to_rollout: ClassVar[bool] = True

    def weight(self, old_logp_N: Tensor, rollout_logp_N: Tensor) -> Tensor:
        """The factor of each token's loss: 1."""
        return torch.ones_like(old_logp_N)


class TruncatedCorrection(Spec):
    """`truncated_importance`."""

    kind: Literal["truncated"] = "truncated"
    cap: float = Field(2.0, ge=1)
    ratio_to_rollout: ClassVar[bool] = False

    def weight(self, old_logp_N: Tensor, rollout_logp_N: Tensor) -> Tensor:
        """The factor of each token's loss, at most `cap`."""
        return truncated_importance(old_logp_N, rollout_logp_N, self.cap)


class MaskedCorrection(Spec):
    """`masked_importance`."""

    kind: Literal["masked"] = "masked"
    low: float = Field(0.5, ge=0, lt=1)
    high: float = Field(5.0, gt=1)
    ratio_to_rollout: ClassVar[bool] = False

    def weight(self, old_logp_N: Tensor, rollout_logp_N: Tensor) -> Tensor:
        """The factor of each token's loss: 0, or from `low` to `high`."""
        return masked_importance(old_logp_N, rollout_logp_N, self.low, self.high)


Correction = Annotated[
    NoCorrection | RatioCorrection | TruncatedCorrection | MaskedCorrection,
    Field(discriminator="kind"),
    by_name("kind"),
]
