"""Policy losses: pure functions of tensors that return the loss of each token and what to log about it.

Every `_N` tensor is flat over the tokens with loss. `logp_N` is the log-probability of each sampled token under the
policy being trained, `old_logp_N` the one under the policy that the ratio

    r = pi / pi_old = exp(logp - old_logp)

is taken against, `advantage_N` the token's advantage. A loss returns `(loss_N, metrics)`: metrics are [N] tensors that
the trainer averages as it averages the loss and logs by name, such as `clip_fraction`, 1 where a clip acts. The
gradient flows through `logp_N` (or `logits_NV`) alone, everything else is a constant, so that one tensor may serve as
both policies. At r = 1 every loss but `natural_gradient` has the gradient of `reinforce`. Log-probabilities and logits
must be finite. A tensor of another shape than the rest raises an InputError.

Below each function is its spec, whose fields are the function's numbers; `DESCRIPTIONS` is what docs/algorithms.md says
of them. A loss of yours registers in the same way.
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
from edgewise.model.fixed_order import average, exponential, take_rows, token_logp
from edgewise.rl.description import Description
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
    return -advantage_N * exponential(bounded_N), {"clip_fraction": bounded_N.detach() != log_ratio_N.detach()}


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
    ratio_N = exponential(logp_N.detach() - old_logp_N)
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
    inverse_N = exponential(-token_logp(logits_NV.detach(), token_N))
    logit_N = logits_NV.gather(1, token_N.unsqueeze(1)).squeeze(1)
    loss_N = -advantage_N * inverse_N.clamp(max=cap) * (logit_N - average(logits_NV))
    return loss_N, {"clip_fraction": inverse_N > cap}


@LOSSES.register
class NaturalGradient(PolicyLossSpec):
    """`natural_gradient`, the logit-space control."""

    on_policy_only: ClassVar[bool] = True
    kind: Literal["natural_gradient"] = "natural_gradient"
    cap: float = Field(100.0, ge=1)

    def per_token(self, inputs: LossInputs) -> LossAndMetrics:
        return natural_gradient(inputs.logits_NV, inputs.token_N, inputs.advantage_N, self.cap)


DESCRIPTIONS = (
    Description(
        title="REINFORCE",
        function=reinforce,
        recipe="loss.function=reinforce",
        source="Williams 1992",
        formula=r"-A \log \pi",
        assumes="Samples of the policy itself and one update for each batch; otherwise a `correction`.",
        update="The exact policy gradient. Off policy it is biased, because the samples have no importance weights.",
        use="Strictly on policy.",
    ),
    Description(
        title="PPO clip",
        function=ppo_clip,
        recipe="loss.function=ppo_clip",
        source="Schulman et al. 2017, arXiv 1707.06347, eq. 7",
        formula=(
            r"-\min\left(\rho A,\ \mathrm{clip}(\rho, 1 - \epsilon_{low}, 1 + \epsilon_{high}) A\right), \quad \rho ="
            r" \pi / \pi_{old}"
        ),
        assumes="A trust region per token; `clip_fraction` is the share of tokens without gradient.",
        update=(
            "Unbiased without the clip, token by token (exact). The clip itself is biased: with a coin-toss reward,"
            " whose mean gradient is 0, a second update with 21% of the tokens clipped raises the likeliest word and"
            " lowers the entropy (exact)."
        ),
        use=(
            "For several updates for each batch. Run an arm with random rewards as well: the clip alone sharpens"
            " (arXiv 2506.10947)."
        ),
    ),
    Description(
        title="DAPO, clip-higher",
        function=ppo_clip,
        recipe="loss.function=ppo_clip loss.function.high=0.28",
        source="Yu et al. 2025, arXiv 2503.14476, eq. 10",
        formula=r"\epsilon_{low} = 0.2, \quad \epsilon_{high} = 0.28",
        assumes=(
            "The complete published algorithm has `loss.normalization=token-mean`,"
            " `sampling.filters.drop_zero_variance=true sampling.filters.resample_up_to=4` and"
            " `reward.length=overlong`."
        ),
        update="As PPO clip, but an unlikely token can rise further before it is clipped.",
        use="Where entropy falls under the symmetric clip.",
    ),
    Description(
        title="Dual clip",
        function=dual_clip,
        recipe="loss.function=dual_clip",
        source="Ye et al. 2020, arXiv 1912.09729; bound 3",
        formula=r"-\max\left(\min(\rho A, \mathrm{clip}(\rho) A),\ b A\right) \text{ where } A < 0",
        assumes=r"As PPO clip, whose loss is unbounded where A < 0 and $`\rho`$ is large.",
        update=r"As PPO clip, and no gradient where A < 0 and $`\rho > b`$.",
        use="With stale samples, or a sampler that does not match the trainer.",
    ),
    Description(
        title="CISPO",
        function=cispo,
        recipe="loss.function=cispo",
        source="MiniMax-M1, arXiv 2506.13585, eq. 4 and 5; ScaleRL (arXiv 2510.13786) has least 0, most 4 to 8",
        formula=r"-\mathrm{sg}\left(\mathrm{clip}(\rho, \rho_{min}, \rho_{max})\right) A \log \pi",
        assumes="Bounds on the ratio itself; `clip_fraction` is the share of tokens where they act.",
        update=(
            "Unbiased without bounds, token by token (exact). The bounds reduce the weight of tokens, but every"
            " token keeps a gradient."
        ),
        use="For several updates for each batch, or stale samples.",
    ),
    Description(
        title="GSPO",
        function=gspo,
        recipe="loss.function=gspo loss.normalization=seq-mean-token-mean",
        source="Zheng et al. 2025, arXiv 2507.18071, eq. 5 and 7",
        formula=r"-\min\left(s A, \mathrm{clip}(s) A\right), \quad s = \exp\left(\frac{1}{l} \sum_t \log \rho_t\right)",
        assumes=(
            "One advantage for each sample, and whole samples in each call; `clip_fraction` is the share that is"
            " clipped."
        ),
        update=(
            "s is a geometric mean, so it is not an importance weight of the sample. On policy it is plain REINFORCE"
            " over samples."
        ),
        use="Where the ratios of single tokens are noise. Its clip is near 4e-4; ScaleRL needed 4e-3.",
    ),
    Description(
        title="Natural gradient, a control",
        function=natural_gradient,
        recipe="loss.function=natural_gradient",
        source="Kakade 2001, in the logits of a softmax",
        formula=r"-A\, \mathrm{sg}\left(\min(1/p, \mathrm{cap})\right) \left(z_{token} - \bar z\right)",
        assumes="Samples of the policy itself. `clip_fraction` is the share of tokens with a probability below 1/cap.",
        update=(
            "Without a cap each right token gains p(1 - Q), with Q the total probability of right tokens. Under the"
            " plain gradient 0, 9, 13 and 15 of 16 right tokens lose when their logits have a spread of 0, 0.5, 1"
            " and 2 (exact)."
        ),
        use="To find out whether rare solutions are lost because of the parametrisation, not the number of draws.",
    ),
)


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
    return take_rows(sum_D / count_D, index_N)
