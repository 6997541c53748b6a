"""The decoder by the compiled kernels: torch's hidden states and gradients, for any shape and any packed tokens."""

from __future__ import annotations

import copy
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import Tensor

from edgewise.model import decoder as decoder_module
from edgewise.model.decoder import Block, Decoder, DecoderSpec
from edgewise.model.native import library
from edgewise.model.packed import PackedTokens
from edgewise.training.documents import Document
from edgewise.training.packing import PackedRows, pack
from tests.model.decoders import sharp, texts
from tests.model.flat import VOCABULARY, agree, in_double, learned, shared_text, shared_texts, specs
from tests.model.native.present import needs_kernels

pytestmark = needs_kernels

SPECS = [
    DecoderSpec(width=24, layers=2, heads=3, kv_heads=1, feed_forward=40, max_positions=300),
    DecoderSpec(width=40, layers=2, heads=4, kv_heads=4, feed_forward=33, max_positions=300, tied=False),
    DecoderSpec(width=96, layers=1, heads=2, kv_heads=1, feed_forward=70, max_positions=300, rope_theta=500.0),
    # More columns of the feed-forward than are treated together.
    DecoderSpec(width=32, layers=1, heads=2, kv_heads=2, feed_forward=300, max_positions=300),
]
# Segments of one token; more queries than one piece of attention holds, more rows than one block and than two.
LONG = shared_text([(130, [1, 40, 129]), (1, [1, 33]), (65, [])], seed=5)


def of_rows(rows: PackedRows) -> Callable[[Decoder], Tensor]:
    """Hidden states of the documents in the rows, one after the other."""
    inside = rows.document_RT >= 0
    return lambda model: model(rows.tokens_RT, rows.positions_RT, rows.document_RT)[inside]


def packed(seed: int, longest: int, row_length: int, count: int = 5) -> PackedRows:
    return pack([Document(ids, [1.0] * len(ids)) for ids in texts(count, longest, seed, VOCABULARY)], row_length, 0)


# ---- The numbers


@given(specs(), shared_texts())
@settings(deadline=None, max_examples=60)
@example(SPECS[0], LONG)
@example(SPECS[1], LONG)
@example(SPECS[2], LONG)
@example(SPECS[3], LONG)
def test_a_text_is_read_as_in_double_precision(spec: DecoderSpec, text: PackedTokens) -> None:
    model = sharp(spec, VOCABULARY, scale=1.0)
    assert model.backend == "native"
    ours, theirs = (learned(each, lambda m: m.forward_packed(text)) for each in (model, in_double(model)))
    assert len(ours[1]) == len(list(model.parameters())) - (not spec.tied), "the head is not part of the hidden states"
    agree(ours, theirs)


@given(specs(), st.integers(0, 10**6), st.sampled_from((1, 30, 100, 150)), st.integers(0, 60))
@settings(deadline=None, max_examples=30)
def test_rows_are_read_as_in_double_precision(spec: DecoderSpec, seed: int, longest: int, more: int) -> None:
    model, rows = sharp(spec, VOCABULARY, scale=1.0), packed(seed, longest, longest + more)
    agree(*(learned(each, of_rows(rows)) for each in (model, in_double(model))))


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_gradients_are_what_the_hidden_states_change_by(spec: DecoderSpec) -> None:
    """Finite differences along a random direction of each weight, which ask no other derivative."""
    model, text = sharp(spec, VOCABULARY, scale=1.0), shared_text([(5, [1, 36]), (2, [])])
    _, gradients = learned(model, lambda m: m.forward_packed(text))
    generator = torch.Generator().manual_seed(1)

    def total() -> float:
        with torch.no_grad():
            hidden = model.forward_packed(text).double()
        # As `learned` sums them.
        direction = torch.randn(hidden.shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
        return float((hidden * direction).sum())

    for name, gradient in gradients.items():
        weight = model.get_parameter(name)
        # Half along the gradient, so that the change is not small beside what rounding does.
        way = torch.randn(weight.shape, generator=generator)
        way = way / way.norm() + gradient / gradient.norm()
        step, sums = 3e-3, []
        for sign in (1, -2):
            with torch.no_grad():
                weight.add_(way, alpha=sign * step)
            sums.append(total())
        with torch.no_grad():
            weight.add_(way, alpha=step)
        measured, expected = (sums[0] - sums[1]) / (2 * step), float((way * gradient).sum())
        assert measured == pytest.approx(expected, rel=0.01, abs=1e-2), name


def test_scores_may_lie_further_apart_than_an_exponential_reaches() -> None:
    model = sharp(SPECS[1], VOCABULARY)
    width = model.spec.width
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "qkv.weight" in name:
                weight[: 2 * width] *= 8.0
    text = shared_text([(70, [90])])
    first = model.blocks[0]
    assert isinstance(first, Block)
    with torch.no_grad():
        qkv_NW = first.qkv(first.attention_norm(model.embedding(text.token_N)))
    query_NHD, key_NHD = (part.unflatten(1, (model.spec.heads, -1)) for part in qkv_NW.split(width, dim=1)[:2])
    scores_HNN = torch.einsum("qhd, khd -> hqk", query_NHD, key_NHD) / model.spec.head_depth**0.5
    assert float(scores_HNN.max() - scores_HNN.min()) > 200
    ours, theirs = (learned(each, lambda m: m.forward_packed(text)) for each in (model, in_double(model)))
    assert torch.isfinite(ours[0]).all()
    torch.testing.assert_close(ours[0].double(), theirs[0], atol=0.02, rtol=0.02)


def test_a_shared_prompt_is_a_prompt_before_each_of_its_completions() -> None:
    """The hidden states and gradients of the completions are those of documents that hold the prompt each."""
    model = sharp(SPECS[1], VOCABULARY)
    prompt, completions = 37, [5, 1, 40]
    shared = shared_text([(prompt, completions)])
    starts = [prompt + sum(completions[:i]) for i in range(len(completions))]
    documents = [
        torch.cat((shared.token_N[:prompt], shared.token_N[start : start + own]))
        for start, own in zip(starts, completions, strict=True)
    ]
    flat = torch.cat(documents)
    lengths = torch.tensor([len(document) for document in documents])
    positions = torch.cat([torch.arange(len(document)) for document in documents])
    none = torch.zeros_like(lengths)
    apart = PackedTokens(flat, positions, torch.stack((lengths.cumsum(0) - lengths, lengths, none, none), dim=1))
    agree(
        learned(model, lambda m: m.forward_packed(shared)[prompt:]),
        learned(model, lambda m: m.forward_packed(apart)[positions >= prompt]),
    )


@pytest.mark.parametrize("row_length", [70, 141])
def test_padding_changes_no_bit(row_length: int) -> None:
    """Neither what stands there, nor how much of it, nor a gradient that comes from there."""
    model, rows = sharp(SPECS[0], VOCABULARY), packed(3, 60, row_length)
    inside = rows.document_RT >= 0
    direction = torch.randn(int(inside.sum()), model.spec.width)

    def read(pad: int, more: int, from_padding: float) -> list[Tensor]:
        grown = torch.nn.functional.pad(inside, (0, more, 0, 1))
        tokens, positions, documents = (
            torch.full(grown.shape, fill).masked_scatter(grown, each[inside].long())
            for fill, each in ((pad, rows.tokens_RT), (0, rows.positions_RT), (-1, rows.document_RT))
        )
        model.zero_grad()
        hidden = model(tokens, positions, documents)
        assert hidden.isfinite().all()
        weight = torch.full_like(hidden, from_padding).masked_scatter(grown.unsqueeze(-1), direction)
        (hidden * weight).sum().backward()
        return [hidden[grown], *(p.grad for p in model.parameters() if p.grad is not None)]

    plain = read(0, 0, 0.0)
    assert len(plain) == 2 + 7 * model.spec.layers + 1
    for other in (read(7, 0, 0.0), read(0, 45, 0.0), read(3, 9, 2.5)):
        assert all(torch.equal(a, b) for a, b in zip(plain, other, strict=True))


def test_rows_of_padding_alone_are_read() -> None:
    model = sharp(SPECS[0], VOCABULARY)
    nothing = torch.zeros(2, 3, dtype=torch.int64)
    hidden = model(nothing, nothing, nothing - 1)
    assert hidden.shape == (2, 3, 24)
    hidden.sum().backward()
    assert all(p.grad is None or not p.grad.any() for p in model.parameters())


# ---- Who computes


def test_the_kernels_compute_where_they_were_chosen_and_nowhere_else(monkeypatch: pytest.MonkeyPatch) -> None:
    model, text = sharp(SPECS[0], VOCABULARY), shared_text([(4, [3])])
    rows, layers = packed(1, 9, 20), []

    def refuse(*_: Any) -> Tensor:
        raise AssertionError("the kernels were asked")

    monkeypatch.setattr(decoder_module, "native_hidden_states", refuse)
    with pytest.raises(AssertionError, match="kernels were asked"):
        model.forward_packed(text)
    with pytest.raises(AssertionError, match="kernels were asked"):
        of_rows(rows)(model)
    assert in_double(model).forward_packed(text).dtype == of_rows(rows)(in_double(model)).dtype == torch.float64
    by_torch = Decoder(SPECS[0], VOCABULARY, backend="torch")
    with torch.autocast("cpu", torch.bfloat16):
        assert by_torch.forward_packed(text).isfinite().all()
    monkeypatch.setattr(library.Kernels, "multiplies_bf16", False)
    assert model(rows.tokens_RT, rows.positions_RT, rows.document_RT, "bf16").isfinite().all()
    assert model.forward_packed(text, "bf16").isfinite().all()

    def attend(layer: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        layers.append(layer)
        return q

    model.forward_torch(rows.tokens_RT, rows.positions_RT, attend)
    assert layers == [0, 1], "keys and values are torch's to hand out"


def test_a_copy_has_the_same_backend() -> None:
    for backend in ("torch", "native"):
        assert copy.deepcopy(Decoder(SPECS[0], VOCABULARY, backend=backend)).backend == backend


def test_decoders_that_the_kernels_cannot_compute_are_refused() -> None:
    model, text = sharp(SPECS[0], VOCABULARY), shared_text([(4, [3])])
    with torch.autocast("cpu", torch.bfloat16), pytest.raises(ValueError, match=r"float32 .* must be torch"):
        model.forward_packed(text)
    for elsewhere in (copy.deepcopy(model).to("meta"), copy.deepcopy(model).bfloat16()):
        with pytest.raises(ValueError, match=r"float32 .* must be torch"):
            elsewhere.forward_packed(text)


@pytest.mark.gpu
def test_a_decoder_on_a_gpu_goes_to_torch() -> None:
    model = sharp(SPECS[0], VOCABULARY)
    text = shared_text([(4, [3])])
    there = PackedTokens(text.token_N.cuda(), text.position_N.cuda(), text.segments_S4.cuda())
    on_gpu = Decoder(SPECS[0], VOCABULARY, device="cuda")
    assert on_gpu.backend == "torch"
    on_gpu.load_state_dict(model.state_dict())
    torch.testing.assert_close(on_gpu.forward_packed(there).cpu(), model.forward_packed(text), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("what", ["token_N", "position_N"])
@pytest.mark.parametrize("number", [-1, 300])
def test_a_text_that_is_not_the_models_is_refused(what: str, number: int) -> None:
    """Kernels would read and write where nothing of ours stands."""
    text = shared_text([(4, [3])])
    getattr(text, what)[2] = number
    with pytest.raises(IndexError, match=f"{what[:-2]} outside 0 ..."):
        sharp(SPECS[0], VOCABULARY).forward_packed(text)


# ---- Autograd


def test_a_second_derivative_is_refused() -> None:
    model = sharp(SPECS[0], VOCABULARY)
    hidden = model.forward_packed(shared_text([(4, [3])]))
    weights = [model.norm.weight, model.embedding.weight]
    # The sum's own derivative must depend on the weights, or there would be nothing to refuse.
    first = torch.autograd.grad(hidden.square().sum(), weights, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        first[0].sum().backward()


def test_going_back_twice_is_refused_unless_the_graph_is_kept() -> None:
    model = sharp(SPECS[0], VOCABULARY)
    hidden = model.forward_packed(LONG)
    hidden.sum().backward(retain_graph=True)
    once = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    model.zero_grad()
    hidden.sum().backward()
    again = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
    assert again.keys() == once.keys()
    assert all(torch.equal(again[name], gradient) for name, gradient in once.items())
    with pytest.raises(RuntimeError, match="second time"):
        hidden.sum().backward()


@pytest.mark.parametrize("name", ["embedding.weight", "norm.weight", "blocks.1.qkv.bias", "blocks.0.down.weight"])
def test_weights_that_changed_since_are_refused(name: str) -> None:
    model = sharp(SPECS[0], VOCABULARY)
    hidden = model.forward_packed(shared_text([(4, [3])]))
    with torch.no_grad():
        model.get_parameter(name).mul_(1.01)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        hidden.sum().backward()


def test_gradients_add_up_and_frozen_weights_get_none() -> None:
    model, text = sharp(SPECS[0], VOCABULARY), shared_text([(4, [3])])
    _, once = learned(model, lambda m: m.forward_packed(text))
    frozen = model.get_parameter("blocks.0.qkv.weight").requires_grad_(False)
    _, twice = learned(model, lambda m: m.forward_packed(text) + m.forward_packed(text))
    assert frozen.grad is None
    assert once.keys() - twice.keys() == {"blocks.0.qkv.weight"}
    for name, gradient in twice.items():
        torch.testing.assert_close(gradient, 2 * once[name])
    with torch.no_grad():
        assert not model.forward_packed(text).requires_grad


def test_two_threads_at_once_give_the_bits_of_one_after_the_other() -> None:
    model = sharp(SPECS[2], VOCABULARY)
    work = [shared_text([(90 + i, [40, 70, i])], seed=i) for i in range(1, 9)]

    def read(text: PackedTokens) -> list[Tensor]:
        hidden = model.forward_packed(text)
        weights = [weight for name, weight in model.named_parameters()]
        return [hidden.detach(), *torch.autograd.grad(hidden.square().sum(), weights)]

    alone = [read(text) for text in work]
    with ThreadPoolExecutor(2) as pool:
        beside = list(pool.map(read, work * 2))
    for one, other in zip(alone * 2, beside, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))
