"""Shapes of decoders and texts that hypothesis draws, and what a decoder makes of a text: hidden states, gradients."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence

import torch
from hypothesis import strategies as st
from torch import Tensor

from edgewise.model.decoder import Decoder, DecoderSpec
from edgewise.model.packed import PackedTokens

VOCABULARY = 29
# Both sides of the multiples that the kernels cut by, 16, 32 and 128, and what is no multiple of anything.
_LENGTHS = st.sampled_from((1, 2, 3, 7, 15, 16, 17, 31, 32, 33, 50, 64, 65)) | st.integers(1, 70)


@st.composite
def specs(draw: st.DrawFn) -> DecoderSpec:
    """Few or many heads of any even depth, some, one or all of them with keys of their own.

    Rows of eight numbers or more: in one of two there may be nearly nothing to divide by its norm, and
    then no FP32 is near.
    """
    depth = 2 * draw(st.integers(1, 24))
    heads = draw(st.integers(-(-8 // depth), max(-(-8 // depth), min(6, 100 // depth))))
    return DecoderSpec(
        width=heads * depth,
        layers=draw(st.integers(1, 2)),
        heads=heads,
        kv_heads=draw(st.sampled_from([n for n in range(1, heads + 1) if heads % n == 0])),
        feed_forward=draw(st.integers(1, 70)),
        max_positions=300,
        norm_eps=draw(st.sampled_from((1e-6, 1e-2))),
        tied=draw(st.booleans()),
    )


@st.composite
def shared_texts(draw: st.DrawFn) -> PackedTokens:
    """Prompts, each with none or some completions that continue it, in any order."""
    prompts = draw(st.lists(st.tuples(_LENGTHS, st.lists(_LENGTHS, max_size=3)), min_size=1, max_size=3))
    return shared_text(prompts, draw(st.integers(0, 10**6)), draw(st.booleans()))


def shared_text(prompts: Sequence[tuple[int, Sequence[int]]], seed: int = 0, mixed: bool = False) -> PackedTokens:
    """Random tokens: (length of a prompt, lengths of its completions); `mixed` puts completions before prompts."""
    segments: list[list[int]] = []
    positions: list[Tensor] = []
    start = 0
    for length, completions in prompts:
        prompt = start
        segments.append([prompt, length, 0, 0])
        positions.append(torch.arange(length))
        start += length
        for own in completions:
            segments.append([start, own, prompt, length])
            positions.append(torch.arange(length, length + own))
            start += own
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(segments), generator=generator) if mixed else torch.arange(len(segments))
    token_N = torch.randint(VOCABULARY, (start,), generator=generator)
    return PackedTokens(token_N, torch.cat(positions), torch.tensor(segments)[order])


def learned(model: Decoder, hidden: Callable[[Decoder], Tensor], seed: int = 0) -> tuple[Tensor, dict[str, Tensor]]:
    """Hidden states [..., width], and each weight's gradient of a random sum of them."""
    model.zero_grad()
    states = hidden(model)
    direction = torch.randn(states.shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    (states * direction.to(states.dtype)).sum().backward()
    found = {name: weight.grad.clone() for name, weight in model.named_parameters() if weight.grad is not None}
    return states.detach(), found


def in_double(model: Decoder) -> Decoder:
    """The same weights in FP64, by torch, because the kernels do not know that."""
    exact = copy.deepcopy(model).double()
    exact.backend = "torch"
    return exact


def agree(ours: tuple[Tensor, dict[str, Tensor]], theirs: tuple[Tensor, dict[str, Tensor]]) -> None:
    """Hidden states, and each weight's gradient, to 2e-4 of the largest number in them.

    Most are twenty times closer; where a row is nearly zero its norm may enlarge what rounding left.
    """
    assert ours[1].keys() == theirs[1].keys()
    for name, one, other in [("hidden", ours[0], theirs[0]), *((n, g, theirs[1][n]) for n, g in ours[1].items())]:
        error, size = float((one - other).abs().max()), float(other.abs().max())
        assert error <= 2e-4 * size + 1e-6, f"{name}: {error} of {size}"
