"""Batched decoding in torch, with a key-value cache whose prompt part is shared by a group.

The prompt is computed once per problem. Samples of a problem sit side by side in slots; finished
ones are dropped by moving the live ones together. A completion has the same bits in any batch on
a CPU, because everything it meets is either its own or made neutral: padding adds exact zeros,
lengths are rounded to whole vector widths, and matrices keep at least `_MIN_ROWS` rows and batched
ones `_MIN_PRODUCT` multiplications, below which the matrix library switches to other kernels.

Between two changes of the slots or the cache every tensor keeps its address, and a step asks none
of them for its content: `edgewise.sampling.stepping` runs it as the device likes it best.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from edgewise.model.attention import attend_cached
from edgewise.model.decoder import Decoder
from edgewise.sampling.base import SamplingParams
from edgewise.sampling.random_numbers import normal, row_keys, uniform
from edgewise.sampling.stepping import pace_of, repeat

_MIN_ROWS = 16
_MIN_PRODUCT = 400
_PROMPT_MULTIPLE = 16
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


def decode(
    model: Decoder,
    end: int,
    asks: Sequence[Ask],
    samples: int,
    params: SamplingParams,
    model_logp: bool = False,
    logit_noise: float = 0.0,
) -> Drawn:
    """`samples` completions of each prompt, all in one batch."""
    # Inference mode is quicker by a tenth on a CPU, and nothing for a CUDA graph (see `record_graph`).
    on_cpu = model.embedding.weight.device.type == "cpu"
    with torch.inference_mode(on_cpu), torch.no_grad():
        return _Group(model, end, asks, samples, params, model_logp, logit_noise).run()


class _Group:
    """The state of one batch: P problems x S slots, shrinking as samples finish."""

    def __init__(
        self,
        model: Decoder,
        end: int,
        asks: Sequence[Ask],
        samples: int,
        params: SamplingParams,
        model_logp: bool,
        logit_noise: float,
    ) -> None:
        prompts, keys_P, limit_P = zip(*asks, strict=True)
        self.model, self.end, self.noise = model, end, logit_noise
        self.params, self.samples = params, samples
        self.layers = model if params.precision == "fp32" else _in_bf16(model)
        self.device = self.model.embedding.weight.device
        self.pace = pace_of(self.device)
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
        self.token_PS = torch.zeros_like(self.row_PS)
        # One number, but not of zero dimensions: as an index that would be read by the host.
        self.position_1 = torch.zeros(1, dtype=torch.int64, device=self.device)
        shape = (problems * samples + 1, params.max_new_tokens)
        self.tokens = torch.full(shape, -1, dtype=torch.int32, device=self.device)
        self.logp = torch.zeros(shape, device=self.device)
        self.model_logp = torch.zeros(shape, device=self.device) if model_logp else None
        self.own_bias_C = torch.zeros(0, device=self.device)
        self.own_k: list[Tensor] = []
        self.own_v: list[Tensor] = []
        self._prefill(prompts)

    def run(self) -> Drawn:
        """Every completion, token by token."""
        self._draw(self.model.logits(self.last_hidden_P1.expand(-1, self.alive_PS.shape[1], -1)))
        position, last = 0, self.params.max_new_tokens - 1
        while position < last and self._repack():
            if position == len(self.own_bias_C):
                self._grow()
            times = min(len(self.own_bias_C), last) - position
            position += repeat(self._step, times, self._worth_going_on, self.pace)
        shape = (-1, self.samples, self.params.max_new_tokens)
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
            places_PL = columns.expand_as(tokens_PL[some])
            with self._precision():
                whole = self.layers.forward(tokens_PL[some], places_PL, documents_PL[some], keep)
            hidden.append(whole.take_along_dim(last_P1.unsqueeze(2), dim=1))
        self.prompt_k, self.prompt_v = [torch.cat(parts) for parts in kept_k], [torch.cat(parts) for parts in kept_v]
        self.last_hidden_P1 = torch.cat(hidden)

    def _precision(self) -> AbstractContextManager[None]:
        # Weights are in the precision already, and a cache of casts must not outlive a recording.
        low = self.params.precision == "bf16"
        return torch.autocast(self.device.type, torch.bfloat16, enabled=low, cache_enabled=False)

    def _step(self) -> None:
        """Read the tokens drawn last and draw the next ones. The host learns nothing of them here."""
        self.own_bias_C.index_fill_(0, self.position_1, 0.0)

        def attend(layer: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
            own_k, own_v = self.own_k[layer], self.own_v[layer]
            own_k.index_copy_(3, self.position_1, k.unsqueeze(3))
            own_v.index_copy_(3, self.position_1, v.unsqueeze(3))
            return attend_cached(
                q, self.prompt_k[layer], self.prompt_v[layer], self.prompt_bias_PL, own_k, own_v, self.own_bias_C
            )

        # What is dead may stand beyond the last position until it is dropped.
        positions_P = (self.prompt_length_P + self.position_1).clamp_(max=self.model.spec.max_positions - 1)
        with self._precision():
            hidden = self.layers.run(self.token_PS, positions_P.unsqueeze(1).expand_as(self.token_PS), attend)
        self.position_1 += 1
        self._draw(self.model.logits(hidden))

    def _draw(self, logits_PSV: Tensor) -> None:
        """Draw and record one token per slot; slots that drew the end are dead from here on."""
        met_PSV = logits_PSV
        if self.noise:
            met_PSV = logits_PSV + self.noise * normal(self.keys_PS, self.position_1, logits_PSV.shape[-1]).float()
        token_PS, logp_PS = draw(met_PSV, uniform(self.keys_PS, self.position_1), self.params)
        place = (self.row_PS, self.position_1)
        self.tokens.index_put_(place, token_PS.int())
        self.logp.index_put_(place, logp_PS)
        if self.model_logp is not None:
            model_logp_PSV = torch.log_softmax(logits_PSV, dim=-1)
            self.model_logp.index_put_(place, model_logp_PSV.gather(-1, token_PS.unsqueeze(-1)).squeeze(-1))
        self.alive_PS &= (token_PS != self.end) & (self.position_1 + 1 < self.limit_P1)
        self.row_PS.masked_fill_(~self.alive_PS, self.rubbish)
        self.token_PS.copy_(token_PS)

    def _grow(self) -> None:
        """Room for another chunk in the cache, not yet seen."""
        problems, slots = self.token_PS.shape
        spec, chunk = self.model.spec, self.pace.chunk
        self.own_bias_C = torch.cat((self.own_bias_C, self.own_bias_C.new_full((chunk,), float("-inf"))))
        room = self.prompt_k[0].new_zeros((problems, slots, spec.kv_heads, chunk, spec.head_depth))
        for cache in (self.own_k, self.own_v):
            if not cache:
                cache.extend(room[:, :, :, :0] for _ in range(spec.layers))
            # One after the other: all at once would hold the whole cache twice.
            for layer, old in enumerate(cache):
                cache[layer] = torch.cat((old, room), dim=3)

    def _needed(self) -> tuple[Tensor, int]:
        """The problems that have live slots, and how many slots each needs."""
        alive_P = self.alive_PS.sum(1)
        keep_P = alive_P.nonzero().squeeze(1)
        problems = max(1, len(keep_P))
        return keep_P, max(int(alive_P.max()), self.least_slots, -(-_MIN_ROWS // problems))

    def _worth_going_on(self) -> bool:
        keep_P, slots = self._needed()
        share = len(keep_P) * slots / self.alive_PS.numel()
        return len(keep_P) > 0 and (share > self.pace.leave_below or slots > self.alive_PS.shape[1])

    def _repack(self) -> bool:
        """Move live slots together and drop what is finished, where enough is; False where all is."""
        keep_P, slots = self._needed()
        if len(keep_P) == 0:
            return False
        if slots * len(keep_P) > _REPACK_BELOW * self.alive_PS.numel() or slots > self.alive_PS.shape[1]:
            return True
        front_PS = torch.argsort(~self.alive_PS[keep_P], dim=1, stable=True)[:, :slots]
        pick = (keep_P.unsqueeze(1), front_PS)
        self.alive_PS, self.row_PS, self.keys_PS = self.alive_PS[pick], self.row_PS[pick], self.keys_PS[pick]
        self.token_PS = self.token_PS[pick]
        self.prompt_length_P, self.prompt_bias_PL = self.prompt_length_P[keep_P], self.prompt_bias_PL[keep_P]
        self.limit_P1 = self.limit_P1[keep_P]
        for cache in (self.prompt_k, self.prompt_v):
            cache[:] = [tensor[keep_P] for tensor in cache]
        for cache in (self.own_k, self.own_v):
            cache[:] = [tensor[pick] for tensor in cache]
        return True


def _in_bf16(model: Decoder) -> Decoder:
    """The model with the matrices of its layers in bfloat16: what autocast would make of them at every step."""
    low = copy.deepcopy(model)
    for module in low.blocks.modules():
        if isinstance(module, nn.Linear):
            module.to(torch.bfloat16)
    return low


def draw(logits: Tensor, u: Tensor, params: SamplingParams) -> tuple[Tensor, Tensor]:
    """Tokens [...] by inverting the cumulative distribution of logits [..., V] at u [...],
    and their log-probabilities under the law."""
    if params.temperature == 0:
        top, token = logits.max(-1)
        # 0, or NaN as at any other temperature where a logit is no number.
        return token, top - top
    logp = torch.log_softmax(logits / params.temperature, dim=-1)
    if params.top_p < 1:
        ordered, order = logp.sort(dim=-1, descending=True)
        before = ordered.exp().cumsum(-1) - ordered.exp()
        outside = torch.zeros_like(logp, dtype=torch.bool).scatter_(-1, order, before >= params.top_p)
        logp = torch.log_softmax(logp.masked_fill(outside, float("-inf")), dim=-1)
    cumulative = logp.double().exp().cumsum(-1)
    token = (cumulative <= (u * cumulative[..., -1]).unsqueeze(-1)).sum(-1).clamp_(max=logits.shape[-1] - 1)
    return token, logp.gather(-1, token.unsqueeze(-1)).squeeze(-1)
