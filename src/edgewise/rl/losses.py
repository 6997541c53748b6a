"""Policy losses: pure functions of tensors that return the loss of each token and what to log about it.

Every `_N` tensor is flat over the tokens with loss. `logp_N` is the log-probability of each sampled token under the
policy being trained, `old_logp_N` the one under the policy that the ratio

    r = pi / pi_old = exp(logp - old_logp)

is taken against, `advantage_N` the token's advantage. A loss returns `(loss_N, metrics)`: metrics are [N] tensors that
the trainer averages as it averages the loss and logs by name, such as `clip_fraction`, 1 where a clip acts. The
gradient flows through `logp_N` (or `logits_NV`) alone, everything else is a constant, so that one tensor may serve as
both policies. At r = 1 every loss but `natural_gradient` has the gradient of `reinforce`. Log-probabilities and logits
must be finite. A tensor of another shape than the rest raises an InputError.

Below each function is its spec, whose fields are the function's numbers. A loss of yours registers in the same way.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import torch
from pydantic import Field, PlainValidator, SerializeAsAny
from torch import Tensor

from edgewise.core.errors import InputError
from edgewise.core.spec import Spec
from edgewise.rl.registry import SpecRegistry

LossAndMetrics = tuple[Tensor, Mapping[str, Tensor]]


@dataclass(frozen=True, slots=True)
class LossInputs:
    """What a policy loss may look at: the tokens with loss of whole samples, flat.

    `logp_N` and `logits_NV` carry the gradient. `token_N` is the sampled token, `sample_index_N` a number that its
    sample alone has, `old_logp_N` what the ratio is taken against.
    """

    logp_N: Tensor
    old_logp_N: Tensor
    advantage_N: Tensor
    sample_index_N: Tensor
    token_N: Tensor
    logits_NV: Tensor


class PolicyLossSpec(Spec):
    """One policy loss with its numbers; the base of all of them.

    `on_policy_only`: the loss has no ratio that could correct for another policy, so it needs one update a step on
    what the policy itself wrote.
    """

    on_policy_only: ClassVar[bool] = False

    kind: str

    @abstractmethod
    def per_token(self, inputs: LossInputs) -> LossAndMetrics:
        """The loss of each token, and what to log about it."""


LOSSES: SpecRegistry[PolicyLossSpec] = SpecRegistry("loss", "edgewise.rl.losses")

AnyPolicyLoss = Annotated[PolicyLossSpec, PlainValidator(LOSSES.parse), SerializeAsAny()]
"""A field that accepts any registered policy loss; its name alone stands for its defaults."""


def reinforce(logp_N: Tensor, advantage_N: Tensor) -> LossAndMetrics:
    """-A log pi: its gradient is the plain score-function estimate (Williams 1992)."""
    (advantage_N,) = constants(logp_N, advantage_N=advantage_N)
    return -advantage_N * logp_N, {}


@LOSSES.register
class Reinforce(PolicyLossSpec):
    """`reinforce`; it has no ratio."""

    kind: Literal["reinforce"] = "reinforce"

    def per_token(self, inputs: LossInputs) -> LossAndMetrics:
        return reinforce(inputs.logp_N, inputs.advantage_N)


def ppo_clip(logp_N: Tensor, old_logp_N: Tensor, advantage_N: Tensor, low: float, high: float) -> LossAndMetrics:
    """-min(r A, clip(r, 1 - low, 1 + high) A).

    Schulman et al. 2017 (arXiv 1707.06347), eq. 7, has low = high; low < high is the decoupled clip ("clip-higher") of
    DAPO (Yu et al. 2025, arXiv 2503.14476, eq. 10). `clip_fraction` is 1 where the clip cuts the token's gradient to 0:
    r > 1 + high with A >= 0, and r < 1 - low with A < 0. (Where A = 0 there is no gradient to cut, and the token counts
    as one of A > 0.) Where A < 0 nothing bounds the loss from above: it grows as r, and is infinite once log r exceeds
    88 in float32 (see `dual_clip`).
    """
    return dual_clip(logp_N, old_logp_N, advantage_N, low, high, math.inf)


@LOSSES.register
class PpoClip(PolicyLossSpec):
    """`ppo_clip`; DAPO's with high > low. With low of 1 or more nothing bounds the ratio from below."""

    kind: Literal["ppo_clip"] = "ppo_clip"
    low: float = Field(0.2, gt=0)
    high: float = Field(0.2, gt=0)

    def per_token(self, inputs: LossInputs) -> LossAndMetrics:
        return ppo_clip(inputs.logp_N, inputs.old_logp_N, inputs.advantage_N, self.low, self.high)


def dual_clip(
    logp_N: Tensor, old_logp_N: Tensor, advantage_N: Tensor, low: float, high: float, bound: float = 3.0
) -> LossAndMetrics:
    """-max(min(r A, clip(r, 1 - low, 1 + high) A), bound A) where A < 0, `ppo_clip` elsewhere.

    Ye et al. 2020 (arXiv 1912.09729), dual-clip PPO, their c = `bound` = 3: a token that the policy should avoid and
    has made much likelier costs at most -bound A and has no gradient there. `clip_fraction` is that of `ppo_clip`, and
    1 also where r > bound with A < 0.
    """
    old_logp_N, advantage_N = constants(logp_N, old_logp_N=old_logp_N, advantage_N=advantage_N)
    log_ratio_N = logp_N - old_logp_N
    bounded_N = _bounded(log_ratio_N, advantage_N, low, high, bound)
    return -advantage_N * bounded_N.exp(), {"clip_fraction": bounded_N.detach() != log_ratio_N.detach()}


@LOSSES.register
class DualClip(PolicyLossSpec):
    """`dual_clip`."""

    kind: Literal["dual_clip"] = "dual_clip"
    low: float = Field(0.2, gt=0, lt=1)
    high: float = Field(0.2, gt=0)
    bound: float = Field(3.0, gt=1)

    def per_token(self, inputs: LossInputs) -> LossAndMetrics:
        return dual_clip(inputs.logp_N, inputs.old_logp_N, inputs.advantage_N, self.low, self.high, self.bound)


def cispo(logp_N: Tensor, old_logp_N: Tensor, advantage_N: Tensor, least: float, most: float) -> LossAndMetrics:
    """-sg(clip(r, least, most)) A log pi, sg a stop-gradient: no token ever loses its gradient.

    MiniMax-M1 (MiniMax 2025, arXiv 2506.13585), eq. 4 and 5. The bounds are on the ratio itself: MiniMax's are
    least = max(0, 1 - eps_low) and most = 1 + eps_high, with eps_low so large that there is no lower bound. ScaleRL
    (Khatri et al. 2025, arXiv 2510.13786) writes min(r, eps_max): least = 0 and most = eps_max, 4 to 8. Between the
    bounds the gradient is that of r A. `clip_fraction` is 1 where a bound replaces the ratio; the token keeps its
    gradient.
    """
    old_logp_N, advantage_N = constants(logp_N, old_logp_N=old_logp_N, advantage_N=advantage_N)
    ratio_N = (logp_N.detach() - old_logp_N).exp()
    return -ratio_N.clamp(least, most) * advantage_N * logp_N, {"clip_fraction": (ratio_N < least) | (ratio_N > most)}


@LOSSES.register
class Cispo(PolicyLossSpec):
    """`cispo`; bounds on the ratio itself."""

    kind: Literal["cispo"] = "cispo"
    least: float = Field(0.0, ge=0, lt=1)
    most: float = Field(5.0, gt=1)

    def per_token(self, inputs: LossInputs) -> LossAndMetrics:
        return cispo(inputs.logp_N, inputs.old_logp_N, inputs.advantage_N, self.least, self.most)


def gspo(
    logp_N: Tensor, old_logp_N: Tensor, advantage_N: Tensor, sample_index_N: Tensor, low: float, high: float
) -> LossAndMetrics:
    """-min(s A, clip(s, 1 - low, 1 + high) A) with s = exp(mean over the sample's tokens of log r).

    Zheng et al. 2025 (arXiv 2507.18071), eq. 5 and 7. Each token of a sample carries the loss of the whole sample, so
    "seq-mean-token-mean" weights give the published objective; other weights multiply a sample's loss by what they give
    all its tokens. `sample_index_N` tells samples apart by any integers; a sample must be whole within the call, and
    its tokens share one advantage. `clip_fraction` is 1 for all tokens of a sample whose gradient is cut, or for none.
    """
    old_logp_N, advantage_N, sample_index_N = constants(
        logp_N, old_logp_N=old_logp_N, advantage_N=advantage_N, sample_index_N=sample_index_N
    )
    mean_N = _sample_mean(logp_N - old_logp_N, sample_index_N)
    return ppo_clip(mean_N, torch.zeros_like(mean_N), advantage_N, low, high)


@LOSSES.register
class Gspo(PolicyLossSpec):
    """`gspo`, the clipped surrogate on the ratio of whole samples; published with "seq-mean-token-mean"."""

    kind: Literal["gspo"] = "gspo"
    low: float = Field(3e-4, gt=0, lt=1)
    high: float = Field(4e-4, gt=0)

    def per_token(self, inputs: LossInputs) -> LossAndMetrics:
        return gspo(inputs.logp_N, inputs.old_logp_N, inputs.advantage_N, inputs.sample_index_N, self.low, self.high)


def natural_gradient(logits_NV: Tensor, token_N: Tensor, advantage_N: Tensor, cap: float) -> LossAndMetrics:
    """-A sg(min(1 / p, cap)) (z_token - mean_v z_v), with p the probability of the sampled token.

    A control in logit space, for tokens drawn by the policy itself. Without the cap their expected step is
    dz_v = A_v - mean_u A_u, that is A_v but for the level of the logits, which no softmax feels: the natural policy
    gradient of a softmax (Kakade 2001) up to a constant. Where A is a reward of 0 or 1, every correct token then gains,
    dp_v = p_v (1 - Q) with Q the mass that is correct; under the plain gradient, dz_v = p_v (A_v - sum_u p_u A_u),
    rarer correct tokens can lose. With the cap, A_v reads min(1, cap p_v) A_v: a token rarer than 1 / cap is pushed in
    proportion to its probability, as by the plain gradient. `clip_fraction` is 1 where a token is weighed by the cap.
    """
    token_N, advantage_N = constants(logits_NV[:, 0], token_N=token_N, advantage_N=advantage_N)
    logp_NV = torch.log_softmax(logits_NV.detach(), dim=-1)
    inverse_N = (-logp_NV.gather(1, token_N.unsqueeze(1)).squeeze(1)).exp()
    logit_N = logits_NV.gather(1, token_N.unsqueeze(1)).squeeze(1)
    loss_N = -advantage_N * inverse_N.clamp(max=cap) * (logit_N - logits_NV.mean(-1))
    return loss_N, {"clip_fraction": inverse_N > cap}


@LOSSES.register
class NaturalGradient(PolicyLossSpec):
    """`natural_gradient`, the logit-space control."""

    on_policy_only: ClassVar[bool] = True
    kind: Literal["natural_gradient"] = "natural_gradient"
    cap: float = Field(100.0, ge=1)

    def per_token(self, inputs: LossInputs) -> LossAndMetrics:
        return natural_gradient(inputs.logits_NV, inputs.token_N, inputs.advantage_N, self.cap)


def constants(like: Tensor, **named: Tensor) -> list[Tensor]:
    """The named tensors, detached; InputError on another shape than `like`, which would broadcast into nonsense."""
    for name, tensor in named.items():
        if tensor.shape != like.shape:
            raise InputError(f"{name}: shape {list(tensor.shape)}; must be {list(like.shape)}, one value per token")
    return [tensor.detach() for tensor in named.values()]


def _bounded(log_ratio_N: Tensor, advantage_N: Tensor, low: float, high: float, bound: float) -> Tensor:
    """The log-ratio up to where the clip makes the loss flat.

    min(r A, clip(r) A) is A r with r bounded above where A > 0 and below where A < 0. Bounding the logarithm keeps a
    ratio that overflows, and that the clip discards, out of the gradient.
    """
    risen_N = log_ratio_N.clamp(max=math.log1p(high))
    fallen_N = log_ratio_N.clamp(min=math.log1p(-low) if low < 1 else -math.inf, max=math.log(bound))
    return torch.where(advantage_N < 0, fallen_N, risen_N)


def _sample_mean(values_N: Tensor, sample_index_N: Tensor) -> Tensor:
    """The mean over the tokens of each token's sample, at every token."""
    samples, index_N = sample_index_N.unique(return_inverse=True)
    count_D = torch.bincount(index_N, minlength=len(samples)).to(values_N.dtype)
    sum_D = values_N.new_zeros(len(samples)).index_add(0, index_N, values_N)
    return (sum_D / count_D)[index_N]
