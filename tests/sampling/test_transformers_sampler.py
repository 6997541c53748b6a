"""Sampling with transformers: keyed numbers, log-probabilities of a plain forward pass, nothing of the batch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM

from edgewise.core.errors import InputError
from edgewise.model.hf import save_pretrained
from edgewise.sampling.engine import Engine
from edgewise.sampling.params import SamplingParams
from edgewise.sampling.random_numbers import key_from, row_keys
from edgewise.sampling.transformers_sampler import TransformersSampler
from tests.model.decoders import SHAPES, TOKENIZER, sharp
from tests.rollouts.of_models.folders import byte_tokenizer, language_model

PARAMS = SamplingParams(max_new_tokens=12)
TOKENS = byte_tokenizer()
END = TOKENS.eos_token_id
PROMPTS = [[3, 1, 4, 1, 5], [9, 2, 6], [5, 3, 5, 8, 9, 7, 9, 3]]
KEYS = [11, 2**63 + 5, 7]


@pytest.mark.parametrize("kind", ["llama", "qwen2", "gpt2"])
def test_log_probabilities_are_those_of_a_forward_pass_over_the_whole_text(kind: str) -> None:
    model = language_model(kind, len(TOKENS), END)
    sampled = TransformersSampler(model, (END,), len(TOKENS), 256).sample(PROMPTS, KEYS, 5, PARAMS)
    for p, prompt in enumerate(PROMPTS):
        for g in range(5):
            ids = sampled.ids(p, g)
            with torch.no_grad():
                logp = torch.log_softmax(model(torch.tensor([prompt + ids])).logits[0].float(), -1)
            expected = logp[len(prompt) - 1 : -1].gather(-1, torch.tensor(ids).unsqueeze(-1)).squeeze(-1)
            assert np.allclose(sampled.logp_PGT[p, g, : len(ids)], expected, atol=1e-4)
            assert END not in ids[:-1] and (ids[-1] == END) == bool(sampled.finished_PG[p, g])
            assert sampled.finished_PG[p, g] or len(ids) == PARAMS.max_new_tokens


def test_a_sample_depends_on_its_key_and_number_alone() -> None:
    sampler = TransformersSampler(language_model("llama", len(TOKENS), END), (END,), len(TOKENS), 256)
    whole = sampler.sample(PROMPTS, KEYS, 9, PARAMS)
    assert len({tuple(whole.ids(p, g)) for p in range(3) for g in range(9)}) == 27, "samples differ"
    alone = sampler.sample([PROMPTS[1]], [KEYS[1]], 2, PARAMS)
    later = sampler.sample([PROMPTS[1]], [key_from(KEYS[1], 6)], 3, PARAMS)
    assert [alone.ids(0, g) for g in range(2)] == [whole.ids(1, g) for g in range(2)]
    assert [later.ids(0, g) for g in range(3)] == [whole.ids(1, g) for g in range(6, 9)]


def test_keys_from_a_sample_on_continue_the_keys() -> None:
    for key in (0, 5, 2**64 - 1):
        keys = row_keys([key], 10, torch.device("cpu"))[0]
        assert torch.equal(row_keys([key_from(key, 4)], 6, torch.device("cpu"))[0], keys[4:])


@pytest.mark.parametrize(
    ("params", "others"),
    [(PARAMS, ()), (SamplingParams(max_new_tokens=9, temperature=0.7, top_p=0.8), ()), (PARAMS, (9, 14))],
)
def test_our_engine_writes_the_same_completions_of_the_same_folder(
    params: SamplingParams, others: tuple[int, ...], tmp_path: Path
) -> None:
    model = sharp(SHAPES["untied, grouped"])
    save_pretrained(model, TOKENIZER, tmp_path)
    theirs: Any = AutoModelForCausalLM.from_pretrained(tmp_path, dtype=torch.float32)
    prompts = [[1, 9, 10, 11], [1, 20]]
    engine = Engine(model, TOKENIZER.eos, other_ends=frozenset(others))
    ours = engine.sample(prompts, KEYS[:2], 20, params)
    other = TransformersSampler(theirs, (TOKENIZER.eos, *others), len(TOKENIZER), 128).sample(
        prompts, KEYS[:2], 20, params
    )
    assert [ours.ids(p, g) for p in range(2) for g in range(20)] == [
        other.ids(p, g) for p in range(2) for g in range(20)
    ]
    assert np.allclose(ours.logp_PGT, other.logp_PGT[..., : ours.logp_PGT.shape[-1]], atol=1e-4)
    assert np.array_equal(ours.finished_PG, other.finished_PG)


def test_any_of_several_ends_ends_a_completion() -> None:
    model = language_model("llama", len(TOKENS), END)
    ends = tuple(range(0, 250, 2))
    sampled = TransformersSampler(model, ends, len(TOKENS), 256).sample(PROMPTS, KEYS, 8, PARAMS)
    for p in range(3):
        for g in range(8):
            *before, last = sampled.ids(p, g)
            assert not set(ends) & set(before) and (last in ends) == bool(sampled.finished_PG[p, g])


def test_what_cannot_be_sampled_is_refused() -> None:
    model: Any = language_model("llama", len(TOKENS), END)
    sampler = TransformersSampler(model, (END,), len(TOKENS), 256)
    with pytest.raises(InputError, match="prompt of 250 tokens and 12 new ones exceed the model's 256 positions"):
        sampler.sample([[1] * 250], [0], 1, PARAMS)
    model.lm_head.weight.data[0, 0] = float("nan")
    with pytest.raises(InputError, match="logits are not numbers"):
        sampler.sample(PROMPTS, KEYS, 1, PARAMS)
