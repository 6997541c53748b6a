"""The KL term: to whom, by which estimator, and where it acts."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator
from torch import Tensor

from edgewise.core.spec import Spec
from edgewise.rl import losses


class Kl(Spec):
    """`coefficient` x KL(policy || `to`), nats per token; no term at 0.

    In the loss the default is exact, over the full vocabulary; k1, k2 and k3 are estimates from the
    sampled token, whose gradients differ (see `edgewise.rl.losses`). In the reward each token costs
    its k1: with an exact KL there the policy's own next step would be left out of the gradient.

    `clamp` bounds the log-ratio of k2 and k3 to either side; beyond it there is no gradient.

    `to` is the reference, which is the start model until it is reset, or the teacher. At a
    `temperature` below 1 that distribution is sharpened, which makes the term a distillation.
    """

    coefficient: float = Field(0.0, ge=0)
    estimator: Literal["exact", "k1", "k2", "k3"] = "exact"
    place: Literal["loss", "reward"] = "loss"
    clamp: float | None = Field(None, gt=0)
    to: Literal["reference", "teacher"] = "reference"
    temperature: float = Field(1.0, gt=0)

    @model_validator(mode="after")
    def _gradient_is_that_of_a_kl(self) -> Self:
        if self.place == "reward" and self.estimator != "k1":
            raise ValueError(f"estimator: in the reward it must be k1, is {self.estimator}")
        if self.clamp is not None and self.estimator not in ("k2", "k3"):
            raise ValueError(f"clamp: is for the estimators k2 and k3, not for {self.estimator}; leave it out")
        return self

    @property
    def in_loss(self) -> bool:
        return self.coefficient > 0 and self.place == "loss"

    @property
    def in_reward(self) -> bool:
        return self.coefficient > 0 and self.place == "reward"

    def per_token(self, logits_NV: Tensor, logp_N: Tensor, other_NV: Tensor, other_logp_N: Tensor) -> Tensor:
        """The estimate at each token, with the gradient of the named form."""
        match self.estimator:
            case "exact":
                return losses.exact_kl(logits_NV, other_NV)
            case "k1":
                return losses.k1(logp_N, other_logp_N)
            case "k2":
                return losses.k2(logp_N, other_logp_N, self.clamp)
            case "k3":
                return losses.k3(logp_N, other_logp_N, self.clamp)
