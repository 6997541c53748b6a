"""The one file that knows attention back ends.

Two shapes of attention are needed: packed rows, in which a token sees the earlier tokens of its
own document, and one new query per sample against a prompt shared by its group plus the sample's
own keys. On a CPU plain batched matmul is faster than the fused call for both, and at one query
fusing buys nothing; on a GPU packed rows go to the fused call.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def document_bias(documents_BT: Tensor) -> Tensor:
    """Additive mask [B, T, T]: 0 where the query may look, -inf elsewhere.

    A token sees itself and the earlier tokens of the document it belongs to. Padding carries a
    document number of its own (-1), so padding sees padding only.
    """
    length = documents_BT.shape[1]
    same = documents_BT.unsqueeze(2) == documents_BT.unsqueeze(1)
    seen = same & torch.ones(length, length, dtype=torch.bool, device=documents_BT.device).tril()
    return torch.zeros(seen.shape, device=seen.device).masked_fill_(~seen, float("-inf"))


def attend_packed(q_BHTD: Tensor, k_BKTD: Tensor, v_BKTD: Tensor, bias_BTT: Tensor) -> Tensor:
    """Attention within rows; H query heads share K key heads in blocks. Returns [B, H, T, D]."""
    if q_BHTD.is_cuda:
        mask = bias_BTT.unsqueeze(1).to(q_BHTD.dtype)
        return F.scaled_dot_product_attention(q_BHTD, k_BKTD, v_BKTD, attn_mask=mask, enable_gqa=True)
    batch, heads, length, depth = q_BHTD.shape
    kv_heads = k_BKTD.shape[1]
    q = (q_BHTD * depth**-0.5).reshape(batch, kv_heads, -1, depth)
    scores = (q @ k_BKTD.transpose(2, 3)).view(batch, heads, length, length)
    weights = torch.softmax(scores + bias_BTT.unsqueeze(1), dim=-1)
    return (weights.view(batch, kv_heads, -1, length) @ v_BKTD).view(batch, heads, length, depth)


def attend_cached(
    q_PSHD: Tensor,
    prompt_k_PKLD: Tensor,
    prompt_v_PKLD: Tensor,
    prompt_bias_PL: Tensor,
    own_k_PSKCD: Tensor,
    own_v_PSKCD: Tensor,
    own_bias_C: Tensor,
) -> Tensor:
    """One query for each of S samples of P problems: over the shared prompt, then its own keys.

    The prompt's keys are read once per problem, not once per sample. Returns [P, S, H, D].
    """
    problems, samples, heads, depth = q_PSHD.shape
    kv_heads, length = prompt_k_PKLD.shape[1:3]
    group = heads // kv_heads
    q_PSKGD = (q_PSHD * depth**-0.5).view(problems, samples, kv_heads, group, depth)
    # All queries of a problem form one matrix against its prompt, in place of one per sample.
    stacked = (problems, kv_heads, samples * group)
    q_PKXD = q_PSKGD.transpose(1, 2).reshape(*stacked, depth)
    on_prompt = (q_PKXD @ prompt_k_PKLD.transpose(2, 3)).view(problems, kv_heads, samples, group, length)
    on_prompt = on_prompt.transpose(1, 2) + prompt_bias_PL[:, None, None, None, :]
    on_own = q_PSKGD @ own_k_PSKCD.transpose(3, 4) + own_bias_C
    weights = torch.softmax(torch.cat((on_prompt, on_own), dim=-1), dim=-1)
    prompt_weights = weights[..., :length].transpose(1, 2).reshape(*stacked, length)
    from_prompt = (prompt_weights @ prompt_v_PKLD).view(problems, kv_heads, samples, group, depth).transpose(1, 2)
    return (from_prompt + weights[..., length:] @ own_v_PSKCD).reshape(problems, samples, heads, depth)
