"""Hugging Face folders: the same logits on both sides, and bad folders named for what is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from edgewise.core.errors import InputError
from edgewise.model.decoder import DecoderSpec
from edgewise.model.hf import load_pretrained, save_pretrained
from edgewise.model.tokenizer import Tokenizer
from tests.model.decoders import SHAPES, TOKENIZER, alone, sharp, texts


@torch.no_grad()
def their_logits(model: Any, tokens: list[int]) -> Tensor:
    logits: Tensor = model(torch.tensor([tokens])).logits[0]
    return logits


@pytest.mark.parametrize("name", SHAPES)
def test_transformers_computes_our_logits_from_our_folder(name: str, tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM, Qwen2ForCausalLM

    model = sharp(SHAPES[name])
    save_pretrained(model, TOKENIZER, tmp_path / "new" / "folder")
    theirs = AutoModelForCausalLM.from_pretrained(tmp_path / "new" / "folder")
    assert isinstance(theirs, Qwen2ForCausalLM)
    assert theirs.dtype == torch.float32
    for tokens in [*texts(4, model.spec.max_positions, 3), [5] * model.spec.max_positions, [7]]:
        ours = alone(model, tokens)
        assert ours.std() > 0.3
        torch.testing.assert_close(their_logits(theirs, tokens), ours, atol=1e-4, rtol=1e-5)


@pytest.mark.parametrize("name", SHAPES)
def test_our_folder_comes_back_bit_for_bit(name: str, tmp_path: Path) -> None:
    model = sharp(SHAPES[name])
    save_pretrained(model, TOKENIZER, tmp_path)
    again, tokenizer = load_pretrained(tmp_path)
    assert again.spec == model.spec
    assert tokenizer == TOKENIZER
    for (ours, one), (theirs, other) in zip(model.state_dict().items(), again.state_dict().items(), strict=True):
        assert ours == theirs
        assert torch.equal(one, other)
    assert (again.head.weight is again.embedding.weight) == model.spec.tied


@pytest.mark.parametrize("tied", [True, False])
def test_we_compute_the_logits_of_a_folder_that_transformers_saved(tied: bool, tmp_path: Path) -> None:
    from transformers import Qwen2Config, Qwen2ForCausalLM

    torch.manual_seed(0)
    config = Qwen2Config(
        vocab_size=len(TOKENIZER),
        hidden_size=24,
        intermediate_size=44,
        num_hidden_layers=2,
        num_attention_heads=6,
        num_key_value_heads=2,
        max_position_embeddings=48,
        rope_parameters={"rope_type": "default", "rope_theta": 321.0},
        rms_norm_eps=1e-3,
        tie_word_embeddings=tied,
    )
    theirs: Any = Qwen2ForCausalLM(config)
    theirs.eval()
    with torch.no_grad():
        for parameter in theirs.parameters():
            parameter.add_(torch.randn_like(parameter), alpha=0.3)
    theirs.save_pretrained(tmp_path)
    TOKENIZER.save(tmp_path)
    model, tokenizer = load_pretrained(tmp_path)
    assert tokenizer == TOKENIZER
    assert model.spec == DecoderSpec(
        width=24,
        layers=2,
        heads=6,
        kv_heads=2,
        feed_forward=44,
        max_positions=48,
        rope_theta=321.0,
        norm_eps=1e-3,
        tied=tied,
    )
    for tokens in [*texts(4, 48, 4), [9]]:
        torch.testing.assert_close(alone(model, tokens), their_logits(theirs, tokens), atol=1e-4, rtol=1e-5)


def test_the_older_place_of_the_rope_base_is_read(tmp_path: Path) -> None:
    model = sharp(SHAPES["untied, grouped"])
    save_pretrained(model, TOKENIZER, tmp_path)
    edit_config(tmp_path, rope_parameters=None, rope_theta=500.0)
    assert load_pretrained(tmp_path)[0].spec == model.spec


def test_half_precision_folders_are_read_as_fp32(tmp_path: Path) -> None:
    model = sharp(SHAPES["tied, grouped"])
    save_pretrained(model, TOKENIZER, tmp_path)
    edit_weights(tmp_path, lambda tensors: {name: tensor.bfloat16() for name, tensor in tensors.items()})
    again, _ = load_pretrained(tmp_path)
    for one, other in zip(model.state_dict().values(), again.state_dict().values(), strict=True):
        assert other.dtype == torch.float32
        assert torch.equal(one.bfloat16().float(), other)


# ---- Bad folders

LLAMA_3 = {
    "rope_type": "llama3",
    "rope_theta": 500.0,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 16,
}


def edit_config(folder: Path, **fields: Any) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


def edit_weights(folder: Path, change: Callable[[dict[str, Tensor]], dict[str, Tensor]]) -> None:
    path = folder / "model.safetensors"
    save_file({n: t.contiguous() for n, t in change(load_file(path)).items()}, path)


def refused(folder: Path, file: str, *words: str) -> None:
    """Loading fails in one line that starts with the file."""
    with pytest.raises(InputError) as error:
        load_pretrained(folder)
    message = str(error.value)
    assert message.startswith(f"{folder / file}: "), message
    assert "\n" not in message
    for word in words:
        assert word in message, message


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save_pretrained(sharp(SHAPES["untied, grouped"]), TOKENIZER, tmp_path)
    return tmp_path


@pytest.mark.parametrize("file", ["config.json", "model.safetensors", "tokenizer.json"])
def test_a_missing_cut_or_corrupt_file_is_named(folder: Path, file: str) -> None:
    path = folder / file
    whole = path.read_bytes()
    for content in (whole[: len(whole) // 2], whole[:4], b"", b"\xff" * 100, b"[]"):
        path.write_bytes(content)
        refused(folder, file)
    path.unlink()
    refused(folder, file)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    refused(tmp_path / "nowhere", "config.json")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"model_type": "gpt2"}, ("model_type", "qwen2", "llama", "gpt2")),
        ({"model_type": None}, ("model_type", "qwen2")),
        ({"vocab_size": "many"}, ("vocab_size", "many")),
        ({"vocab_size": None}, ("vocab_size",)),
        ({"vocab_size": -1}, ("vocab_size", "-1")),
        ({"hidden_size": "wide"}, ("width", "wide")),
        ({"hidden_size": 33}, ("width 33",)),
        ({"num_key_value_heads": 3}, ("kv_heads 3",)),
        ({"num_hidden_layers": 0}, ("layers",)),
        ({"rms_norm_eps": None}, ("norm_eps",)),
        ({"rope_parameters": {"rope_type": "default", "rope_theta": "far"}}, ("rope_theta", "far")),
        ({"rope_parameters": [1]}, ("rope_parameters",)),
        # What the decoder cannot express must not be left out in silence: the logits would be others.
        ({"rope_parameters": {"rope_type": "yarn", "rope_theta": 500.0, "factor": 4.0}}, ("rope", "yarn")),
        ({"rope_parameters": None, "rope_scaling": {"type": "linear", "factor": 2.0}}, ("rope", "linear")),
        ({"hidden_act": "gelu"}, ("hidden_act", "silu", "gelu")),
        ({"use_sliding_window": True, "sliding_window": 4}, ("use_sliding_window",)),
        ({"layer_types": ["full_attention", "sliding_attention"]}, ("layer_types", "sliding_attention")),
        ({"partial_rotary_factor": 0.5}, ("partial_rotary_factor", "0.5")),
        ({"rope_parameters": {"rope_type": "default", "partial_rotary_factor": 0.5}}, ("partial_rotary_factor", "0.5")),
        ({"rope_parameters": {"rope_type": "llama3", "factor": 8.0}}, ("rope_parameters", "low_freq_factor")),
        ({"rope_parameters": LLAMA_3 | {"high_freq_factor": 1.0}}, ("rope_parameters", "high_frequency_factor")),
        ({"rope_parameters": LLAMA_3 | {"factor": "far"}}, ("rope_parameters", "factor", "far")),
        ({"quantization_config": {"quant_method": "gptq"}}, ("quantization_config",)),
        ({"head_dim": 7}, ("head_dim", "7")),
        ({"model_type": "qwen3"}, ("head_dim",)),
        ({"model_type": "qwen3", "head_dim": 8, "attention_bias": True}, ("attention_bias", "False")),
        ({"model_type": "llama", "attention_bias": True}, ("attention_bias", "False")),
        ({"model_type": "llama", "mlp_bias": True}, ("mlp_bias", "False")),
    ],
    ids=str,
)
def test_a_config_that_is_not_ours_is_refused(folder: Path, fields: dict[str, Any], words: tuple[str, ...]) -> None:
    edit_config(folder, **fields)
    refused(folder, "config.json", *words)


@pytest.mark.parametrize(
    "field",
    [
        "vocab_size",
        "hidden_size",
        "num_hidden_layers",
        "num_attention_heads",
        "max_position_embeddings",
        "rms_norm_eps",
    ],
)
def test_a_missing_field_of_the_config_is_named(folder: Path, field: str) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps({name: value for name, value in json.loads(path.read_text()).items() if name != field}))
    refused(folder, "config.json", field)


LAYER = "model.layers.1."


@pytest.mark.parametrize(
    "name",
    [
        "model.embed_tokens.weight",
        "lm_head.weight",
        "model.norm.weight",
        LAYER + "self_attn.q_proj.weight",
        LAYER + "self_attn.k_proj.bias",
        LAYER + "self_attn.o_proj.weight",
        LAYER + "mlp.up_proj.weight",
        LAYER + "post_attention_layernorm.weight",
    ],
)
def test_a_missing_or_misshapen_tensor_is_named(folder: Path, name: str) -> None:
    whole = load_file(folder / "model.safetensors")
    tensor = whole[name]
    grown = [torch.cat((tensor, tensor[:1])), tensor[:-1], tensor.reshape(1, *tensor.shape), torch.tensor(1.0)]
    if tensor.ndim == 2:
        grown += [tensor[:, :-1], tensor.flatten()]
    for other in grown:
        edit_weights(folder, lambda _, other=other: whole | {name: other})  # type: ignore[misc]
        refused(folder, "model.safetensors", name, "shape")
    edit_weights(folder, lambda _: {n: t for n, t in whole.items() if n != name})
    refused(folder, "model.safetensors", name, "lacks")


def test_parts_of_one_matrix_may_not_make_up_for_each_other(folder: Path) -> None:
    """Two rows too many in q and two too few in k stack to the right height, and to the wrong model."""
    q, k = (f"{LAYER}self_attn.{part}_proj.weight" for part in "qk")
    edit_weights(folder, lambda t: t | {q: torch.cat((t[q], t[k][:2])), k: t[k][2:]})
    refused(folder, "model.safetensors", q, "shape")


def test_weights_that_the_config_does_not_speak_of_are_refused(folder: Path) -> None:
    """A config with fewer layers than the file would load as a smaller model."""
    edit_config(folder, num_hidden_layers=1)
    refused(folder, "model.safetensors", "model.layers.1.")


def test_weights_that_are_no_numbers_of_16_or_32_bits_are_refused(folder: Path) -> None:
    edit_weights(folder, lambda tensors: tensors | {"model.norm.weight": tensors["model.norm.weight"].to(torch.int8)})
    refused(folder, "model.safetensors", "model.norm.weight", "int8")


def test_every_word_has_a_row_of_the_embedding(folder: Path) -> None:
    """A prompt could otherwise have an id that the model does not know."""
    Tokenizer([*TOKENIZER.words[4:], "new"]).save(folder)
    refused(folder, "tokenizer.json", str(len(TOKENIZER)), str(len(TOKENIZER) + 1), "vocab_size")
