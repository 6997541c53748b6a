"""Completions, and the protocol of everything that samples them: prompts in, completions out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Completions:
    """G completions of each of P prompts, as token ids.

    `tokens_PGT` is padded with -1 after `length_PG` tokens; the end-of-sequence token counts. `logp_PGT` are
    log-probabilities under the distribution that the tokens were sampled from, 0 in the padding. `finished_PG` is
    True where a completion ended by itself and False where it was cut at the token limit. `extra_PG` counts the
    tokens that were computed besides these and the prompt (sampled and rejected, or read again); None where there
    were none.
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
    """Samples completions of prompts. `Params` is the kind of sampling parameters that it understands."""

    def sample(
        self, prompts: Sequence[Sequence[int]], keys_P: Sequence[int], samples: int, params: Params
    ) -> Completions:
        """`samples` completions of each prompt (token ids).

        Completion (p, g) depends on the prompt, `keys_P[p]`, g, the parameters and the weights alone: not on what
        else is in the batch.
        """


class PromptRequest(NamedTuple):
    """What a decode loop is asked for: a prompt, the key of its random numbers, the most tokens of a completion."""

    prompt: Sequence[int]
    key: int
    max_new_tokens: int


class SampledTokens(NamedTuple):
    """What a decode loop returns: tokens and log-probabilities [P, G, max_new_tokens], -1 and 0 after the end.

    `logp_PGT` is under the distribution that the tokens were sampled from, `model_logp_PGT` under the model itself
    (temperature 1, no truncation, no noise); the latter is None unless it was asked for.
    """

    tokens_PGT: NDArray[np.int32]
    logp_PGT: NDArray[np.float32]
    model_logp_PGT: NDArray[np.float32] | None
