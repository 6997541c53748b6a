"""Sample from any causal language model of transformers, with our keyed random numbers and our log-probabilities.

`generate` draws from one generator for a whole batch, so that a sample depends on what else is in it. Here each sample
has numbers of its own. All rows of a batch are samples of one prompt, which is read once: there is no padding, and
nothing of a row depends on another but the roundings of the matrix library.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from edgewise.core.errors import InputError
from edgewise.sampling.completions import Completions
from edgewise.sampling.decode_torch import sample_tokens
from edgewise.sampling.engine import check_fits
from edgewise.sampling.params import SamplingParams
from edgewise.sampling.random_numbers import row_keys, uniform

# Rows are dropped when fewer than this share of them still go on: every drop copies the keys and values.
_LIVE_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class TransformersSampler:
    """Samples from a model of transformers that keeps a key-value cache; a `Sampler` of `SamplingParams`.

    A completion ends with any of `end_ids`. Ids from `words` on are padding and are never sampled. `max_positions`
    bounds prompt and completion together.
    The precision of `SamplingParams` must be the one that the model was loaded in.
    """

    model: Any
    end_ids: tuple[int, ...]
    words: int
    max_positions: int

    def sample(
        self, prompts: Sequence[Sequence[int]], keys_P: Sequence[int], samples: int, params: SamplingParams
    ) -> Completions:
        """`samples` completions of each prompt; see `edgewise.sampling.completions.Sampler`.

        InputError where prompt and limit exceed the model's positions, and where its logits are not numbers.
        """
        check_fits(prompts, [params.max_new_tokens] * len(prompts), samples, self.max_positions)
        tokens_PGT = np.full((len(prompts), samples, params.max_new_tokens), -1, np.int32)
        logp_PGT = np.zeros(tokens_PGT.shape, np.float32)
        with torch.inference_mode():
            for p, (prompt, key) in enumerate(zip(prompts, keys_P, strict=True)):
                self._of_prompt(prompt, key, params, tokens_PGT[p], logp_PGT[p])
        if np.isnan(logp_PGT).any():
            raise InputError("model: its logits are not numbers (NaN); load another checkpoint, or --precision fp32")
        length_PG = (tokens_PGT >= 0).sum(-1, dtype=np.int32)
        last_PG = np.take_along_axis(tokens_PGT, length_PG[..., None] - 1, axis=-1)[..., 0]
        return Completions(tokens_PGT, logp_PGT, length_PG, np.isin(last_PG, self.end_ids))

    def _of_prompt(
        self, prompt: Sequence[int], key: int, params: SamplingParams, tokens_GT: np.ndarray, logp_GT: np.ndarray
    ) -> None:
        """Fill in the samples of one prompt."""
        from transformers import DynamicCache

        device = self.model.device
        ends = torch.tensor(self.end_ids, device=device)
        rows = torch.arange(len(tokens_GT), device=device)
        keys = row_keys([key], len(rows), device)[0]
        cache = DynamicCache(config=self.model.config)
        # The prompt is read once, whatever the number of samples; only its last logits are wanted.
        last_only = (
            {"logits_to_keep": 1} if "logits_to_keep" in inspect.signature(self.model.forward).parameters else {}
        )
        logits = self._logits(torch.tensor([list(prompt)], device=device), cache, last_only)
        cache.batch_repeat_interleave(len(rows))
        logits = logits.expand(len(rows), -1)
        alive = torch.ones(len(rows), dtype=torch.bool, device=device)
        for position in range(params.max_new_tokens):
            token, logp = sample_tokens(logits, uniform(keys, position), params)
            live, of_live = rows[alive].cpu().numpy(), alive.nonzero().squeeze(1)
            tokens_GT[live, position] = token[of_live].cpu().numpy()
            logp_GT[live, position] = logp[of_live].float().cpu().numpy()
            alive = alive & ~torch.isin(token, ends)
            going_on = int(alive.sum())
            if not going_on or position + 1 == params.max_new_tokens:
                return
            if going_on < _LIVE_SHARE * len(alive):
                chosen = alive.nonzero().squeeze(1)
                cache.batch_select_indices(chosen)
                rows, keys, token, alive = rows[chosen], keys[chosen], token[chosen], alive[chosen]
            logits = self._logits(token.unsqueeze(1), cache, {})

    def _logits(self, ids: Tensor, cache: Any, options: dict[str, Any]) -> Tensor:
        """FP32 logits [rows, V] after the last of the ids [rows, T], whose keys and values join the cache."""
        before = cache.get_seq_length()
        result = self.model(input_ids=ids, past_key_values=cache, use_cache=True, **options)
        if cache.get_seq_length() != before + ids.shape[1]:
            kind = type(self.model).__name__
            raise InputError(f"model: {kind} keeps no keys and values of its tokens; --sampler vllm may serve it")
        logits: Tensor = result.logits[:, -1, : self.words].float()
        return logits
