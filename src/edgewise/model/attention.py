"""Causal attention in torch: within the documents of padded rows, and of one new query per sample over a cache.

On a CPU plain batched matmul is faster than the fused call for both, and at one query fusing gains nothing. On a GPU
padded rows go to a fused call, which never writes the scores down: in bfloat16 to the one that takes documents of any
length side by side and so skips what no token sees, else to the one that takes a mask.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import cache, cached_property
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

# Of torch's flash attention: wider heads have no backward pass on smaller GPUs.
_WIDEST_HEAD = 192


class VarlenLayout(NamedTuple):
    """Rows laid end to end, as N sequences of any length: sequence i has the tokens cu_seqlens[i] to cu_seqlens[i + 1].

    The names are those of fused attention calls: cumulative lengths [N + 1], and the longest of them.
    """

    cu_seqlens: Tensor
    max_seqlen: int


class PackedAttention:
    """Attention within rows of documents [B, T]: a token sees itself and the earlier tokens of its document.

    The tokens of a document are neighbours. Padding has a document number of its own (-1), so padding
    sees padding only. The layout of the rows is worked out once, at the first of the layers.
    """

    def __init__(self, documents_BT: Tensor) -> None:
        self._documents_BT = documents_BT

    def __call__(self, q_BTHD: Tensor, k_BTKD: Tensor, v_BTKD: Tensor) -> Tensor:
        """H query heads share K key heads in blocks. Returns [B, T, H, D]."""
        fused = fused_call(q_BTHD)
        if fused is not None:
            return _attend_varlen(q_BTHD, k_BTKD, v_BTKD, self._varlen_layout, fused)
        q, k, v = q_BTHD.transpose(1, 2), k_BTKD.transpose(1, 2), v_BTKD.transpose(1, 2)
        attend = _attend_masked if q.is_cuda else attend_packed
        return attend(q, k, v, self._bias_BTT).transpose(1, 2)

    @cached_property
    def _bias_BTT(self) -> Tensor:
        return document_bias(self._documents_BT)

    @cached_property
    def _varlen_layout(self) -> VarlenLayout:
        return varlen_layout(self._documents_BT)


def document_bias(documents_BT: Tensor) -> Tensor:
    """Additive mask [B, T, T]: 0 where the query may look (see `PackedAttention`), -inf elsewhere."""
    length = documents_BT.shape[1]
    same = documents_BT.unsqueeze(2) == documents_BT.unsqueeze(1)
    seen = same & torch.ones(length, length, dtype=torch.bool, device=documents_BT.device).tril()
    return torch.zeros(seen.shape, device=seen.device).masked_fill_(~seen, float("-inf"))


def varlen_layout(documents_BT: Tensor) -> VarlenLayout:
    """Where the documents of rows start and end. A row ends documents too, and its padding is a sequence of its own.

    Padding is left where it is: rows are packed, so that there is little of it, and taking it out
    would copy every query, key and value. Waits for the device, because N and the longest decide
    what is launched.
    """
    first_BT = torch.ones_like(documents_BT, dtype=torch.bool)
    first_BT[:, 1:] = documents_BT[:, 1:] != documents_BT[:, :-1]
    starts = first_BT.flatten().nonzero().squeeze(1)
    cu_seqlens = F.pad(starts, (0, 1), value=documents_BT.numel())
    return VarlenLayout(cu_seqlens.int(), int(cu_seqlens.diff().max()))


def attend_packed(q_BHTD: Tensor, k_BKTD: Tensor, v_BKTD: Tensor, bias_BTT: Tensor) -> Tensor:
    """Attention within rows in plain matmul; H query heads share K key heads in blocks. Returns [B, H, T, D]."""
    batch, heads, length, depth = q_BHTD.shape
    kv_heads = k_BKTD.shape[1]
    q = (q_BHTD * depth**-0.5).reshape(batch, kv_heads, -1, depth)
    scores = (q @ k_BKTD.transpose(2, 3)).view(batch, heads, length, length)
    weights = torch.softmax(scores + bias_BTT.unsqueeze(1), dim=-1)
    return (weights.view(batch, kv_heads, -1, length) @ v_BKTD).view(batch, heads, length, depth)


def attend_cached(
    q_PSHD: Tensor,
    prefix_k_PKLD: Tensor,
    prefix_v_PKLD: Tensor,
    prefix_bias_PL: Tensor,
    suffix_k_PSKCD: Tensor,
    suffix_v_PSKCD: Tensor,
    suffix_bias_C: Tensor,
) -> Tensor:
    """Attention of one query for each of S samples of P problems, over the shared prefix and the sample's own suffix.

    The prefix's keys are read once per problem, not once per sample. Returns [P, S, H, D].
    """
    problems, samples, heads, depth = q_PSHD.shape
    kv_heads, length = prefix_k_PKLD.shape[1:3]
    group = heads // kv_heads
    q_PSKGD = (q_PSHD * depth**-0.5).view(problems, samples, kv_heads, group, depth)
    # All queries of a problem form one matrix against its prefix, in place of one per sample.
    stacked = (problems, kv_heads, samples * group)
    q_PKXD = q_PSKGD.transpose(1, 2).reshape(*stacked, depth)
    on_prefix = (q_PKXD @ prefix_k_PKLD.transpose(2, 3)).view(problems, kv_heads, samples, group, length)
    on_prefix = on_prefix.transpose(1, 2) + prefix_bias_PL[:, None, None, None, :]
    on_suffix = q_PSKGD @ suffix_k_PSKCD.transpose(3, 4) + suffix_bias_C
    weights = torch.softmax(torch.cat((on_prefix, on_suffix), dim=-1), dim=-1)
    prefix_weights = weights[..., :length].transpose(1, 2).reshape(*stacked, length)
    from_prefix = (prefix_weights @ prefix_v_PKLD).view(problems, kv_heads, samples, group, depth).transpose(1, 2)
    return (from_prefix + weights[..., length:] @ suffix_v_PSKCD).reshape(problems, samples, heads, depth)


def fused_call(q: Tensor) -> Callable[..., Any] | None:
    """Torch's attention over sequences of any length, where it takes such queries [..., D]; else None."""
    depth = q.shape[-1]
    if not q.is_cuda or q.dtype not in (torch.bfloat16, torch.float16) or depth % 8 or depth > _WIDEST_HEAD:
        return None
    return _varlen(q.device)


@cache
def _varlen(device: torch.device) -> Callable[..., Any] | None:
    # Imported here because it takes a second, and no CPU has a use for it.
    from torch.nn.attention.varlen import varlen_attn

    shares_heads = "enable_gqa" in inspect.signature(varlen_attn).parameters  # since torch 2.12
    able = torch.backends.cuda.is_flash_attention_available() and torch.cuda.get_device_capability(device) >= (8, 0)
    return varlen_attn if shares_heads and able else None


def _attend_varlen(
    q_BTHD: Tensor, k_BTKD: Tensor, v_BTKD: Tensor, layout: VarlenLayout, fused: Callable[..., Any]
) -> Tensor:
    q, k, v = q_BTHD.flatten(0, 1), k_BTKD.flatten(0, 1), v_BTKD.flatten(0, 1)
    cuts, longest = layout
    # A window without tokens to the right is what the call knows as causal.
    shared = q.shape[1] != k.shape[1]
    out: Tensor = fused(q, k, v, cuts, cuts, longest, longest, window_size=(-1, 0), enable_gqa=shared)
    return out.view(q_BTHD.shape)


def _attend_masked(q_BHTD: Tensor, k_BKTD: Tensor, v_BKTD: Tensor, bias_BTT: Tensor) -> Tensor:
    # Keys are repeated here, because no fused kernel of torch takes a mask and shared heads together.
    group = q_BHTD.shape[1] // k_BKTD.shape[1]
    k_BHTD, v_BHTD = k_BKTD.repeat_interleave(group, dim=1), v_BKTD.repeat_interleave(group, dim=1)
    mask = bias_BTT.unsqueeze(1).to(q_BHTD.dtype)
    out: Tensor = F.scaled_dot_product_attention(q_BHTD, k_BHTD, v_BHTD, attn_mask=mask)
    return out
