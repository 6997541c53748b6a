"""Sampling parameters: of token-by-token sampling, and of power sampling."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from edgewise.core.spec import Spec


class SamplingParams(Spec):
    """How completions are sampled. The default is the model's own distribution.

    Temperature 0 is greedy. `top_p` < 1 truncates the support: pass@k is then a statement about the truncated
    sampler. `precision` "bf16" runs the layers as training in bf16 does, with FP32 logits and random numbers: the
    distribution is slightly different, so the precision is one of the parameters.
    """

    temperature: float = Field(1.0, ge=0)
    top_p: float = Field(1.0, gt=0, le=1)
    max_new_tokens: int = Field(128, ge=1)
    precision: str = Field("fp32", pattern="^(fp32|bf16)$")


class PowerSamplingParams(Spec):
    """The distribution p(x)^alpha over completions of at most `max_new_tokens` tokens, and how long it is approached.

    A completion is built in `blocks` of equal length, with `moves` Metropolis-Hastings moves after each. The paper
    has alpha 4, 16 blocks and 10 moves.
    """

    alpha: float = Field(4.0, ge=1)
    blocks: int = Field(4, ge=1)
    moves: int = Field(10, ge=1)
    max_new_tokens: int = Field(128, ge=1)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.blocks > self.max_new_tokens:
            raise ValueError(f"blocks {self.blocks} must not be more than max_new_tokens {self.max_new_tokens}")
        return self
