"""GSPO: the clipped surrogate on the ratio of whole samples."""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from edgewise.model.fixed_order import take_rows
from edgewise.rl.description import Description
from edgewise.rl.losses.base import LOSSES, LossAndMetrics, LossInputs, PolicyLossSpec, constants
from edgewise.rl.losses.clipped import ppo_clip


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


DESCRIPTIONS = (
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
)


def _sample_mean(values_N: Tensor, sample_index_N: Tensor) -> Tensor:
    """The mean over the tokens of each token's sample, at every token."""
    samples, index_N = sample_index_N.unique(return_inverse=True)
    count_D = torch.bincount(index_N, minlength=len(samples)).to(values_N.dtype)
    sum_D = values_N.new_zeros(len(samples)).index_add(0, index_N, values_N)
    return take_rows(sum_D / count_D, index_N)
