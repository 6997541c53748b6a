"""Sampling engine: sample completions from a decoder, in torch or by the compiled kernels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from edgewise.core.errors import InputError
from edgewise.core.threads import ALL_CORES, Cores
from edgewise.model.backend import serving_backend
from edgewise.model.decoder import Decoder
from edgewise.sampling.batch_rows import rows_at_once
from edgewise.sampling.completions import Completions, PromptRequest, SampledTokens
from edgewise.sampling.decode_native import decode_native
from edgewise.sampling.decode_torch import decode_torch
from edgewise.sampling.params import SamplingParams


@dataclass(frozen=True, slots=True)
class Engine:
    """Samples from a decoder. `rows_at_once` bounds the memory of torch's batches and never changes a result.

    None is what suits the device (see `edgewise.sampling.batch_rows`).

    `logit_noise` > 0 adds normal numbers of that standard deviation to every logit before a token is sampled, keyed by
    sample, position and token. It stands for a sampler whose numerics differ from the trainer's, so the recorded
    log-probabilities are those of the noisy distribution.

    A completion ends with `eos_id`, or with one of `other_ends`: chat models end a turn and a text with different ids.
    """

    model: Decoder
    eos_id: int
    rows_at_once: int | None = None
    logit_noise: float = 0.0
    cores: Cores = ALL_CORES
    other_ends: frozenset[int] = frozenset()

    def __post_init__(self) -> None:
        if not 0 <= self.logit_noise < math.inf:
            raise InputError(f"logit_noise: must be a finite number >= 0, is {self.logit_noise}")

    @property
    def ends(self) -> list[int]:
        """Every id that ends a completion."""
        return [self.eos_id, *sorted(self.other_ends - {self.eos_id})]

    def sample(
        self,
        prompts: Sequence[Sequence[int]],
        keys_P: Sequence[int],
        samples: int,
        params: SamplingParams,
        max_new_tokens_P: Sequence[int] | None = None,
    ) -> Completions:
        """`samples` completions of each prompt; see `edgewise.sampling.completions.Sampler`.

        `max_new_tokens_P` gives each prompt a limit of its own, 1 ... `params.max_new_tokens`. InputError where prompt
        and limit exceed the positions, and where the model's logits are not numbers.
        """
        limits = [params.max_new_tokens] * len(prompts) if max_new_tokens_P is None else max_new_tokens_P
        sampled = self.sample_within(prompts, keys_P, limits, samples, params)
        length_PG = (sampled.tokens_PGT >= 0).sum(-1, dtype=np.int32)
        last_PG = np.take_along_axis(sampled.tokens_PGT, length_PG[..., None] - 1, axis=-1)[..., 0]
        longest = int(length_PG.max())
        tokens_PGT, logp_PGT = sampled.tokens_PGT[..., :longest].copy(), sampled.logp_PGT[..., :longest].copy()
        return Completions(tokens_PGT, logp_PGT, length_PG, np.isin(last_PG, self.ends))

    def sample_within(
        self,
        prompts: Sequence[Sequence[int]],
        keys_P: Sequence[int],
        max_new_tokens_P: Sequence[int],
        samples: int,
        params: SamplingParams,
        model_logp: bool = False,
    ) -> SampledTokens:
        """As `sample`, where each prompt has a limit of its own, 1 ... `params.max_new_tokens`.

        `model_logp` also returns the model's own log-probabilities.
        """
        check_fits(prompts, max_new_tokens_P, samples, self.model.spec.max_positions)
        requests = [PromptRequest(*request) for request in zip(prompts, keys_P, max_new_tokens_P, strict=True)]
        backend = serving_backend(
            self.model.backend, precision=params.precision, top_p=params.top_p, logit_noise=self.logit_noise
        )
        if backend == "native":
            sampled = decode_native(self.model, self.eos_id, requests, samples, params, model_logp, self.cores)
        else:
            sampled = self._in_batches(requests, samples, params, model_logp)
        if np.isnan(sampled.logp_PGT).any():
            raise InputError("model: its logits are not numbers (NaN); lower the learning rate of its training")
        return _cut_after(sampled, self.ends) if self.other_ends else sampled

    def _in_batches(
        self, requests: Sequence[PromptRequest], samples: int, params: SamplingParams, model_logp: bool
    ) -> SampledTokens:
        """In torch, batch by batch. Prompts of like length go together, so that a batch carries little padding."""
        by_length = sorted(range(len(requests)), key=lambda p: len(requests[p].prompt))
        size = max(1, self._rows(len(requests[by_length[-1]].prompt), samples, params) // samples)
        tokens_PGT = np.full((len(requests), samples, params.max_new_tokens), -1, np.int32)
        logp_PGT = np.zeros(tokens_PGT.shape, np.float32)
        model_logp_PGT = np.zeros(tokens_PGT.shape, np.float32) if model_logp else None
        done = 0
        while done < len(by_length):
            chosen = by_length[done : done + size]
            part = self._batch([requests[p] for p in chosen], samples, params, model_logp)
            if part is None:
                size = -(-len(chosen) // 2)
                continue
            done += len(chosen)
            tokens_PGT[chosen], logp_PGT[chosen] = part.tokens_PGT, part.logp_PGT
            if model_logp_PGT is not None:
                model_logp_PGT[chosen] = part.model_logp_PGT
        return SampledTokens(tokens_PGT, logp_PGT, model_logp_PGT)

    def _batch(
        self, requests: Sequence[PromptRequest], samples: int, params: SamplingParams, model_logp: bool
    ) -> SampledTokens | None:
        """One batch; None where several prompts together exceed the memory of the device, which is then free again."""
        try:
            return decode_torch(self.model, self.eos_id, requests, samples, params, model_logp, self.logit_noise)
        except torch.OutOfMemoryError:
            if len(requests) == 1:
                raise
        # Out here the error is gone, and with it what its frames held.
        torch.cuda.empty_cache()
        return None

    def _rows(self, prompt_tokens: int, samples: int, params: SamplingParams) -> int:
        if self.rows_at_once is not None:
            return self.rows_at_once
        device = self.model.embedding.weight.device
        return rows_at_once(self.model.spec, self.model.vocabulary, prompt_tokens, samples, params, device)


def _cut_after(sampled: SampledTokens, ends: Sequence[int]) -> SampledTokens:
    """The completions without what follows their first end. What stands before it does not depend on what follows."""
    is_end_PGT = np.isin(sampled.tokens_PGT, ends)
    after_PGT = np.cumsum(is_end_PGT, axis=-1) - is_end_PGT > 0
    logp, model_logp = (
        None if number_PGT is None else np.where(after_PGT, np.float32(0), number_PGT)
        for number_PGT in (sampled.logp_PGT, sampled.model_logp_PGT)
    )
    assert logp is not None
    return SampledTokens(np.where(after_PGT, np.int32(-1), sampled.tokens_PGT), logp, model_logp)


def check_fits(
    prompts: Sequence[Sequence[int]], max_new_tokens_P: Sequence[int], samples: int, max_positions: int
) -> None:
    """InputError where this cannot be sampled: nothing to do, or prompt and limit exceed the model's positions."""
    if not prompts or min(map(len, prompts)) == 0 or samples < 1:
        raise InputError("sample: needs at least one prompt of at least one token, and samples >= 1")
    length, limit = max(zip(map(len, prompts), max_new_tokens_P, strict=True), key=sum)
    if length + limit > max_positions:
        raise InputError(
            f"max_new_tokens: prompt of {length} tokens and {limit} new ones exceed the"
            f" model's {max_positions} positions"
        )
