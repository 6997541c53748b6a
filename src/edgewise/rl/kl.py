"""KL and entropy terms: exact over the vocabulary, or estimated from the sampled token (k1, k2, k3); and the KL's spec.

`reference_logp_N` and `reference_NV` are of the model that the policy is pulled to.
"""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator
from torch import Tensor

from edgewise.core.spec import Spec
from edgewise.model.fixed_order import exponential, exponential_minus_one, log_softmax, total
from edgewise.rl.losses.base import constants
from edgewise.rl.reference_reset import NeverReset, Reset


def entropy(logits_NV: Tensor) -> Tensor:
    """H = -sum_v p_v log p_v of each token's next-token distribution, in nats, with its gradient."""
    logp_NV = log_softmax(logits_NV)
    return -total(exponential(logp_NV) * logp_NV)


def exact_kl(logits_NV: Tensor, reference_NV: Tensor) -> Tensor:
    """KL(policy || reference) = sum_v p_v (log p_v - log q_v) of each next-token distribution.

    The reverse KL over the full vocabulary with its true gradient; no estimator is involved.
    """
    (reference_NV,) = constants(logits_NV, reference_NV=reference_NV)
    logp_NV = log_softmax(logits_NV)
    return total(exponential(logp_NV) * (logp_NV - log_softmax(reference_NV)))


def k1(logp_N: Tensor, reference_logp_N: Tensor) -> Tensor:
    """log p - log q of the drawn token: an unbiased, signed estimate of KL(policy || reference).

    Schulman 2020 ("Approximating KL divergence"). As a loss term on tokens drawn by the policy its gradient is the bare
    score, whose expectation is 0: it only adds noise. Subtracted from the reward (detached, times log p) it gives
    (log p - log q) grad log p, the gradient of KL(policy || reference). (Gradients of all three: Shah et al. 2025,
    arXiv 2512.21852.)

    k1, k2 and k3 as loss terms see one token at a time: what a token does to the KL of the tokens after it is left out,
    by `exact_kl` as well. Only in the reward, summed over what follows, is the gradient that of the KL between the two
    distributions of whole samples.
    """
    (reference_logp_N,) = constants(logp_N, reference_logp_N=reference_logp_N)
    return logp_N - reference_logp_N


def k2(logp_N: Tensor, reference_logp_N: Tensor, clamp: float | None = None) -> Tensor:
    """(log p - log q)^2 / 2 of the drawn token: a biased estimate of KL(policy || reference).

    Schulman 2020. As a loss term on tokens drawn by the policy its gradient is (log p - log q) grad log p, whose
    expectation is the gradient of KL(policy || reference). `clamp` bounds the log-ratio to [-clamp, clamp]; beyond it
    there is no gradient.
    """
    return _clamped_log_ratio(logp_N, reference_logp_N, clamp) ** 2 / 2


def k3(logp_N: Tensor, reference_logp_N: Tensor, clamp: float | None = None) -> Tensor:
    """q / p - 1 - log(q / p) of the drawn token: an unbiased estimate of KL(policy || reference), >= 0.

    Schulman 2020; the KL of GRPO (Shao et al. 2024, arXiv 2402.03300, eq. 4). As a loss term on tokens drawn by the
    policy its gradient is (1 - q / p) grad log p, whose expectation is -sum_v q_v grad log p_v, the gradient of the
    forward KL(reference || policy). `clamp` bounds the log-ratio to [-clamp, clamp]; beyond it there is no gradient.
    Without it the term is infinite once log(q / p) exceeds 88 in float32. (verl bounds the log-ratio to 20 and then the
    term to 10.)
    """
    log_ratio_N = _clamped_log_ratio(logp_N, reference_logp_N, clamp)
    return exponential_minus_one(-log_ratio_N) + log_ratio_N


def _clamped_log_ratio(logp_N: Tensor, reference_logp_N: Tensor, clamp: float | None) -> Tensor:
    log_ratio_N = k1(logp_N, reference_logp_N)
    return log_ratio_N if clamp is None else log_ratio_N.clamp(-clamp, clamp)


class KlSpec(Spec):
    """`coefficient` x KL(policy || `target`), nats per token; no term at 0.

    In the loss the default is exact, over the full vocabulary; k1, k2 and k3 are estimates from the sampled token,
    whose gradients differ. In the reward each token costs its k1: with an exact KL there the policy's own next step
    would be left out of the gradient.

    `clamp` bounds the log-ratio of k2 and k3 to either side; beyond it there is no gradient.

    `target` is the reference, which is the start model until it is `reset`, or the teacher. At a `temperature` below 1
    that distribution is sharpened, which makes the term a distillation.
    """

    coefficient: float = Field(0.0, ge=0)
    estimator: Literal["exact", "k1", "k2", "k3"] = "exact"
    place: Literal["loss", "reward"] = "loss"
    clamp: float | None = Field(None, gt=0)
    target: Literal["reference", "teacher"] = "reference"
    temperature: float = Field(1.0, gt=0)
    reset: Reset = NeverReset()

    @model_validator(mode="after")
    def _gradient_is_that_of_a_kl(self) -> Self:
        if self.place == "reward" and self.estimator != "k1":
            raise ValueError(
                f"estimator must be k1 where place is reward, is {self.estimator}; set the estimator first"
            )
        if self.clamp is not None and self.estimator not in ("k2", "k3"):
            raise ValueError(f"clamp is for the estimators k2 and k3, not for {self.estimator}; leave it out")
        return self

    @model_validator(mode="after")
    def _reset_has_a_reference(self) -> Self:
        if self.reset.kind != "never" and not (self.coefficient and self.target == "reference"):
            raise ValueError(
                "reset needs a kl to the reference, without which there is nothing to reset; set coefficient"
            )
        return self

    @property
    def in_loss(self) -> bool:
        return self.coefficient > 0 and self.place == "loss"

    @property
    def in_reward(self) -> bool:
        return self.coefficient > 0 and self.place == "reward"

    def per_token(self, logits_NV: Tensor, logp_N: Tensor, target_NV: Tensor, target_logp_N: Tensor) -> Tensor:
        """The estimate at each token, with the gradient of the named form."""
        match self.estimator:
            case "exact":
                return exact_kl(logits_NV, target_NV)
            case "k1":
                return k1(logp_N, target_logp_N)
            case "k2":
                return k2(logp_N, target_logp_N, self.clamp)
            case "k3":
                return k3(logp_N, target_logp_N, self.clamp)
