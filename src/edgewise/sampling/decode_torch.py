"""Batched decoding in torch, with a key-value cache whose prompt part is shared by a problem's samples.

Samples of a problem sit side by side in slots; finished ones are dropped by moving the live ones together. A
completion has the same bits in any batch on a CPU, because everything it is computed with is either its own or made
neutral: padding adds exact zeros, lengths are rounded to whole vector widths, and matrices keep at least `_MIN_ROWS`
rows and batched ones `_MIN_PRODUCT` multiplications, below which the matrix library switches to other kernels.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from contextlib import AbstractContextManager

import numpy as np
import torch
from torch import Tensor, nn

from edgewise.model.attention import PackedAttention
from edgewise.model.decoder import Decoder
from edgewise.sampling.completions import PromptRequest, SampledTokens
from edgewise.sampling.cuda_graph import decode_schedule, repeat_step
from edgewise.sampling.kv_cache import KVCache
from edgewise.sampling.params import SamplingParams
from edgewise.sampling.random_numbers import normal, row_keys, uniform

_MIN_ROWS = 16
_MIN_PRODUCT = 400
_PROMPT_MULTIPLE = 16
# Scores of prompt tokens with each other, per head, that are held at once.
_PREFILL_SCORES = 2**22
_COMPACT_BELOW = 0.8


def decode_torch(
    model: Decoder,
    eos_id: int,
    requests: Sequence[PromptRequest],
    samples: int,
    params: SamplingParams,
    model_logp: bool = False,
    logit_noise: float = 0.0,
) -> SampledTokens:
    """Sample `samples` completions of each prompt, all in one batch.

    `model_logp` also returns the model's own log-probabilities; `logit_noise` is the standard deviation of the normal
    numbers that are added to every logit before a token is sampled.
    """
    # Inference mode is quicker by a tenth on a CPU, and nothing for a CUDA graph (see `record_graph`).
    on_cpu = model.embedding.weight.device.type == "cpu"
    with torch.inference_mode(on_cpu), torch.no_grad():
        return DecodeBatch(model, eos_id, requests, samples, params, model_logp, logit_noise).run()


class DecodeBatch:
    """P problems x S slots that are decoded together. Each slot holds one sample; P and S shrink as samples end.

    Results are recorded in one row per sample; the row after the last is scratch, written by slots without a live
    sample and never read. Between two changes of the slots or the cache every tensor keeps its address, and a step
    asks none of them for its content: see `edgewise.sampling.cuda_graph`.
    """

    def __init__(
        self,
        model: Decoder,
        eos_id: int,
        requests: Sequence[PromptRequest],
        samples: int,
        params: SamplingParams,
        model_logp: bool,
        logit_noise: float,
    ) -> None:
        prompts, keys_P, max_new_tokens_P = zip(*requests, strict=True)
        self.model, self.eos_id, self.logit_noise = model, eos_id, logit_noise
        self.params, self.samples = params, samples
        self.layers = model if params.precision == "fp32" else _in_bf16(model)
        self.device = model.embedding.weight.device
        self.schedule = decode_schedule(self.device)
        problems = len(prompts)
        # The smallest product with the prompt is slots x queries x depth x _PROMPT_MULTIPLE.
        products_per_slot = model.spec.query_width // model.spec.kv_heads * _PROMPT_MULTIPLE
        self.least_slots = max(2, -(-_MIN_PRODUCT // products_per_slot))
        slots = max(samples, self.least_slots, -(-_MIN_ROWS // problems))
        sample_S = torch.arange(slots, device=self.device)
        self.alive_PS = (sample_S < samples).expand(problems, slots).clone()
        self.scratch_row = problems * samples
        rows_PS = torch.arange(problems, device=self.device).unsqueeze(1) * samples + sample_S
        self.row_PS = torch.where(self.alive_PS, rows_PS, self.scratch_row)
        self.keys_PS = row_keys(keys_P, slots, self.device)
        self.max_new_tokens_P1 = torch.tensor(max_new_tokens_P, device=self.device).unsqueeze(1)
        self.token_PS = torch.zeros_like(self.row_PS)
        # One number, but not of zero dimensions: as an index that would be read by the host.
        self.position_1 = torch.zeros(1, dtype=torch.int64, device=self.device)
        shape = (problems * samples + 1, params.max_new_tokens)
        self.tokens = torch.full(shape, -1, dtype=torch.int32, device=self.device)
        self.logp = torch.zeros(shape, device=self.device)
        self.model_logp = torch.zeros(shape, device=self.device) if model_logp else None
        self._prefill(prompts, slots)

    def run(self) -> SampledTokens:
        """Sample every completion, token by token."""
        # 1. The first token of every sample comes from the last hidden state of its prompt.
        self._sample(self.model.logits(self.last_hidden_P1.expand(-1, self.alive_PS.shape[1], -1)))
        position, last = 0, self.params.max_new_tokens - 1
        # 2. Drop the slots whose samples have ended, where there are enough of them.
        while position < last and self._compact():
            # 3. Make room in the cache where it is full.
            if position == self.cache.capacity:
                self.cache.grow(self.schedule.cache_chunk)
            # 4. Decode until the room is used up, or until it pays to drop slots.
            times = min(self.cache.capacity, last) - position
            position += repeat_step(self._step, times, self._worth_going_on, self.schedule)
        # 5. Copy the results to the host, without the scratch row.
        shape = (-1, self.samples, self.params.max_new_tokens)
        tokens, logp = (record[:-1].view(shape).cpu().numpy() for record in (self.tokens, self.logp))
        model_logp = None if self.model_logp is None else self.model_logp[:-1].view(shape).cpu().numpy()
        return SampledTokens(tokens, logp, model_logp)

    def _prefill(self, prompts: Sequence[Sequence[int]], slots: int) -> None:
        """Compute every prompt once: its keys and values, and its last hidden state."""
        self.prompt_length_P = torch.tensor([len(prompt) for prompt in prompts], device=self.device)
        width = -(-max(map(len, prompts)) // _PROMPT_MULTIPLE) * _PROMPT_MULTIPLE
        ids_PL = np.zeros((len(prompts), width), np.int64)
        for row, prompt in enumerate(prompts):
            ids_PL[row, : len(prompt)] = prompt
        tokens_PL = torch.from_numpy(ids_PL).to(self.device)
        columns = torch.arange(width, device=self.device)
        inside_PL = columns < self.prompt_length_P.unsqueeze(1)
        bias_PL = torch.zeros(inside_PL.shape, device=self.device).masked_fill_(~inside_PL, float("-inf"))
        documents_PL = torch.where(inside_PL, 0, -1)
        prefix_k: list[list[Tensor]] = [[] for _ in range(self.model.spec.layers)]
        prefix_v: list[list[Tensor]] = [[] for _ in range(self.model.spec.layers)]
        hidden = []
        # Prompts with a sample each are as many as the rows: at once, their scores would fill the memory.
        size = max(1, _PREFILL_SCORES // width**2)
        for start in range(0, len(prompts), size):
            part = slice(start, start + size)
            within_prompt = PackedAttention(documents_PL[part])

            def attend(
                layer: int, q: Tensor, k: Tensor, v: Tensor, within_prompt: PackedAttention = within_prompt
            ) -> Tensor:
                prefix_k[layer].append(k.transpose(1, 2).contiguous())
                prefix_v[layer].append(v.transpose(1, 2).contiguous())
                return within_prompt(q, k, v)

            with self._precision():
                hidden_PLW = self.layers.forward_torch(tokens_PL[part], columns.expand_as(tokens_PL[part]), attend)
            last_P1 = self.prompt_length_P[part].unsqueeze(1) - 1
            hidden.append(hidden_PLW.take_along_dim(last_P1.unsqueeze(2), dim=1))
        self.cache = KVCache(
            [torch.cat(parts) for parts in prefix_k], [torch.cat(parts) for parts in prefix_v], bias_PL, slots
        )
        self.last_hidden_P1 = torch.cat(hidden)

    def _precision(self) -> AbstractContextManager[None]:
        # Weights are in the precision already, and a cache of casts must not outlive a recording.
        low = self.params.precision == "bf16"
        return torch.autocast(self.device.type, torch.bfloat16, enabled=low, cache_enabled=False)

    def _step(self) -> None:
        """Read the tokens that were sampled last and sample the next ones. The host learns nothing of them here."""
        self.cache.show(self.position_1)

        def attend(layer: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
            return self.cache.attend(layer, self.position_1, q, k, v)

        # A sample that has ended may stand beyond the last position until it is dropped.
        positions_P = (self.prompt_length_P + self.position_1).clamp_(max=self.model.spec.max_positions - 1)
        with self._precision():
            hidden = self.layers.forward_torch(self.token_PS, positions_P.unsqueeze(1).expand_as(self.token_PS), attend)
        self.position_1 += 1
        self._sample(self.model.logits(hidden))

    def _sample(self, logits_PSV: Tensor) -> None:
        """Sample and record one token per slot; a slot that sampled the end is not alive any more."""
        noisy_PSV = logits_PSV
        if self.logit_noise:
            noise_PSV = normal(self.keys_PS, self.position_1, logits_PSV.shape[-1])
            noisy_PSV = logits_PSV + self.logit_noise * noise_PSV.float()
        token_PS, logp_PS = sample_tokens(noisy_PSV, uniform(self.keys_PS, self.position_1), self.params)
        place = (self.row_PS, self.position_1)
        self.tokens.index_put_(place, token_PS.int())
        self.logp.index_put_(place, logp_PS)
        if self.model_logp is not None:
            model_logp_PSV = torch.log_softmax(logits_PSV, dim=-1)
            self.model_logp.index_put_(place, model_logp_PSV.gather(-1, token_PS.unsqueeze(-1)).squeeze(-1))
        self.alive_PS &= (token_PS != self.eos_id) & (self.position_1 + 1 < self.max_new_tokens_P1)
        self.row_PS.masked_fill_(~self.alive_PS, self.scratch_row)
        self.token_PS.copy_(token_PS)

    def _needed(self) -> tuple[Tensor, int]:
        """The problems that have live slots, and how many slots each needs."""
        alive_P = self.alive_PS.sum(1)
        problems_P = alive_P.nonzero().squeeze(1)
        problems = max(1, len(problems_P))
        return problems_P, max(int(alive_P.max()), self.least_slots, -(-_MIN_ROWS // problems))

    def _worth_going_on(self) -> bool:
        problems_P, slots = self._needed()
        share = len(problems_P) * slots / self.alive_PS.numel()
        return len(problems_P) > 0 and (share > self.schedule.compact_below or slots > self.alive_PS.shape[1])

    def _compact(self) -> bool:
        """Move live slots together and drop the rest, where enough of them have ended; False where all have."""
        problems_P, slots = self._needed()
        if len(problems_P) == 0:
            return False
        if slots * len(problems_P) > _COMPACT_BELOW * self.alive_PS.numel() or slots > self.alive_PS.shape[1]:
            return True
        slots_PS = torch.argsort(~self.alive_PS[problems_P], dim=1, stable=True)[:, :slots]
        chosen = (problems_P.unsqueeze(1), slots_PS)
        self.alive_PS, self.row_PS, self.keys_PS = self.alive_PS[chosen], self.row_PS[chosen], self.keys_PS[chosen]
        self.token_PS = self.token_PS[chosen]
        self.prompt_length_P = self.prompt_length_P[problems_P]
        self.max_new_tokens_P1 = self.max_new_tokens_P1[problems_P]
        self.cache.select(problems_P, slots_PS)
        return True


def sample_tokens(logits: Tensor, u: Tensor, params: SamplingParams) -> tuple[Tensor, Tensor]:
    """Sample tokens [...] by inverting the cumulative distribution of logits [..., V] at uniform numbers u [...].

    Also returns their log-probabilities under the distribution that they were sampled from.
    """
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


def _in_bf16(model: Decoder) -> Decoder:
    """The model with the matrices of its layers in bfloat16: what autocast would make of them at every step."""
    low = copy.deepcopy(model)
    for module in low.blocks.modules():
        if isinstance(module, nn.Linear):
            module.to(torch.bfloat16)
    return low
