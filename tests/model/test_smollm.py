"""A real language model of Llama's shape: greedy texts and log-probs are those of transformers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from edgewise.model.hf import load_decoder
from edgewise.sampling.engine import Engine
from edgewise.sampling.params import SamplingParams
from tests.model.native.present import each_backend
from tests.model.smollm import smollm_folder

pytestmark = pytest.mark.slow

QUESTIONS = ("What is 12 + 30?", "Name a colour.", "Write one sentence about rain.")
NEW = 24


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return smollm_folder(tmp_path_factory.mktemp("smollm"))


@each_backend
def test_a_real_model_writes_what_it_writes_in_transformers(folder: Path, backend: str) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer: Any = AutoTokenizer.from_pretrained(folder)
    theirs: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    model = load_decoder(folder, len(tokenizer), backend=backend)
    assert model.backend == backend and not model.spec.qkv_bias
    turns = [[{"role": "user", "content": question}] for question in QUESTIONS]
    prompts = [tokenizer.apply_chat_template(t, add_generation_prompt=True, return_dict=False) for t in turns]
    engine, keys = Engine(model, tokenizer.eos_token_id), range(len(prompts))

    greedy = engine.sample(prompts, keys, 1, SamplingParams(temperature=0, max_new_tokens=NEW))
    sampled = engine.sample(prompts, keys, 2, SamplingParams(max_new_tokens=NEW))
    for p, prompt in enumerate(prompts):
        options = {"do_sample": False, "max_new_tokens": NEW, "pad_token_id": tokenizer.pad_token_id}
        written = theirs.generate(torch.tensor([prompt]), **options)[0, len(prompt) :].tolist()
        assert tokenizer.decode(greedy.ids(p, 0)) == tokenizer.decode(written)
        for g in range(2):
            ids = sampled.ids(p, g)
            with torch.no_grad():
                logits = theirs(torch.tensor([[*prompt, *ids]])).logits[0]
            logp = logits.log_softmax(-1)[len(prompt) - 1 : -1].gather(-1, torch.tensor(ids)[:, None])[:, 0]
            # 30 layers in FP32, summed in another order: less than 1e-4 was seen.
            np.testing.assert_allclose(sampled.logp_PGT[p, g, : len(ids)], logp.numpy(), atol=5e-4)
