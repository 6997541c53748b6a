"""Decoding in torch: a step can be recorded and replayed, in either precision, and changes no completion."""

from __future__ import annotations

import copy
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest
import torch

from edgewise.core.errors import InputError
from edgewise.model import fixed_order, normal_numbers
from edgewise.sampling import decode_torch as torch_loop
from edgewise.sampling.completions import PromptRequest, SampledTokens
from edgewise.sampling.cuda_graph import DecodeSchedule, decode_schedule
from edgewise.sampling.decode_torch import DecodeBatch, decode_torch
from edgewise.sampling.params import SamplingParams
from edgewise.sampling.random_numbers import normal, row_keys, uniform
from tests.model.decoders import alone
from tests.sampling.batches import END, KEYS, NAMES, PROMPTS, SAMPLES, model
from tests.sampling.tape import Tape, owned, taped

ALL_PARAMS = [
    SamplingParams(max_new_tokens=60),
    SamplingParams(temperature=2.0, top_p=0.7, max_new_tokens=40),
    SamplingParams(temperature=0, max_new_tokens=40),
    SamplingParams(max_new_tokens=60, precision="bf16"),
]
LIMITS = [60, 40, 7, 33, 2, 60, 40, 1, 59]


def drawn(
    name: str, params: SamplingParams, noise: float = 0.0, chosen: slice = slice(None), samples: int = SAMPLES
) -> SampledTokens:
    requests = [
        PromptRequest(*request)
        for request in zip(PROMPTS, KEYS, np.minimum(LIMITS, params.max_new_tokens).tolist(), strict=True)
    ]
    return decode_torch(model(name), END, requests, SAMPLES, params, model_logp=True, logit_noise=noise)


def bits(part: SampledTokens) -> list[bytes]:
    assert part.model_logp_PGT is not None
    return [array.tobytes() for array in (part.tokens_PGT, part.logp_PGT, part.model_logp_PGT)]


# ---- What a recording needs


@pytest.mark.parametrize(
    ("name", "params", "noise"),
    [
        (NAMES[0], ALL_PARAMS[0], 0.5),
        (NAMES[1], ALL_PARAMS[1], 0.0),
        (NAMES[2], ALL_PARAMS[2], 0.0),
        (NAMES[1], ALL_PARAMS[3], 0.0),
    ],
    ids=str,
)
def test_replayed_steps_draw_the_same_bits(
    name: str, params: SamplingParams, noise: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing on the host depends on the position or on what was drawn, and no step asks a tensor for its content."""
    # On a GPU, which the tape stands for, all is torch's.
    monkeypatch.setattr(fixed_order, "served_by_kernels", lambda *_, **__: False)
    monkeypatch.setattr(normal_numbers, "square_root", torch.sqrt)
    called = drawn(name, params, noise)
    plays: list[Tape] = []
    schedule = decode_schedule(torch.device("cpu"))._replace(
        check_every=8, compact_below=0.5, record=taped(plays.append)
    )
    monkeypatch.setattr(torch_loop, "decode_schedule", lambda device: schedule)
    assert bits(drawn(name, params, noise)) == bits(called)
    assert len(plays) >= 20


def test_a_recorded_step_touches_only_memory_that_the_batch_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    """At every replay: what was dropped, moved or grown in between would be freed memory to a graph."""
    groups: list[Any] = []
    seen: list[Tape] = []

    class Watched(DecodeBatch):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args)
            groups.append(self)

    def watch(tape: Tape) -> None:
        assert tape.outside() <= owned(groups[-1])
        seen.append(tape)

    schedule = decode_schedule(torch.device("cpu"))._replace(check_every=4, compact_below=0.5, record=taped(watch))
    monkeypatch.setattr(torch_loop, "decode_schedule", lambda device: schedule)
    monkeypatch.setattr(torch_loop, "DecodeBatch", Watched)
    for params in (ALL_PARAMS[0], ALL_PARAMS[3]):
        drawn(NAMES[0], params)
    assert len({id(tape) for tape in seen}) > 2, "each chunk is recorded anew"


@pytest.mark.parametrize("params", [params for params in ALL_PARAMS if params.precision == "fp32"], ids=str)
def test_a_step_runs_on_tensors_without_content_and_none_of_its_own_stays_on_the_host(
    params: SamplingParams, monkeypatch: pytest.MonkeyPatch
) -> None:
    # There is no autocast for the device without content, and here nothing is cast.
    monkeypatch.setattr(torch, "autocast", lambda *args, **kwargs: nullcontext())
    bare = copy.deepcopy(model(NAMES[0])).to("meta")
    requests = [PromptRequest(prompt, key, params.max_new_tokens) for prompt, key in zip(PROMPTS, KEYS, strict=True)]
    with torch.no_grad():
        group = DecodeBatch(bare, END, requests, SAMPLES, params, True, 0.5)
        group._sample(bare.logits(group.last_hidden_P1.expand(-1, SAMPLES, -1)))
        group.cache.grow(32)
        group._step()
    cache = group.cache
    held = [v for v in (*vars(group).values(), *vars(cache).values()) if isinstance(v, torch.Tensor)]
    assert len(held) > 10
    assert all(tensor.is_meta for tensor in [*held, *cache.suffix_k, *cache.suffix_v, *cache.prefix_k, *cache.prefix_v])


@pytest.mark.parametrize("forbidden", ["item", "nonzero", "mask"])
def test_the_stand_in_refuses_what_a_graph_cannot_hold(forbidden: str) -> None:
    x = torch.ones(3)
    request: dict[str, Callable[[], object]] = {
        "item": lambda: x.sum().item(),
        "nonzero": x.nonzero,
        "mask": lambda: x[x > 0],
    }
    with pytest.raises(AssertionError, match=r"content|contains"), Tape():
        request[forbidden]()


def test_a_position_on_the_device_gives_the_random_numbers_of_the_same_position_on_the_host() -> None:
    rows = row_keys(KEYS, 3, torch.device("cpu"))
    for position in (0, 1, 7, 10**6):
        there = torch.tensor([position])
        assert torch.equal(uniform(rows, position), uniform(rows, there))
        assert torch.equal(normal(rows, position, 5), normal(rows, there, 5))


@pytest.mark.parametrize(("chunk", "check_every"), [(1, 1), (7, 8), (128, 8)])
def test_the_schedule_does_not_change_what_is_drawn(
    chunk: int, check_every: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Up to rounding: the widths of the cache differ."""
    called = drawn(NAMES[1], ALL_PARAMS[0])
    monkeypatch.setattr(torch_loop, "decode_schedule", lambda device: DecodeSchedule(chunk, check_every, 0.5, None))
    other = drawn(NAMES[1], ALL_PARAMS[0])
    assert (other.tokens_PGT == called.tokens_PGT).all()
    np.testing.assert_allclose(other.logp_PGT, called.logp_PGT, atol=1e-5)


# ---- bfloat16


def test_weights_cast_once_draw_the_bits_of_weights_cast_at_every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """So the layers compute what they compute in training, under autocast."""
    name = NAMES[1]
    once = drawn(name, ALL_PARAMS[3])
    assert bits(once) != bits(drawn(name, ALL_PARAMS[0]))
    monkeypatch.setattr(torch_loop, "_in_bf16", lambda model: model)
    assert bits(drawn(name, ALL_PARAMS[3])) == bits(once)


@pytest.mark.parametrize("name", NAMES)
def test_log_probabilities_in_bf16_are_nearer_to_a_full_pass_in_bf16_than_to_one_in_fp32(name: str) -> None:
    part = drawn(name, ALL_PARAMS[3])
    assert part.model_logp_PGT is not None
    # The full passes are torch's too.
    by_torch = copy.deepcopy(model(name))
    by_torch.backend = "torch"
    distance = {}
    for low in (True, False):
        differences = []
        for p, prompt in enumerate(PROMPTS):
            ids = [token for token in part.tokens_PGT[p, 0].tolist() if token >= 0]
            logits = alone(by_torch, [*prompt, *ids], "bf16" if low else "fp32")[len(prompt) - 1 : -1]
            direct = torch.log_softmax(logits, -1).gather(1, torch.tensor(ids).unsqueeze(1)).squeeze(1)
            differences.append(part.model_logp_PGT[p, 0, : len(ids)] - direct.numpy())
        distance[low] = float(np.abs(np.concatenate(differences)).mean())
    assert distance[True] < distance[False] < 0.02


def test_bf16_keeps_keys_and_values_in_bf16_and_leaves_the_model_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    name = NAMES[0]
    before = copy.deepcopy(model(name).state_dict())
    kept: list[torch.dtype] = []

    class Watched(DecodeBatch):
        def run(self) -> SampledTokens:
            drawn = super().run()
            caches = (self.cache.prefix_k, self.cache.prefix_v, self.cache.suffix_k, self.cache.suffix_v)
            kept.extend(tensor.dtype for some in caches for tensor in some)
            return drawn

    monkeypatch.setattr(torch_loop, "DecodeBatch", Watched)
    part = drawn(name, ALL_PARAMS[3])
    assert len(kept) == 4 * model(name).spec.layers and set(kept) == {torch.bfloat16}
    assert part.logp_PGT.dtype == np.float32
    for key, value in model(name).state_dict().items():
        assert torch.equal(value, before[key]) and value.dtype == before[key].dtype


def test_a_precision_that_is_none_is_refused() -> None:
    with pytest.raises(InputError, match="precision"):
        SamplingParams.parse({"precision": "fp8"})


# ---- On a GPU


@pytest.mark.gpu
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("noise", [0.0, 0.5])
@pytest.mark.parametrize("params", ALL_PARAMS, ids=str)
def test_a_graph_draws_what_calls_draw(
    name: str, params: SamplingParams, noise: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_gpu = copy.deepcopy(model(name)).cuda()
    requests = [PromptRequest(prompt, key, params.max_new_tokens) for prompt, key in zip(PROMPTS, KEYS, strict=True)]
    graph = decode_torch(on_gpu, END, requests, SAMPLES, params, model_logp=True, logit_noise=noise)
    schedule = decode_schedule(torch.device("cuda"))._replace(record=None)
    monkeypatch.setattr(torch_loop, "decode_schedule", lambda device: schedule)
    called = decode_torch(on_gpu, END, requests, SAMPLES, params, model_logp=True, logit_noise=noise)
    assert (graph.tokens_PGT == called.tokens_PGT).all()
    np.testing.assert_allclose(graph.logp_PGT, called.logp_PGT, atol=1e-6)


@pytest.mark.gpu
@pytest.mark.parametrize("name", NAMES)
def test_a_gpu_takes_the_likeliest_tokens_that_a_cpu_takes(name: str) -> None:
    params = ALL_PARAMS[2]
    requests = [PromptRequest(prompt, key, params.max_new_tokens) for prompt, key in zip(PROMPTS, KEYS, strict=True)]
    on_gpu = decode_torch(copy.deepcopy(model(name)).cuda(), END, requests, SAMPLES, params)
    assert (on_gpu.tokens_PGT == decode_torch(model(name), END, requests, SAMPLES, params).tokens_PGT).all()


@pytest.mark.gpu
def test_nothing_in_a_step_waits_for_the_device(monkeypatch: pytest.MonkeyPatch) -> None:
    class Strict(DecodeBatch):
        def _step(self) -> None:
            torch.cuda.set_sync_debug_mode("error")
            try:
                super()._step()
            finally:
                torch.cuda.set_sync_debug_mode("default")

    schedule = decode_schedule(torch.device("cuda"))._replace(record=None)
    monkeypatch.setattr(torch_loop, "decode_schedule", lambda device: schedule)
    monkeypatch.setattr(torch_loop, "DecodeBatch", Strict)
    on_gpu = copy.deepcopy(model(NAMES[0])).cuda()
    for params in ALL_PARAMS:
        decode_torch(
            on_gpu, END, [PromptRequest(PROMPTS[0], KEYS[0], params.max_new_tokens)], SAMPLES, params, True, 0.5
        )
