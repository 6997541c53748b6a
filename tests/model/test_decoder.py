"""The decoder by itself: packed rows, causality, initialisation, and what it costs."""

from __future__ import annotations

import random
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode

from edgewise.core.errors import InputError
from edgewise.model.decoder import Decoder, DecoderSpec
from edgewise.model.flops import forward_flops
from edgewise.training.documents import Document
from edgewise.training.packing import pack
from tests.model.decoders import SHAPES, TOKENIZER, alone, sharp, texts
from tests.model.native.present import each_backend

VOCABULARY = len(TOKENIZER)


@each_backend
@pytest.mark.parametrize("name", SHAPES)
def test_a_document_is_read_alike_alone_and_packed(name: str, backend: str) -> None:
    """Whatever stands beside it, before it, or as padding: no attention crosses, positions start at 0."""
    model = sharp(SHAPES[name], backend=backend)
    documents = texts(7, 20)
    apart = [alone(model, tokens) for tokens in documents]
    for row_length in (20, 37, 64):
        for pad in (TOKENIZER.pad, TOKENIZER.eos):
            order = random.Random(row_length).sample(range(len(documents)), len(documents))
            rows = pack([Document(documents[i], [1.0] * len(documents[i])) for i in order], row_length, pad)
            with torch.no_grad():
                logits = model.logits(model(rows.tokens_RT, rows.positions_RT, rows.document_RT))
            assert logits.isfinite().all()
            for place, i in enumerate(order):
                torch.testing.assert_close(logits[rows.document_RT == place], apart[i], atol=1e-5, rtol=1e-5)


@each_backend
@given(seed=st.integers(0, 10**6), cut=st.integers(1, 30))
@settings(deadline=None, max_examples=15)
def test_a_token_sees_what_is_before_it_and_nothing_after(backend: str, seed: int, cut: int) -> None:
    model = sharp(SHAPES["tied, grouped"], backend=backend)
    (tokens,) = texts(1, 1, seed)
    tokens = tokens + [(seed + 7 * i) % VOCABULARY for i in range(39)]
    changed = [*tokens[:cut], (tokens[cut] + 1) % VOCABULARY, *tokens[cut + 1 :]]
    before, after = alone(model, tokens), alone(model, changed)
    torch.testing.assert_close(before[:cut], after[:cut], atol=1e-6, rtol=1e-6)
    assert (before[cut:] - after[cut:]).abs().max(-1).values.min() > 1e-4, "every later token sees the change"


def test_order_matters_to_the_model() -> None:
    """With rotations left out a decoder of one layer would see a bag of words."""
    model = sharp(SHAPES["one head"])
    one, other = alone(model, [5, 6, 7, 8]), alone(model, [6, 5, 7, 8])
    assert (one[-1] - other[-1]).abs().max() > 1e-3


def test_logits_are_far_from_uniform() -> None:
    """The other tests of this folder are worth little where every token is equally likely."""
    for spec in SHAPES.values():
        probability = alone(sharp(spec), texts(1, 30, 3)[0] + [4] * 10).softmax(-1)
        assert probability.max(-1).values.mean() > 5 / VOCABULARY


@pytest.mark.parametrize("name", SHAPES)
def test_parameters_are_counted(name: str) -> None:
    spec = SHAPES[name]
    model = Decoder(spec, VOCABULARY)
    multiplied = sum(m.weight.numel() for m in model.modules() if isinstance(m, torch.nn.Linear))
    assert spec.matmul_parameters(VOCABULARY) == multiplied
    every = sum(p.numel() for p in model.parameters())
    assert every == multiplied + (0 if spec.tied else VOCABULARY * spec.width) + sum(
        p.numel() for n, p in model.named_parameters() if "norm" in n or n.endswith("bias")
    )


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("shape", [(1, 8), (3, 16), (2, 40)])
def test_flops_are_those_that_torch_counts(name: str, shape: tuple[int, int]) -> None:
    """On the CPU scores are worked out for every pair of a row, so that each token meets T keys."""
    spec = SHAPES[name]
    model = Decoder(spec, VOCABULARY, backend="torch")
    tokens = torch.zeros(shape, dtype=torch.int64)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model.logits(model(tokens, torch.arange(shape[1]).expand(shape), tokens))
    assert counter.get_total_flops() == forward_flops(spec, VOCABULARY, tokens.numel(), shape[1])


@pytest.mark.parametrize("name", SHAPES)
def test_kv_bytes_are_those_of_the_tensors_kept(name: str) -> None:
    spec = SHAPES[name]
    model = Decoder(spec, VOCABULARY)
    kept: list[tuple[int, torch.Tensor, torch.Tensor]] = []
    tokens = torch.zeros((1, 11), dtype=torch.int64)

    def attend(layer: int, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        kept.append((layer, k, v))
        return q

    with torch.no_grad():
        model.forward_torch(tokens, torch.arange(11).expand(1, 11), attend)
    assert [layer for layer, _, _ in kept] == list(range(spec.layers))
    assert all(k.shape == v.shape == (1, 11, spec.kv_heads, spec.head_depth) for _, k, v in kept)
    size = sum(t.numel() * t.element_size() for _, k, v in kept for t in (k, v))
    assert spec.kv_bytes_per_token() * 11 == size
    assert spec.kv_bytes_per_token(2) * 22 == size


def test_the_seed_decides_the_weights() -> None:
    spec = SHAPES["untied, grouped"]
    one, same, other = (Decoder(spec, VOCABULARY, seed=seed).state_dict() for seed in (5, 5, 6))
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not torch.equal(one["head.weight"], other["head.weight"])
    assert not torch.equal(one["embedding.weight"], one["head.weight"])


def test_tied_weights_are_one_parameter() -> None:
    tied, untied = (Decoder(SHAPES[name], VOCABULARY) for name in ("tied, grouped", "untied, grouped"))
    assert tied.head.weight is tied.embedding.weight
    assert untied.head.weight is not untied.embedding.weight


def test_logits_are_fp32_whatever_the_hidden_states_are() -> None:
    model = sharp(SHAPES["one head"])
    hidden = torch.randn(2, 3, 8)
    assert model.logits(hidden.bfloat16()).dtype == torch.float32
    exact = model.logits(hidden)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(model.logits(hidden), exact)


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ({"width": 96, "heads": 5}, ("width 96", "heads 5")),
        ({"width": 9, "heads": 3}, ("width 9", "heads 3", "even")),
        ({"heads": 3, "kv_heads": 2}, ("heads 3", "kv_heads 2")),
        ({"heads": 1, "kv_heads": 3, "width": 96}, ("heads 1", "kv_heads 3")),
        ({"layers": 0}, ("layers",)),
        ({"kv_heads": 0}, ("kv_heads",)),
        ({"width": 0}, ("width",)),
        ({"feed_forward": -1}, ("feed_forward",)),
        ({"max_positions": 0}, ("max_positions",)),
        ({"rope_theta": 0}, ("rope_theta",)),
        ({"norm_eps": 0}, ("norm_eps",)),
        ({"depth": 3}, ("depth",)),
    ],
    ids=str,
)
def test_a_bad_shape_is_one_line_that_names_the_field(shape: dict[str, Any], words: tuple[str, ...]) -> None:
    with pytest.raises(InputError) as error:
        DecoderSpec.parse(shape)
    assert "\n" not in str(error.value)
    for word in words:
        assert word in str(error.value)
