"""Cost of a published setting that the laboratory does not run: FLOPs by parameters and tokens, and hours of a GPU."""

from __future__ import annotations

from pydantic import Field

from edgewise.core.spec import Spec
from edgewise.model.flops import TRAINING_PASSES

# Dense bf16 of an H200, and what large-model training and batched sampling reach of it; the last two are assumptions.
H200_FLOPS, TRAINING_SHARE, SAMPLING_SHARE = 989e12, 0.4, 0.15


class PublishedCost(Spec):
    """What the published setting takes, from its own sizes; `basis` says what was stated and what is assumed.

    A token costs 2 FLOPs a parameter to sample and 6 to train on; attention is left out.
    """

    parameters: float = Field(gt=0)
    sampled_tokens: float = Field(ge=0)
    trained_tokens: float = Field(ge=0)
    basis: str

    @property
    def sampling_flops(self) -> float:
        return 2 * self.parameters * self.sampled_tokens

    @property
    def training_flops(self) -> float:
        return 2 * TRAINING_PASSES * self.parameters * self.trained_tokens

    @property
    def h200_hours(self) -> float:
        """Hours of one H200 at the shares of its peak that are assumed above."""
        seconds = self.training_flops / TRAINING_SHARE + self.sampling_flops / SAMPLING_SHARE
        return seconds / H200_FLOPS / 3600
