"""Batched decoding in torch, with a key-value cache whose prompt part is shared by a group.

The prompt is computed once per problem. Samples of a problem sit side by side in slots; finished
ones are dropped by moving the live ones together. A completion has the same bits in any batch on
a CPU, because everything it meets is either its own or made neutral: padding adds exact zeros,
lengths are rounded to whole vector widths, and matrices keep at least `_MIN_ROWS` rows and batched
ones `_MIN_PRODUCT` multiplications, below which the matrix library switches to other kernels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from edgewise.model.attention import attend_cached
from edgewise.model.decoder import Decoder
from edgewise.sampling.base import SamplingSpec
from edgewise.sampling.random_numbers import normal, row_keys, uniform

_MIN_ROWS = 16
_MIN_PRODUCT = 400
_PROMPT_MULTIPLE = 16
_CACHE_CHUNK = 32
# Scores of prompt tokens with each other, per head, that are held at once.
_PREFILL_SCORES = 2**22
_REPACK_BELOW = 0.8


class Ask(NamedTuple):
    """A prompt (token ids), the key of its random numbers and the most tokens a completion may have."""

    prompt: Sequence[int]
    key: int
    limit: int


class Drawn(NamedTuple):
    """Tokens and log-probabilities [P, G, max_new_tokens], with -1 and 0 after the end.

    `logp_PGT` is under the law that the tokens were drawn from, `model_logp_PGT` under the model
    itself: temperature 1, no truncation, no noise. The latter is there where it was asked for.
    """

    tokens_PGT: NDArray[np.int32]
    logp_PGT: NDArray[np.float32]
    model_logp_PGT: NDArray[np.float32] | None


@torch.inference_mode()
def decode(
    model: Decoder,
    end: int,
    asks: Sequence[Ask],
    samples: int,
    law: SamplingSpec,
    model_logp: bool = False,
    logit_noise: float = 0.0,
) -> Drawn:
    """`samples` completions of each prompt, all in one batch."""
    return _Group(model, end, asks, samples, law, model_logp, logit_noise).run()


class _Group:
    """The state of one batch: P problems x S slots, shrinking as samples finish."""

    def __init__(
        self,
        model: Decoder,
        end: int,
        asks: Sequence[Ask],
        samples: int,
        law: SamplingSpec,
        model_logp: bool,
        logit_noise: float,
    ) -> None:
        prompts, keys_P, limit_P = zip(*asks, strict=True)
        self.model, self.end, self.noise = model, end, logit_noise
        self.law, self.samples = law, samples
        self.device = self.model.embedding.weight.device
        problems = len(prompts)
        # The smallest product with the prompt is slots x queries x depth x _PROMPT_MULTIPLE.
        each = self.model.spec.width // self.model.spec.kv_heads * _PROMPT_MULTIPLE
        self.least_slots = max(2, -(-_MIN_PRODUCT // each))
        slots = max(samples, self.least_slots, -(-_MIN_ROWS // problems))
        sample_S = torch.arange(slots, device=self.device)
        self.alive_PS = (sample_S < samples).expand(problems, slots).clone()
        self.rubbish = problems * samples
        places = torch.arange(problems, device=self.device).unsqueeze(1) * samples + sample_S
        self.row_PS = torch.where(self.alive_PS, places, self.rubbish)
        self.keys_PS = row_keys(keys_P, slots, self.device)
        self.limit_P1 = torch.tensor(limit_P, device=self.device).unsqueeze(1)
        shape = (problems * samples + 1, law.max_new_tokens)
        self.tokens = torch.full(shape, -1, dtype=torch.int32, device=self.device)
        self.logp = torch.zeros(shape, device=self.device)
        self.model_logp = torch.zeros(shape, device=self.device) if model_logp else None
        self.own_k: list[Tensor] = []
        self.own_v: list[Tensor] = []
        self._prefill(prompts)

    def run(self) -> Drawn:
        """Every completion, token by token."""
        logits = self.model.logits(self.last_hidden)
        for position in range(self.law.max_new_tokens):
            token_PS = self._draw(logits, position)
            if not self.alive_PS.any() or position + 1 == self.law.max_new_tokens:
                break
            token_PS = self._repack(token_PS)
            logits = self.model.logits(self._decode(token_PS, position))
        shape = (-1, self.samples, self.law.max_new_tokens)
        tokens, logp = (record[:-1].view(shape).cpu().numpy() for record in (self.tokens, self.logp))
        own = None if self.model_logp is None else self.model_logp[:-1].view(shape).cpu().numpy()
        return Drawn(tokens, logp, own)

    def _prefill(self, prompts: Sequence[Sequence[int]]) -> None:
        lengths = torch.tensor([len(prompt) for prompt in prompts], device=self.device)
        width = -(-max(map(len, prompts)) // _PROMPT_MULTIPLE) * _PROMPT_MULTIPLE
        ids_PL = np.zeros((len(prompts), width), np.int64)
        for row, prompt in enumerate(prompts):
            ids_PL[row, : len(prompt)] = prompt
        tokens_PL = torch.from_numpy(ids_PL).to(self.device)
        columns = torch.arange(width, device=self.device)
        inside_PL = columns < lengths.unsqueeze(1)
        self.prompt_length_P = lengths
        self.prompt_bias_PL = torch.zeros(inside_PL.shape, device=self.device).masked_fill_(~inside_PL, float("-inf"))
        kept_k: list[list[Tensor]] = [[] for _ in range(self.model.spec.layers)]
        kept_v: list[list[Tensor]] = [[] for _ in range(self.model.spec.layers)]

        def keep(layer: int, k: Tensor, v: Tensor) -> None:
            kept_k[layer].append(k.transpose(1, 2).contiguous())
            kept_v[layer].append(v.transpose(1, 2).contiguous())

        documents_PL = torch.where(inside_PL, 0, -1)
        # Prompts with a sample each are as many as the rows: at once, their scores would fill the memory.
        size = max(1, _PREFILL_SCORES // width**2)
        hidden = []
        for start in range(0, len(prompts), size):
            some = slice(start, start + size)
            last_P1 = lengths[some].unsqueeze(1) - 1
            whole = self.model.forward(tokens_PL[some], columns.expand_as(tokens_PL[some]), documents_PL[some], keep)
            hidden.append(whole.take_along_dim(last_P1.unsqueeze(2), dim=1))
        self.prompt_k, self.prompt_v = [torch.cat(parts) for parts in kept_k], [torch.cat(parts) for parts in kept_v]
        self.last_hidden = torch.cat(hidden).expand(-1, self.alive_PS.shape[1], -1)

    def _draw(self, logits_PSV: Tensor, position: int) -> Tensor:
        """Draw and record one token per slot; slots that drew the end are dead from here on."""
        met_PSV = logits_PSV
        if self.noise:
            met_PSV = logits_PSV + self.noise * normal(self.keys_PS, position, logits_PSV.shape[-1]).float()
        token_PS, logp_PS = draw(met_PSV, uniform(self.keys_PS, position), self.law)
        self.tokens[self.row_PS, position] = token_PS.int()
        self.logp[self.row_PS, position] = logp_PS
        if self.model_logp is not None:
            model_logp_PSV = torch.log_softmax(logits_PSV, dim=-1)
            self.model_logp[self.row_PS, position] = model_logp_PSV.gather(-1, token_PS.unsqueeze(-1)).squeeze(-1)
        self.alive_PS &= (token_PS != self.end) & (position + 1 < self.limit_P1)
        self.row_PS.masked_fill_(~self.alive_PS, self.rubbish)
        return token_PS

    def _decode(self, token_PS: Tensor, position: int) -> Tensor:
        problems, slots = token_PS.shape
        spec = self.model.spec
        capacity = -(-(position + 1) // _CACHE_CHUNK) * _CACHE_CHUNK
        if position % _CACHE_CHUNK == 0:
            chunk = torch.zeros((problems, slots, spec.kv_heads, _CACHE_CHUNK, spec.head_depth), device=self.device)
            for cache in (self.own_k, self.own_v):
                grown = [torch.cat((old, chunk), dim=3) for old in cache]
                cache[:] = grown or [chunk.clone() for _ in range(spec.layers)]
        bias_C = torch.zeros(capacity, device=self.device)
        bias_C[position + 1 :] = float("-inf")

        def attend(layer: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
            own_k, own_v = self.own_k[layer], self.own_v[layer]
            own_k[:, :, :, position] = k
            own_v[:, :, :, position] = v
            return attend_cached(
                q, self.prompt_k[layer], self.prompt_v[layer], self.prompt_bias_PL, own_k, own_v, bias_C
            )

        # What is dead may stand beyond the last position until it is dropped.
        positions_P = (self.prompt_length_P + position).clamp_(max=spec.max_positions - 1)
        positions_PS = positions_P.unsqueeze(1).expand(problems, slots)
        return self.model.run(token_PS, positions_PS, attend)

    def _repack(self, token_PS: Tensor) -> Tensor:
        """Move live slots together and drop what is finished, where enough is finished."""
        alive_P = self.alive_PS.sum(1)
        keep_P = alive_P.nonzero().squeeze(1)
        problems = len(keep_P)
        slots = max(int(alive_P.max()), self.least_slots, -(-_MIN_ROWS // problems))
        if slots * problems > _REPACK_BELOW * self.alive_PS.numel() or slots > self.alive_PS.shape[1]:
            return token_PS
        front_PS = torch.argsort(~self.alive_PS[keep_P], dim=1, stable=True)[:, :slots]
        pick = (keep_P.unsqueeze(1), front_PS)
        self.alive_PS, self.row_PS, self.keys_PS = self.alive_PS[pick], self.row_PS[pick], self.keys_PS[pick]
        self.prompt_length_P, self.prompt_bias_PL = self.prompt_length_P[keep_P], self.prompt_bias_PL[keep_P]
        self.limit_P1 = self.limit_P1[keep_P]
        for cache in (self.prompt_k, self.prompt_v):
            cache[:] = [tensor[keep_P] for tensor in cache]
        for cache in (self.own_k, self.own_v):
            cache[:] = [tensor[pick] for tensor in cache]
        return token_PS[pick]


def draw(logits: Tensor, u: Tensor, law: SamplingSpec) -> tuple[Tensor, Tensor]:
    """Tokens [...] by inverting the cumulative distribution of logits [..., V] at u [...],
    and their log-probabilities under the law."""
    if law.temperature == 0:
        token = logits.argmax(-1)
        return token, torch.zeros(token.shape, device=logits.device)
    logp = torch.log_softmax(logits / law.temperature, dim=-1)
    if law.top_p < 1:
        ordered, order = logp.sort(dim=-1, descending=True)
        before = ordered.exp().cumsum(-1) - ordered.exp()
        outside = torch.zeros_like(logp, dtype=torch.bool).scatter_(-1, order, before >= law.top_p)
        logp = torch.log_softmax(logp.masked_fill(outside, float("-inf")), dim=-1)
    cumulative = logp.double().exp().cumsum(-1)
    token = (cumulative <= (u * cumulative[..., -1]).unsqueeze(-1)).sum(-1).clamp_(max=logits.shape[-1] - 1)
    return token, logp.gather(-1, token.unsqueeze(-1)).squeeze(-1)
