"""What vLLM is asked for, with a stand-in for its engine: one request a sample, seeds of their own, the whole law."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from edgewise.sampling.params import SamplingParams
from edgewise.sampling.vllm_sampler import VLLMSampler


class StandIn:
    """Writes as many tokens as its seed says, and the end where the limit leaves room."""

    def __init__(self) -> None:
        self.seeds: list[int] = []

    def generate(self, requests: list[dict[str, Any]], settings: list[Any], use_tqdm: bool) -> list[Any]:
        outputs = []
        for request, params in zip(requests, settings, strict=True):
            self.seeds.append(params.seed)
            count = params.seed % (2 * params.max_tokens)
            ids = [*request["prompt_token_ids"] * count, 99][: params.max_tokens]
            ids = [*ids[:count], 99][: params.max_tokens]
            finish = "stop" if ids[-1] in params.stop_token_ids else "length"
            logprobs = [{i: SimpleNamespace(logprob=-0.5 * i)} for i in ids]
            outputs.append(
                SimpleNamespace(outputs=[SimpleNamespace(token_ids=ids, logprobs=logprobs, finish_reason=finish)])
            )
        return outputs


@pytest.fixture(autouse=True)
def stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "vllm", SimpleNamespace(SamplingParams=SimpleNamespace))


def test_every_sample_is_a_request_with_its_own_seed() -> None:
    engine = StandIn()
    params = SamplingParams(temperature=0.7, top_p=0.9, max_new_tokens=6)
    sampled = VLLMSampler(engine, (99,), 64).sample([[1, 2], [3]], [5, 6], 8, params)
    assert len(set(engine.seeds)) == 16 and all(0 <= seed < 2**63 for seed in engine.seeds)
    assert sampled.tokens_PGT.shape == (2, 8, 6)
    for p in range(2):
        for g in range(8):
            ids = sampled.ids(p, g)
            assert set(ids) <= {1, 2, 3, 99} and len(ids) <= 6
            assert bool(sampled.finished_PG[p, g]) == (ids[-1] == 99)
            assert np.allclose(sampled.logp_PGT[p, g, : len(ids)], [-0.5 * i for i in ids])
    assert {bool(finished) for finished in sampled.finished_PG.ravel()} == {True, False}


def test_a_sample_depends_on_its_key_alone() -> None:
    params = SamplingParams(max_new_tokens=6)
    sampler = VLLMSampler(StandIn(), (99,), 64)
    whole = sampler.sample([[1, 2], [3]], [5, 6], 8, params)
    alone = sampler.sample([[3]], [6], 3, params)
    assert [alone.ids(0, g) for g in range(3)] == [whole.ids(1, g) for g in range(3)]
