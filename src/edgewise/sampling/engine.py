"""Our sampler: prompts in groups of like length, each decoded together."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgewise.core.errors import InputError
from edgewise.model.decoder import Decoder
from edgewise.sampling import compiled
from edgewise.sampling.base import Completions, SamplingParams
from edgewise.sampling.decoding import Ask, Drawn, decode


@dataclass(frozen=True, slots=True)
class Engine:
    """Samples from a decoder. `rows_at_once` bounds memory and never changes a result.

    `logit_noise` > 0 adds normal numbers of that standard deviation to every logit before the
    draw, keyed by sample, position and token. It stands for a sampler whose numerics differ from
    the trainer's, so the recorded log-probabilities are those of the noisy law.
    """

    model: Decoder
    end: int
    rows_at_once: int = 2048
    logit_noise: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.logit_noise < math.inf:
            raise InputError(f"logit_noise: must be a finite number >= 0, is {self.logit_noise}")

    def sample(
        self, prompts: Sequence[Sequence[int]], keys_P: Sequence[int], samples: int, params: SamplingParams
    ) -> Completions:
        """See `edgewise.sampling.base.Sampler`.

        InputError where prompt and limit exceed the positions, and where the model's logits are not numbers.
        """
        drawn = self.draw_within(prompts, keys_P, [params.max_new_tokens] * len(prompts), samples, params)
        length_PG = (drawn.tokens_PGT >= 0).sum(-1, dtype=np.int32)
        last = np.take_along_axis(drawn.tokens_PGT, length_PG[..., None] - 1, axis=-1)[..., 0]
        used = int(length_PG.max())
        tokens, logp = drawn.tokens_PGT[..., :used].copy(), drawn.logp_PGT[..., :used].copy()
        return Completions(tokens, logp, length_PG, last == self.end)

    def check(self, prompts: Sequence[Sequence[int]], limit_P: Sequence[int], samples: int) -> None:
        """InputError where this cannot be sampled: nothing to do, or prompt and limit exceed the positions."""
        if not prompts or min(map(len, prompts)) == 0 or samples < 1:
            raise InputError("sample: needs at least one prompt of at least one token, and samples >= 1")
        length, limit = max(zip(map(len, prompts), limit_P, strict=True), key=sum)
        if length + limit > self.model.spec.max_positions:
            raise InputError(
                f"max_new_tokens: prompt of {length} tokens and {limit} new ones exceed the"
                f" model's {self.model.spec.max_positions} positions"
            )

    def draw_within(
        self,
        prompts: Sequence[Sequence[int]],
        keys_P: Sequence[int],
        limit_P: Sequence[int],
        samples: int,
        params: SamplingParams,
        model_logp: bool = False,
    ) -> Drawn:
        """As `sample`, where completions of prompt p have at most limit_P[p], 1 ... law.max_new_tokens, tokens."""
        self.check(prompts, limit_P, samples)
        if compiled.serves(self.model, params, self.logit_noise):
            asks = [Ask(*ask) for ask in zip(prompts, keys_P, limit_P, strict=True)]
            return _numbers(compiled.decode(self.model, self.end, asks, samples, params, model_logp))
        # Prompts of like length go together, so that a batch carries little padding.
        by_length = sorted(range(len(prompts)), key=lambda p: len(prompts[p]))
        size = max(1, self.rows_at_once // samples)
        tokens = np.full((len(prompts), samples, params.max_new_tokens), -1, np.int32)
        logp = np.zeros(tokens.shape, np.float32)
        own = np.zeros(tokens.shape, np.float32) if model_logp else None
        for start in range(0, len(by_length), size):
            chosen = by_length[start : start + size]
            asks = [Ask(prompts[p], keys_P[p], limit_P[p]) for p in chosen]
            part = decode(self.model, self.end, asks, samples, params, model_logp, self.logit_noise)
            tokens[chosen], logp[chosen] = part.tokens_PGT, part.logp_PGT
            if own is not None:
                own[chosen] = part.model_logp_PGT
        return _numbers(Drawn(tokens, logp, own))


def _numbers(drawn: Drawn) -> Drawn:
    if np.isnan(drawn.logp_PGT).any():
        raise InputError("model: its logits are not numbers (NaN); sampling needs a model whose weights are finite")
    return drawn
