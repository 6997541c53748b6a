"""How many samples are decoded at once: by the free memory of a GPU, fewer where it is not enough after all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import torch

from edgewise.model.decoder import Decoder, DecoderSpec
from edgewise.sampling import batch_rows, engine
from edgewise.sampling.batch_rows import ROWS_OF_A_CPU, bytes_per_row, rows_at_once
from edgewise.sampling.completions import PromptRequest, SampledTokens
from edgewise.sampling.decode_torch import DecodeBatch, decode_torch
from edgewise.sampling.engine import Engine
from edgewise.sampling.params import SamplingParams
from tests.sampling.batches import END, KEYS, NAMES, PARAMS, PROMPTS, SAMPLES, model, same

PAPER = DecoderSpec(width=768, layers=12, heads=12, kv_heads=2, feed_forward=3072, max_positions=2048)
GB = 10**9


@pytest.mark.parametrize(("precision", "gigabytes"), [("bf16", 40), ("fp32", 70)])
def test_the_study_s_1024_prompts_times_6_are_one_batch_where_they_fit(
    precision: str, gigabytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    params = SamplingParams(max_new_tokens=512, precision=precision)
    gpu = torch.device("cuda")
    for free, fits in ((gigabytes, True), (gigabytes // 2, False)):
        monkeypatch.setattr(batch_rows, "free_bytes", lambda _, free=free: free * GB)
        assert (rows_at_once(PAPER, 2200, 256, 6, params, gpu) >= 6144) is fits
    monkeypatch.setattr(batch_rows, "free_bytes", lambda _: 0)
    assert rows_at_once(PAPER, 2200, 256, 6, params, gpu) == 1
    assert rows_at_once(PAPER, 2200, 256, 6, params, torch.device("cpu")) == ROWS_OF_A_CPU


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_row_counts_all_that_a_batch_keeps(precision: str) -> None:
    """Keys, values and records of a whole batch, as they stand at its end, are less than what its rows were given."""
    kept: list[int] = []

    class Watched(DecodeBatch):
        def run(self) -> SampledTokens:
            drawn = super().run()
            cache = self.cache
            tensors = [*cache.prefix_k, *cache.prefix_v, *cache.suffix_k, *cache.suffix_v, self.tokens, self.logp]
            kept.append(sum(tensor.nbytes for tensor in tensors))
            return drawn

    decoder = Decoder(DecoderSpec(width=64, layers=4, heads=4, kv_heads=4, max_positions=512), 40, backend="torch")
    params = SamplingParams(max_new_tokens=200, precision=precision)
    requests = [PromptRequest([1] * 64, p, 200) for p in range(3)]
    with torch.no_grad():
        # No end is drawn, so that no row is dropped.
        Watched(decoder, -1, requests, 8, params, False, 0.0).run()
    allowed = 3 * 8 * bytes_per_row(decoder.spec, 40, 64, 8, params)
    assert 0.2 * allowed < kept[0] < allowed


def test_a_batch_that_exceeds_the_memory_is_cut_in_half(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []

    def within(decoder: Decoder, eos: int, requests: Sequence[PromptRequest], *rest: Any) -> SampledTokens:
        sizes.append(len(requests))
        if len(requests) > limit:
            raise torch.OutOfMemoryError("as a GPU says it")
        return decode_torch(decoder, eos, requests, *rest)

    monkeypatch.setattr(engine, "decode_torch", within)
    sampler = Engine(model(NAMES[1], "torch"), END)
    limit = 3
    found = sampler.sample(PROMPTS, KEYS, SAMPLES, PARAMS)
    assert len(PROMPTS) == 9 and sizes == [9, 5, 3, 3, 3]
    limit = 9
    same(NAMES[1], found, list(range(len(PROMPTS))), backend="torch")
    limit = 0
    with pytest.raises(torch.OutOfMemoryError, match="as a GPU says it"):
        sampler.sample(PROMPTS[:2], KEYS[:2], SAMPLES, PARAMS)


@pytest.mark.gpu
def test_what_is_free_is_enough_for_the_rows_that_are_drawn() -> None:
    """Whatever the GPU has: as many rows as are said to fit, at most those of the study, are drawn in one batch."""
    decoder = Decoder(PAPER, 2200, device="cuda")
    params = SamplingParams(max_new_tokens=512, precision="bf16")
    rows = min(6144, rows_at_once(PAPER, 2200, 256, 6, params, torch.device("cuda")))
    prompts = [[5] * 256 for _ in range(rows // 6)]
    torch.cuda.reset_peak_memory_stats()
    sampled = decode_torch(decoder, -1, [PromptRequest(prompt, p, 512) for p, prompt in enumerate(prompts)], 6, params)
    assert (sampled.tokens_PGT >= 0).all()
    used = torch.cuda.max_memory_allocated()
    assert used < rows * bytes_per_row(PAPER, 2200, 256, 6, params) + 2 * GB
