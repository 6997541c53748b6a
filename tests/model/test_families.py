"""Llama's and Qwen3's shapes: the same logits and texts as transformers, in both directions, and who computes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from edgewise.core.errors import InputError
from edgewise.core.spec import digest
from edgewise.model.backend import choose_backend, describe_backend
from edgewise.model.decoder import Decoder, DecoderSpec
from edgewise.model.hf import load_pretrained, save_pretrained
from edgewise.model.rotary import Llama3Rope
from edgewise.sampling.engine import Engine
from edgewise.sampling.params import SamplingParams
from tests.model.decoders import TOKENIZER, alone, sharp, texts
from tests.model.native.present import each_backend, needs_kernels

POSITIONS = 128
# Of the four frequencies of a head one stays, one is between, and two are slowed.
SCALED = Llama3Rope(factor=8, low_frequency_factor=1, high_frequency_factor=4, original_max_positions=64)
SIZES: dict[str, Any] = {
    "layers": 2,
    "heads": 4,
    "kv_heads": 2,
    "feed_forward": 28,
    "max_positions": POSITIONS,
    "rope_theta": 500.0,
}
LLAMA: dict[str, Any] = {**SIZES, "width": 32, "qkv_bias": False}
QWEN3: dict[str, Any] = {**SIZES, "width": 24, "qkv_bias": False, "qk_norm": True}
SHAPES = {
    "llama, untied": DecoderSpec(**LLAMA, tied=False, norm_eps=1e-5),
    "llama, tied, scaled": DecoderSpec(**LLAMA, rope_scaling=SCALED),
    "llama, heads of their own width": DecoderSpec(**LLAMA, head_dim=6),
    "qwen3, tied": DecoderSpec(**QWEN3, head_dim=8, norm_eps=1e-3),
    "qwen3, untied, square": DecoderSpec(**QWEN3, tied=False),
    "qwen2, scaled": DecoderSpec(**SIZES, width=32, rope_scaling=SCALED),
}
CLASSES = {"llama": "LlamaForCausalLM", "qwen3": "Qwen3ForCausalLM", "qwen2": "Qwen2ForCausalLM"}


@torch.no_grad()
def their_logits(model: Any, tokens: list[int]) -> Tensor:
    logits: Tensor = model(torch.tensor([tokens])).logits[0].float()
    return logits


def theirs_of(folder: Path, **options: Any) -> Any:
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(folder, **options)


@each_backend
@pytest.mark.parametrize("name", SHAPES)
def test_logits_are_those_of_transformers_and_the_folder_comes_back(name: str, backend: str, tmp_path: Path) -> None:
    model = sharp(SHAPES[name], backend=backend)
    save_pretrained(model, TOKENIZER, tmp_path / "ours")
    theirs = theirs_of(tmp_path / "ours")
    assert type(theirs).__name__ == CLASSES[name.partition(",")[0]]
    theirs.save_pretrained(tmp_path / "theirs")
    TOKENIZER.save(tmp_path / "theirs")
    again, _ = load_pretrained(tmp_path / "theirs", backend=backend)
    assert again.spec == model.spec and digest(again.spec) == digest(model.spec)
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), again.parameters(), strict=True))
    for tokens in [*texts(4, POSITIONS, 3), [5] * POSITIONS, [7]]:
        ours = alone(again, tokens)
        assert ours.std() > 0.3
        torch.testing.assert_close(their_logits(theirs, tokens), ours, atol=1e-4, rtol=1e-5)


@pytest.mark.parametrize("name", ["llama", "llama3", "qwen3"])
def test_a_model_that_transformers_made_has_its_logits_here(name: str, tmp_path: Path) -> None:
    """Random weights of its own, norms and biases included, and a configuration that leaves out what it may."""
    import transformers

    torch.manual_seed(0)
    sizes: dict[str, Any] = {
        "hidden_size": 32,
        "intermediate_size": 44,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
    }
    sizes |= {"vocab_size": len(TOKENIZER), "max_position_embeddings": POSITIONS}
    configs: dict[str, Any] = {
        "llama": lambda: transformers.LlamaConfig(**sizes),
        "llama3": lambda: transformers.LlamaConfig(
            **sizes,
            num_key_value_heads=1,
            rope_parameters={
                "rope_type": "llama3",
                "rope_theta": 700.0,
                "factor": 4.0,
                "low_freq_factor": 1.0,
                "high_freq_factor": 3.0,
                "original_max_position_embeddings": 40,
            },
        ),
        "qwen3": lambda: transformers.Qwen3Config(
            **sizes, num_key_value_heads=2, head_dim=16, tie_word_embeddings=True
        ),
    }
    config = configs[name]()
    automatic: Any = transformers.AutoModelForCausalLM
    theirs = automatic.from_config(config)
    with torch.no_grad():
        for parameter in theirs.parameters():
            parameter.add_(torch.randn_like(parameter), alpha=0.2)
    theirs.eval().save_pretrained(tmp_path)
    TOKENIZER.save(tmp_path)
    model, _ = load_pretrained(tmp_path)
    for tokens in [*texts(4, POSITIONS, 4), [9]]:
        torch.testing.assert_close(alone(model, tokens), their_logits(theirs, tokens), atol=1e-4, rtol=1e-5)


@pytest.mark.parametrize("name", ["llama, tied, scaled", "qwen3, tied"])
def test_completions_are_sampled_with_the_log_probs_that_transformers_computes(name: str, tmp_path: Path) -> None:
    save_pretrained(sharp(SHAPES[name]), TOKENIZER, tmp_path)
    model, _ = load_pretrained(tmp_path)
    theirs = theirs_of(tmp_path)
    prompts, params = texts(3, 20, 7), SamplingParams(max_new_tokens=24)
    sampled = Engine(model, TOKENIZER.eos).sample(prompts, [1, 2, 3], 4, params)
    for p, prompt in enumerate(prompts):
        for g in range(4):
            ids = sampled.ids(p, g)
            logp = their_logits(theirs, [*prompt, *ids]).log_softmax(-1)[len(prompt) - 1 : -1]
            of_ids = logp.gather(-1, torch.tensor(ids)[:, None])[:, 0].numpy()
            np.testing.assert_allclose(sampled.logp_PGT[p, g, : len(ids)], of_ids, atol=1e-4)
    greedy = Engine(model, TOKENIZER.eos).sample(prompts[:1], [1], 1, SamplingParams(temperature=0, max_new_tokens=24))
    options = {"do_sample": False, "max_new_tokens": 24, "eos_token_id": TOKENIZER.eos}
    written = theirs.generate(torch.tensor(prompts[:1]), **options)[0, len(prompts[0]) :].tolist()
    assert greedy.ids(0, 0) == written


@needs_kernels
def test_the_kernels_have_the_gradients_of_torch_without_a_bias() -> None:
    gradients = []
    for backend in ("native", "torch"):
        model = sharp(SHAPES["llama, tied, scaled"], backend=backend)
        assert model.backend == backend
        tokens = torch.tensor(texts(1, 40, 2))
        positions, documents = torch.arange(tokens.shape[1])[None], torch.zeros_like(tokens)
        logits = model.logits(model(tokens, positions, documents))
        torch.nn.functional.cross_entropy(logits[0, :-1], tokens[0, 1:]).backward()
        gradients.append({name: parameter.grad for name, parameter in model.named_parameters()})
    native, by_torch = gradients
    assert "blocks.0.qkv.weight" in native and "blocks.0.qkv.bias" not in native
    for name, gradient in by_torch.items():
        torch.testing.assert_close(native[name], gradient, atol=1e-5, rtol=1e-4)


# ---- Who computes it


@needs_kernels
@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("llama, untied", None),
        ("llama, tied, scaled", None),
        ("llama, heads of their own width", "head_dim"),
        ("qwen3, tied", "qk_norm"),
        ("qwen3, untied, square", "qk_norm"),
    ],
)
def test_torch_serves_what_the_kernels_do_not_compute(name: str, field: str | None) -> None:
    spec = SHAPES[name]
    assert spec.beyond_kernels == field
    for asked in ("auto", "native"):
        assert Decoder(spec, 9, backend=asked).backend == ("torch" if field else "native")
    recorded = describe_backend(choose_backend(), spec.beyond_kernels)
    assert recorded["name"] == ("torch" if field else "native") and recorded.get("beyond kernels") == field


# ---- What is written


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("name", ["qwen3, tied", "llama, untied"])
def test_half_precision_and_shards_are_written_as_transformers_reads_them(
    name: str, dtype: torch.dtype, tmp_path: Path
) -> None:
    model = sharp(SHAPES[name])
    save_pretrained(model, TOKENIZER, tmp_path)
    save_pretrained(model, TOKENIZER, tmp_path, dtype=dtype, max_shard_bytes=4_000)
    shards = sorted(tmp_path.glob("*.safetensors"))
    assert len(shards) > 3 and not (tmp_path / "model.safetensors").exists()
    assert all(shard.stat().st_size < 6_000 for shard in shards), "tensors of 4,000 bytes at most, and their names"

    theirs = theirs_of(tmp_path)
    assert theirs.dtype == dtype
    again, _ = load_pretrained(tmp_path)
    for ours, stored in zip(model.parameters(), again.parameters(), strict=True):
        assert torch.equal(ours.to(dtype).float(), stored), "rounded once, and nothing else"
    for tokens in texts(2, POSITIONS, 5):
        torch.testing.assert_close(alone(again, tokens), their_logits(theirs.float(), tokens), atol=1e-4, rtol=1e-5)

    save_pretrained(model, TOKENIZER, tmp_path)
    assert [path.name for path in tmp_path.glob("model*")] == ["model.safetensors"]
    with pytest.raises(InputError, match=r"dtype: .*float32.*bfloat16.*float16; is torch.int8"):
        save_pretrained(model, TOKENIZER, tmp_path, dtype=torch.int8)


@pytest.mark.parametrize("name", ["llama, untied", "qwen3, tied"])
def test_rows_that_pad_the_embedding_are_read_and_never_sampled(name: str, tmp_path: Path) -> None:
    save_pretrained(sharp(SHAPES[name]), TOKENIZER, tmp_path / "ours")
    theirs = theirs_of(tmp_path / "ours")
    theirs.resize_token_embeddings(pad_to_multiple_of=64)
    with torch.no_grad():
        # A row that wins wherever it is read.
        for weight in {theirs.get_input_embeddings().weight, theirs.get_output_embeddings().weight}:
            weight[len(TOKENIZER) :] = 10 * torch.randn_like(weight[len(TOKENIZER) :])
    theirs.save_pretrained(tmp_path / "padded")
    TOKENIZER.save(tmp_path / "padded")
    assert theirs.config.vocab_size == 64
    model, _ = load_pretrained(tmp_path / "padded")
    assert model.vocabulary == len(TOKENIZER)
    tokens = texts(1, POSITIONS, 6)[0]
    padded = their_logits(theirs, tokens)
    assert int(padded.argmax(-1).max()) >= len(TOKENIZER)
    torch.testing.assert_close(alone(model, tokens), padded[:, : len(TOKENIZER)], atol=1e-4, rtol=1e-5)
    sampled = Engine(model, TOKENIZER.eos).sample([tokens[:9]], [1], 40, SamplingParams(max_new_tokens=30))
    assert sampled.tokens_PGT.max() < len(TOKENIZER)


@pytest.mark.parametrize("shape", ["llama, tied, scaled", "qwen3, tied"])
def test_autotokenizer_reads_our_words_beside_every_model_type(shape: str, tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    save_pretrained(Decoder(SHAPES[shape], len(TOKENIZER)), TOKENIZER, tmp_path)
    words = AutoTokenizer.from_pretrained(tmp_path)
    assert words("a = 3")["input_ids"] == TOKENIZER.prompt("a = 3")


# ---- Specs


def test_the_shape_of_qwen2_has_the_digest_that_it_had() -> None:
    assert digest(DecoderSpec()) == "42a405385eb22ec0"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"qk_norm": True}, "qkv_bias"),
        ({"head_dim": 7}, "head_dim 7 must be even"),
        ({"head_dim": 0}, "head_dim"),
        ({"width": 33}, "width 33"),
        ({"rope_scaling": {"factor": 8}}, "low_frequency_factor"),
    ],
)
def test_shapes_that_no_model_has_are_refused(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        DecoderSpec.parse(fields)
