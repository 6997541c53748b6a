"""Decoding by the kernels: what torch draws, the same bits in any layout, and the exact distribution."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewise.core.errors import InputError
from edgewise.core.keyed import key
from edgewise.model.decoder import Decoder, DecoderSpec
from edgewise.model.native import library
from edgewise.sampling import decode_native as native_loop
from edgewise.sampling import engine as engine_module
from edgewise.sampling.completions import PromptRequest, SampledTokens
from edgewise.sampling.decode_native import decode_native
from edgewise.sampling.decode_torch import decode_torch
from edgewise.sampling.engine import Engine
from edgewise.sampling.params import SamplingParams
from tests.model.decoders import SHAPES, alone, sharp, texts
from tests.model.flat import VOCABULARY, in_double, specs
from tests.model.native.present import needs_kernels
from tests.sampling.params import fits, probabilities

pytestmark = needs_kernels

END = 7
# One token, one block of the prompt's rows and more than one, and both sides of a vector.
LENGTHS = (1, 15, 33, 64, 65, 100, 16, 17)
LIMITS = (28, 1, 28, 7, 2, 20, 28, 15)
REQUESTS = [
    PromptRequest([(7 * i + length * j) % VOCABULARY for j in range(length)], key("compiled", i), limit)
    for i, (length, limit) in enumerate(zip(LENGTHS, LIMITS, strict=True))
]
PARAMS = SamplingParams(max_new_tokens=28)
NAMES = ["tied, grouped", "untied, grouped"]


def decoder(name: str) -> Decoder:
    return sharp(SHAPES[name], VOCABULARY, scale=1.2)


def bits(drawn: SampledTokens) -> list[bytes]:
    return [array.tobytes() for array in drawn if array is not None]


def alike(ours: SampledTokens, theirs: SampledTokens) -> None:
    """Equal tokens and log-probabilities to 1e-5; one completion, or one of a hundred, may take another way.

    A number may fall between two tokens where rounding has its say, and two tokens may be equally
    likely. Up to there completions are held to each other, and beyond there is nothing to compare.
    """
    apart_PGT = np.logical_or.accumulate(ours.tokens_PGT != theirs.tokens_PGT, axis=-1)
    assert apart_PGT.any(-1).sum() <= max(1, apart_PGT[..., 0].size // 100)
    assert (ours.model_logp_PGT is None) == (theirs.model_logp_PGT is None)
    for one, other in ((ours.logp_PGT, theirs.logp_PGT), (ours.model_logp_PGT, theirs.model_logp_PGT)):
        if one is not None and other is not None:
            np.testing.assert_allclose(one[~apart_PGT], other[~apart_PGT], atol=1e-5, rtol=1e-5)


# ---- What torch draws


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("temperature", [1.0, 0.7, 0.0])
@pytest.mark.parametrize("samples", [1, 40])
def test_torch_draws_the_same(name: str, temperature: float, samples: int) -> None:
    """With limits that differ, and ends on the way."""
    params = PARAMS.model_copy(update={"temperature": temperature})
    model = decoder(name)
    ours, theirs = (each(model, END, REQUESTS, samples, params, True) for each in (decode_native, decode_torch))
    assert ours.tokens_PGT.dtype == np.int32
    assert ours.tokens_PGT.shape == ours.logp_PGT.shape == (len(REQUESTS), samples, 28)
    alike(ours, theirs)
    length_PG = (ours.tokens_PGT >= 0).sum(-1)
    assert (length_PG.max(1) <= LIMITS).all()
    if temperature and samples == 40:
        assert (length_PG.max(1) == LIMITS).all()
        assert 0.05 < (ours.tokens_PGT == END).any(-1).mean() < 0.95
    assert (ours.logp_PGT[ours.tokens_PGT < 0] == 0).all()


@given(
    specs(),
    st.integers(0, 10**6),
    st.integers(1, 12),
    st.integers(1, 20),
    st.sampled_from((0.0, 0.7, 1.0, 2.0)),
    st.booleans(),
)
@settings(deadline=None, max_examples=40)
def test_torch_draws_the_same_from_any_shape(
    spec: DecoderSpec, seed: int, samples: int, most: int, temperature: float, model_logp: bool
) -> None:
    model = sharp(spec, VOCABULARY, seed % 7, scale=1.0)
    params = SamplingParams(temperature=temperature, max_new_tokens=most)
    prompts = texts(3, 80, seed, VOCABULARY)
    requests = [PromptRequest(prompt, seed + i, max(1, most - i)) for i, prompt in enumerate(prompts)]
    samples = samples if temperature else 1
    ours, theirs = (each(model, END, requests, samples, params, model_logp) for each in (decode_native, decode_torch))
    alike(ours, theirs)


def test_log_probabilities_of_the_distribution_and_of_the_model() -> None:
    """The former at its temperature, the latter at 1: equal at temperature 1; greedy sampling is certain."""
    model = decoder(NAMES[0])
    one = decode_native(model, END, REQUESTS, 4, PARAMS, True)
    assert one.model_logp_PGT is not None
    np.testing.assert_allclose(one.logp_PGT, one.model_logp_PGT, atol=2e-6)
    greedy = decode_native(model, END, REQUESTS, 4, PARAMS.model_copy(update={"temperature": 0}), True)
    assert greedy.model_logp_PGT is not None
    assert not greedy.logp_PGT.any()
    assert (greedy.model_logp_PGT[greedy.tokens_PGT >= 0] < 0).all()
    assert decode_native(model, END, REQUESTS, 4, PARAMS).model_logp_PGT is None


def test_no_completion_exceeds_the_limit_of_the_params() -> None:
    """A prompt's own limit above it would be written into the next completion."""
    model = decoder(NAMES[0])
    params = SamplingParams(max_new_tokens=5)
    beyond = [request._replace(max_new_tokens=9) for request in REQUESTS]
    within = [request._replace(max_new_tokens=5) for request in REQUESTS]
    assert bits(decode_native(model, END, beyond, 6, params)) == bits(decode_native(model, END, within, 6, params))


# ---- The same bits in any layout


@pytest.mark.parametrize("name", NAMES)
def test_threads_and_slots_do_not_matter(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model = decoder(name)
    expected = bits(decode_native(model, END, REQUESTS, 40, PARAMS, True))
    for threads, slots in ((1, 1), (1, 7), (1, 1000), (2, 48), (3, 5), (8, 2)):
        monkeypatch.setenv("OMP_NUM_THREADS", str(threads))
        monkeypatch.setattr(native_loop, "_SLOTS", slots)
        assert bits(decode_native(model, END, REQUESTS, 40, PARAMS, True)) == expected, (threads, slots)


@pytest.mark.parametrize("name", NAMES)
def test_companions_do_not_matter(name: str) -> None:
    model = decoder(name)
    whole = decode_native(model, END, REQUESTS, 40, PARAMS, True)
    for chosen in ([0], [4], [5, 2], [7, 6, 5, 4, 3, 2, 1, 0], [3, 3, 0]):
        for samples in (1, 2, 33, 40):
            part = decode_native(model, END, [REQUESTS[p] for p in chosen], samples, PARAMS, True)
            for ours, all_of_them in zip(part, whole, strict=True):
                assert ours is not None
                assert all_of_them is not None
                assert ours.tobytes() == all_of_them[chosen, :samples].tobytes()


# ---- The distribution


@pytest.mark.parametrize("temperature", [1.0, 0.7])
def test_the_first_two_tokens_are_of_the_exact_distribution(temperature: float) -> None:
    """Counts against the softmax of full passes in FP64, over the first token and over both."""
    model = in_double(decoder(NAMES[0]))
    params = SamplingParams(temperature=temperature, max_new_tokens=2)
    prompt = REQUESTS[2].prompt
    drawn = decode_native(decoder(NAMES[0]), END, [PromptRequest(prompt, key("law"), 2)], 20_000, params).tokens_PGT[0]
    first_V = probabilities(alone(model, prompt)[-1], params)
    fits(np.bincount(drawn[:, 0], minlength=VOCABULARY), first_V)
    # After the end there is no second token.
    after_VV = np.stack([probabilities(alone(model, [*prompt, v])[-1], params) for v in range(VOCABULARY)])
    after_VV[END] = np.eye(VOCABULARY)[0]
    both = drawn[:, 0] * VOCABULARY + np.maximum(drawn[:, 1], 0)
    fits(np.bincount(both, minlength=VOCABULARY**2), first_V[:, None] * after_VV)
    second_V = np.delete(first_V, END) @ np.delete(after_VV, END, axis=0)
    seconds = drawn[drawn[:, 1] >= 0, 1]
    fits(np.bincount(seconds, minlength=VOCABULARY), second_V / second_V.sum())


# ---- Who decodes, and what is refused


@pytest.mark.parametrize(
    ("params", "noise"),
    [
        (PARAMS.model_copy(update={"top_p": 0.9}), 0.0),
        (PARAMS.model_copy(update={"precision": "bf16"}), 0.0),
        (PARAMS, 0.5),
    ],
    ids=["top_p", "bf16", "logit noise"],
)
def test_what_the_kernels_do_not_know_goes_to_torch(
    params: SamplingParams, noise: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> SampledTokens:
        raise AssertionError("the kernels were asked")

    monkeypatch.setattr(engine_module, "decode_native", refuse)
    monkeypatch.setattr(library.Kernels, "multiplies_bf16", False)
    model = decoder(NAMES[0])
    prompts, keys = [REQUESTS[0].prompt], [REQUESTS[0].key]
    assert Engine(model, END, logit_noise=noise).sample(prompts, keys, 2, params).length_PG.min() >= 1
    assert Engine(in_double(model), END).sample(prompts, keys, 2, PARAMS).length_PG.min() >= 1
    with pytest.raises(AssertionError, match="kernels were asked"):
        Engine(model, END).sample(prompts, keys, 2, PARAMS)


@pytest.mark.parametrize("token", [-1, VOCABULARY, 10**6])
def test_a_token_outside_the_vocabulary_is_refused(token: int) -> None:
    with pytest.raises(IndexError, match=f"vocabulary of {VOCABULARY}"):
        Engine(decoder(NAMES[0]), END).sample([[1, 2], [3, token, 4]], [1, 2], 2, PARAMS)


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
@pytest.mark.parametrize("temperature", [1.0, 0.0])
@pytest.mark.parametrize("where", ["blocks.0.qkv.weight", "head.weight"])
@pytest.mark.parametrize("top_p", [1.0, 0.9], ids=["kernels", "torch"])
def test_a_model_that_is_not_of_numbers_is_refused(number: float, temperature: float, where: str, top_p: float) -> None:
    """Also where the logit of a single token is none, which is not the first."""
    model = decoder(NAMES[1])
    with torch.no_grad():
        model.get_parameter(where)[5, 2] = number
    params = SamplingParams(temperature=temperature, top_p=top_p, max_new_tokens=3)
    with pytest.raises(InputError, match=r"^model: its logits are not numbers \(NaN\); lower the learning rate"):
        Engine(model, END).sample([[1, 2], [3]], [1, 2], 2, params)
