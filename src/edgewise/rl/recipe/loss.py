"""The policy losses and importance corrections of a recipe: each binds its numbers to a function of `rl.losses`.

Where a recipe names a loss or a correction by its bare name, it has its default numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor

from edgewise.core.spec import Spec, by_name
from edgewise.rl import losses


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a loss may look at: the tokens with loss of whole samples, flat.

    `logp_N` and `logits_NV` carry the gradient. `token_N` is the sampled token, `document_N` a
    number that its sample alone has, `old_logp_N` what the ratio is taken against.
    """

    logp_N: Tensor
    old_logp_N: Tensor
    advantage_N: Tensor
    document_N: Tensor
    token_N: Tensor
    logits_NV: Tensor


class Reinforce(Spec):
    """The plain score-function loss; it has no ratio."""

    loss: Literal["reinforce"] = "reinforce"

    def per_token(self, tokens: Tokens) -> tuple[Tensor, Tensor]:
        """The loss of each token, and 1 where a clip acts on it, else 0."""
        loss_N = losses.reinforce(tokens.logp_N, tokens.advantage_N)
        return loss_N, torch.zeros_like(loss_N)


class PpoClip(Spec):
    """PPO's clipped surrogate; DAPO's with high > low. With low of 1 or more nothing bounds the ratio from below."""

    loss: Literal["ppo_clip"] = "ppo_clip"
    low: float = Field(0.2, gt=0)
    high: float = Field(0.2, gt=0)

    def per_token(self, tokens: Tokens) -> tuple[Tensor, Tensor]:
        """The loss of each token, and 1 where the clip cuts its gradient."""
        given = (tokens.logp_N, tokens.old_logp_N, tokens.advantage_N, self.low, self.high)
        return losses.ppo_clip(*given), losses.clipped(*given).to(tokens.logp_N.dtype)


class DualClip(Spec):
    """PPO's clipped surrogate with a bound on the loss where the advantage is negative."""

    loss: Literal["dual_clip"] = "dual_clip"
    low: float = Field(0.2, gt=0, lt=1)
    high: float = Field(0.2, gt=0)
    bound: float = Field(3.0, gt=1)

    def per_token(self, tokens: Tokens) -> tuple[Tensor, Tensor]:
        """The loss of each token, and 1 where either clip cuts its gradient."""
        given = (tokens.logp_N, tokens.old_logp_N, tokens.advantage_N, self.low, self.high, self.bound)
        return losses.dual_clip(*given), losses.clipped(*given).to(tokens.logp_N.dtype)


class Cispo(Spec):
    """The score-function loss weighed by the clipped ratio; bounds on the ratio itself."""

    loss: Literal["cispo"] = "cispo"
    least: float = Field(0.0, ge=0, lt=1)
    most: float = Field(5.0, gt=1)

    def per_token(self, tokens: Tokens) -> tuple[Tensor, Tensor]:
        """The loss of each token, and 1 where its weight is a bound; its gradient is never cut."""
        loss_N = losses.cispo(tokens.logp_N, tokens.old_logp_N, tokens.advantage_N, self.least, self.most)
        return loss_N, losses.clamped(tokens.logp_N, tokens.old_logp_N, self.least, self.most).to(loss_N.dtype)


class Gspo(Spec):
    """The clipped surrogate on the ratio of whole samples; published with aggregation "sample"."""

    loss: Literal["gspo"] = "gspo"
    low: float = Field(3e-4, gt=0, lt=1)
    high: float = Field(4e-4, gt=0)

    def per_token(self, tokens: Tokens) -> tuple[Tensor, Tensor]:
        """The loss of each token's sample, and 1 where the clip cuts the sample's gradient."""
        given = (tokens.logp_N, tokens.old_logp_N, tokens.advantage_N, tokens.document_N, self.low, self.high)
        return losses.gspo(*given), losses.gspo_clipped(*given).to(tokens.logp_N.dtype)


class NaturalGradient(Spec):
    """The logit-space control; for samples of the policy itself, as it has no ratio."""

    loss: Literal["natural_gradient"] = "natural_gradient"
    cap: float = Field(100.0, ge=1)

    def per_token(self, tokens: Tokens) -> tuple[Tensor, Tensor]:
        """The loss of each token, and 1 where its weight is the cap."""
        loss_N = losses.natural_gradient(tokens.logits_NV, tokens.token_N, tokens.advantage_N, self.cap)
        return loss_N, losses.capped(tokens.logits_NV, tokens.token_N, self.cap).to(loss_N.dtype)


class NoCorrection(Spec):
    """Samples are used as if the policy that trains had drawn them."""

    correction: Literal["none"] = "none"
    against_drawn: ClassVar[bool] = False

    def weight(self, old_logp_N: Tensor, drawn_logp_N: Tensor) -> Tensor:
        """What the loss of each token is multiplied by: 1."""
        return torch.ones_like(old_logp_N)


class RatioCorrection(Spec):
    """The loss's own ratio is taken against the policy that drew, so its clip sees the mismatch too."""

    correction: Literal["ratio"] = "ratio"
    against_drawn: ClassVar[bool] = True

    def weight(self, old_logp_N: Tensor, drawn_logp_N: Tensor) -> Tensor:
        """What the loss of each token is multiplied by: 1."""
        return torch.ones_like(old_logp_N)


class TruncatedCorrection(Spec):
    """Truncated importance sampling."""

    correction: Literal["truncated"] = "truncated"
    cap: float = Field(2.0, ge=1)
    against_drawn: ClassVar[bool] = False

    def weight(self, old_logp_N: Tensor, drawn_logp_N: Tensor) -> Tensor:
        """What the loss of each token is multiplied by, at most `cap`."""
        return losses.truncated_importance(old_logp_N, drawn_logp_N, self.cap)


class MaskedCorrection(Spec):
    """IcePop: tokens on which trainer and sampler disagree too much are left out."""

    correction: Literal["masked"] = "masked"
    low: float = Field(0.5, ge=0, lt=1)
    high: float = Field(5.0, gt=1)
    against_drawn: ClassVar[bool] = False

    def weight(self, old_logp_N: Tensor, drawn_logp_N: Tensor) -> Tensor:
        """What the loss of each token is multiplied by: 0 or from `low` to `high`."""
        return losses.masked_importance(old_logp_N, drawn_logp_N, self.low, self.high)


Loss = Annotated[
    Reinforce | PpoClip | DualClip | Cispo | Gspo | NaturalGradient,
    Field(discriminator="loss"),
    by_name("loss"),
]
Correction = Annotated[
    NoCorrection | RatioCorrection | TruncatedCorrection | MaskedCorrection,
    Field(discriminator="correction"),
    by_name("correction"),
]
