"""Policy losses of single tokens: REINFORCE, the PPO clip and DAPO's, the dual clip, CISPO."""

from __future__ import annotations

import math
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from edgewise.model.fixed_order import exponential
from edgewise.rl.description import Description
from edgewise.rl.losses.base import LOSSES, LossAndMetrics, LossInputs, PolicyLossSpec, constants


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
)


def _bounded(log_ratio_N: Tensor, advantage_N: Tensor, low: float, high: float, bound: float) -> Tensor:
    """The log-ratio up to where the clip makes the loss flat.

    min(r A, clip(r) A) is A r with r bounded above where A > 0 and below where A < 0. Bounding the logarithm keeps a
    ratio that overflows, and that the clip discards, out of the gradient.
    """
    risen_N = log_ratio_N.clamp(max=math.log1p(high))
    fallen_N = log_ratio_N.clamp(min=math.log1p(-low) if low < 1 else -math.inf, max=math.log(bound))
    return torch.where(advantage_N < 0, fallen_N, risen_N)
