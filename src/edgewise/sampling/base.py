"""What a sampler takes and gives; our engine and any other sit behind this."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from edgewise.core.spec import Spec


class SamplingParams(Spec):
    """The law that completions are drawn from. The default is the model's own distribution.

    Temperature 0 is greedy. `top_p` < 1 truncates the support: pass@k is then a statement about
    the truncated sampler. `precision` "bf16" runs the layers as training in bf16 does, with FP32
    logits and draws: another model, if only just, so it is part of the law.
    """

    temperature: float = Field(1.0, ge=0)
    top_p: float = Field(1.0, gt=0, le=1)
    max_new_tokens: int = Field(128, ge=1)
    precision: str = Field("fp32", pattern="^(fp32|bf16)$")


@dataclass(frozen=True, slots=True)
class Completions:
    """G completions of each of P prompts; token ids are the record.

    `tokens_PGT` is padded with -1 after `length_PG` tokens, the end-of-sequence token included.
    `logp_PGT` are log-probabilities under the law the tokens were drawn from, 0 in the padding.
    `finished_PG` tells completions that ended by themselves from those cut at the token limit.
    `extra_PG` counts the tokens that were computed besides these and the prompt: drawn and refused, or
    read again; None where there were none.
    """

    tokens_PGT: NDArray[np.int32]
    logp_PGT: NDArray[np.float32]
    length_PG: NDArray[np.int32]
    finished_PG: NDArray[np.bool_]
    extra_PG: NDArray[np.int64] | None = None

    def ids(self, problem: int, sample: int) -> list[int]:
        """The token ids of one completion."""
        ids: list[int] = self.tokens_PGT[problem, sample, : self.length_PG[problem, sample]].tolist()
        return ids


Params = TypeVar("Params", contravariant=True)


class Sampler(Protocol[Params]):
    """Prompts in, completions out, drawn from a law of the kind that this sampler knows."""

    def sample(
        self, prompts: Sequence[Sequence[int]], keys_P: Sequence[int], samples: int, params: Params
    ) -> Completions:
        """`samples` completions of each prompt (token ids).

        Completion (p, g) depends on the prompt, `keys_P[p]`, g, the law and the weights alone:
        not on what else is in the batch.
        """
