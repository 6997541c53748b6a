"""Attention: every back end gives what attention of each document on its own gives."""

from __future__ import annotations

import inspect
import random
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.nn.attention.varlen import varlen_attn

from edgewise.model import attention
from edgewise.model.attention import (
    PackedAttention,
    attend_cached,
    attend_packed,
    document_bias,
    fused_call,
    varlen_layout,
)

DEPTH = 8
HEADS = [(4, 4), (4, 2), (3, 1)]


def rows(seed: int, length: int = 24) -> Tensor:
    """Documents [3, length] of random lengths; full rows, padded ones, and one of padding alone."""
    source = random.Random(seed)
    table, number = torch.full((3, length), -1), 0
    for row in range(2):
        column = 0
        while column < length - row * 5:
            size = source.randint(1, 7)
            table[row, column : column + size] = number
            column, number = column + size, number + 1
    return table


def inputs(heads: int, kv_heads: int, shape: tuple[int, int], dtype: torch.dtype = torch.float64) -> list[Tensor]:
    """q, k, v [B, T, heads, DEPTH] that want gradients; v is a slice of something wider, as in the decoder."""
    generator = torch.Generator().manual_seed(heads)
    whole = torch.randn(*shape, heads + 2 * kv_heads, DEPTH, generator=generator, dtype=torch.float64).to(dtype)
    q, k, v = whole.requires_grad_().split((heads, kv_heads, kv_heads), dim=2)
    return [q.contiguous(), k.contiguous(), v]


def one_by_one(q: Tensor, k: Tensor, v: Tensor, documents: Tensor) -> Tensor:
    """The definition: each token and head by itself."""
    out = torch.zeros_like(q)
    group = q.shape[2] // k.shape[2]
    for b, t, h in torch.cartesian_prod(*map(torch.arange, q.shape[:3])).tolist():
        seen = [s for s in range(t + 1) if documents[b, s] == documents[b, t]]
        scores = torch.stack([q[b, t, h] @ k[b, s, h // group] for s in seen]) / DEPTH**0.5
        out[b, t, h] = torch.softmax(scores, 0) @ torch.stack([v[b, s, h // group] for s in seen])
    return out


def reference(q: Tensor, k: Tensor, v: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """What torch says of its fused call, for causal attention, on any device: piece by piece, shared heads and all."""
    asked = inspect.signature(varlen_attn).bind(q, k, v, *args, **kwargs).arguments
    cuts = asked["cu_seq_q"]
    assert asked["cu_seq_k"] is cuts and cuts.dtype == torch.int32 and cuts.is_contiguous()
    assert q.stride(-1) == k.stride(-1) == v.stride(-1) == 1
    assert asked["window_size"] == (-1, 0)
    assert asked["enable_gqa"] == (q.shape[1] != k.shape[1])
    assert asked["max_q"] == asked["max_k"] == int(cuts.diff().max())
    assert cuts[0] == 0 and cuts[-1] == len(q) and (cuts.diff() > 0).all()
    parts = []
    for start, stop in zip(cuts[:-1].tolist(), cuts[1:].tolist(), strict=True):
        one_q, one_k, one_v = (x[start:stop].transpose(0, 1).unsqueeze(0) for x in (q, k, v))
        parts.append(F.scaled_dot_product_attention(one_q, one_k, one_v, is_causal=True, enable_gqa=True))
    return torch.cat([part.squeeze(0).transpose(0, 1) for part in parts])


# ---- Packed rows


@pytest.mark.parametrize(("heads", "kv_heads"), HEADS)
def test_plain_matmul_is_the_definition(heads: int, kv_heads: int) -> None:
    documents = rows(heads)
    q, k, v = inputs(heads, kv_heads, (3, 24))
    torch.testing.assert_close(PackedAttention(documents)(q, k, v), one_by_one(q, k, v, documents))


@pytest.mark.parametrize(("heads", "kv_heads"), HEADS)
@pytest.mark.parametrize("seed", range(3))
def test_the_fused_call_over_pieces_is_plain_matmul_in_values_and_gradients(
    heads: int, kv_heads: int, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    documents = rows(seed)
    q, k, v = inputs(heads, kv_heads, (3, 24))
    within = PackedAttention(documents)
    plain = within(q, k, v)
    monkeypatch.setattr(attention, "fused_call", lambda q: reference)
    fused = within(q, k, v)
    assert fused.shape == plain.shape
    torch.testing.assert_close(fused, plain)
    weight = torch.randn(plain.shape, dtype=plain.dtype)
    for ours, theirs in zip(
        torch.autograd.grad(fused, (q, k, v), weight), torch.autograd.grad(plain, (q, k, v), weight), strict=True
    ):
        torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize(("heads", "kv_heads"), HEADS)
def test_the_fused_call_with_a_mask_is_plain_matmul(heads: int, kv_heads: int) -> None:
    documents = rows(1)
    q, k, v = (x.transpose(1, 2) for x in inputs(heads, kv_heads, (3, 24)))
    bias = document_bias(documents).double()
    torch.testing.assert_close(attention._attend_masked(q, k, v, bias), attend_packed(q, k, v, bias))


def test_pieces_start_where_documents_and_rows_do() -> None:
    table = torch.tensor([[0, 0, 1, 2, 2], [3, 3, 3, -1, -1], [-1, -1, -1, -1, -1], [4, 4, 4, 4, 4]])
    cuts, longest = varlen_layout(table)
    assert cuts.tolist() == [0, 2, 3, 5, 8, 10, 15, 20]
    assert cuts.dtype == torch.int32
    assert longest == 5
    cuts, longest = varlen_layout(torch.tensor([[7]]))
    assert cuts.tolist() == [0, 1] and longest == 1


def test_torch_itself_takes_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own shape function runs on tensors without content, forwards and backwards."""
    q, k, v = (x.detach().to("meta", torch.bfloat16).requires_grad_() for x in inputs(4, 2, (3, 24)))
    out = attention._attend_varlen(q, k, v, varlen_layout(rows(0)), varlen_attn)
    assert out.shape == q.shape and out.dtype == torch.bfloat16
    gradients = torch.autograd.grad(out, (q, k, v), torch.empty_like(out))
    assert [gradient.shape for gradient in gradients] == [q.shape, k.shape, v.shape]


def test_a_cpu_has_no_fused_call() -> None:
    for dtype in (torch.float32, torch.bfloat16):
        assert fused_call(torch.zeros(2, 8, dtype=dtype)) is None


# ---- One query


@pytest.mark.parametrize(("heads", "kv_heads"), HEADS)
def test_one_query_over_prompt_and_own_keys_is_the_last_of_a_row(heads: int, kv_heads: int) -> None:
    problems, samples, widest, own = 2, 3, 5, 4
    prompt_length = [3, 5]
    generator = torch.Generator().manual_seed(0)
    shape = (problems, samples, widest + own)
    q, k, v = (torch.randn(*shape, n, DEPTH, generator=generator).double() for n in (heads, kv_heads, kv_heads))
    # All samples of a problem have the prompt's keys in common.
    k[:, :, :widest], v[:, :, :widest] = k[:, :1, :widest].clone(), v[:, :1, :widest].clone()
    prompt_bias, own_bias = torch.zeros(problems, widest).double(), torch.tensor([0, 0, 0, -torch.inf]).double()
    for p, length in enumerate(prompt_length):
        prompt_bias[p, length:] = -torch.inf
    last = q[:, :, -1]
    prompt_k, prompt_v = (x[:, 0, :widest].transpose(1, 2).contiguous() for x in (k, v))
    own_k, own_v = (x[:, :, widest:].transpose(2, 3).contiguous() for x in (k, v))
    out = attend_cached(last, prompt_k, prompt_v, prompt_bias, own_k, own_v, own_bias)
    for p, length in enumerate(prompt_length):
        seen = [*range(length), *range(widest, widest + 3)]
        for s in range(samples):
            row_q = torch.zeros(1, len(seen), heads, DEPTH).double()
            row_q[0, -1] = last[p, s]
            one = one_by_one(row_q, k[p : p + 1, s, seen], v[p : p + 1, s, seen], torch.zeros(1, len(seen)))
            torch.testing.assert_close(out[p, s], one[0, -1])


# ---- On a GPU


@pytest.mark.gpu
@pytest.mark.parametrize(("heads", "kv_heads"), HEADS)
@pytest.mark.parametrize(("dtype", "error"), [(torch.float32, 1e-4), (torch.bfloat16, 3e-2)])
def test_a_gpu_gives_what_a_cpu_gives(heads: int, kv_heads: int, dtype: torch.dtype, error: float) -> None:
    documents = rows(2)
    on_cpu = inputs(heads, kv_heads, (3, 24))
    on_gpu = [x.detach().to("cuda", dtype).requires_grad_() for x in on_cpu]
    assert (fused_call(on_gpu[0]) is not None) == (dtype == torch.bfloat16)
    theirs = PackedAttention(documents)(*on_cpu)
    ours = PackedAttention(documents.cuda())(*on_gpu)
    torch.testing.assert_close(ours.double().cpu(), theirs, atol=error, rtol=error)
    gradients = torch.autograd.grad(ours.sum(), on_gpu), torch.autograd.grad(theirs.sum(), on_cpu)
    for mine, other in zip(*gradients, strict=True):
        torch.testing.assert_close(mine.double().cpu(), other, atol=3 * error, rtol=3 * error)
