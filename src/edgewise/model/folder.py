"""Decoders as Hugging Face folders: config.json, model.safetensors and the tokenizer's files.

One dictionary maps our names to theirs; a parameter of ours may be several of theirs stacked.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from edgewise.errors import InputError
from edgewise.model.decoder import Decoder, DecoderSpec
from edgewise.model.tokenizer import Tokenizer

# Ours -> theirs, for layer {i}; several names are stacked along the first dimension.
_LAYER_NAMES = {
    "blocks.{i}.attention_norm.weight": ("model.layers.{i}.input_layernorm.weight",),
    "blocks.{i}.qkv.weight": tuple(f"model.layers.{{i}}.self_attn.{p}_proj.weight" for p in "qkv"),
    "blocks.{i}.qkv.bias": tuple(f"model.layers.{{i}}.self_attn.{p}_proj.bias" for p in "qkv"),
    "blocks.{i}.attention_out.weight": ("model.layers.{i}.self_attn.o_proj.weight",),
    "blocks.{i}.feed_forward_norm.weight": ("model.layers.{i}.post_attention_layernorm.weight",),
    "blocks.{i}.gate_up.weight": ("model.layers.{i}.mlp.gate_proj.weight", "model.layers.{i}.mlp.up_proj.weight"),
    "blocks.{i}.down.weight": ("model.layers.{i}.mlp.down_proj.weight",),
}
_OTHER_NAMES = {
    "embedding.weight": ("model.embed_tokens.weight",),
    "norm.weight": ("model.norm.weight",),
    "head.weight": ("lm_head.weight",),
}
# Fields of DecoderSpec -> theirs in config.json.
_CONFIG_NAMES = {
    "width": "hidden_size",
    "layers": "num_hidden_layers",
    "heads": "num_attention_heads",
    "kv_heads": "num_key_value_heads",
    "feed_forward": "intermediate_size",
    "max_positions": "max_position_embeddings",
    "norm_eps": "rms_norm_eps",
    "tied": "tie_word_embeddings",
}


def save(model: Decoder, tokenizer: Tokenizer, folder: Path) -> None:
    """Write a folder that `transformers.AutoModelForCausalLM` and `load` both read."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(_config(model, tokenizer), indent=2) + "\n")
    generation = {"bos_token_id": tokenizer.bos, "eos_token_id": tokenizer.eos, "pad_token_id": tokenizer.pad}
    (folder / "generation_config.json").write_text(json.dumps(generation, indent=2) + "\n")
    save_file(_to_theirs(model), folder / "model.safetensors", metadata={"format": "pt"})
    tokenizer.save(folder)


def load(folder: Path, device: torch.device | str = "cpu") -> tuple[Decoder, Tokenizer]:
    """Read a Qwen2 folder, ours or written by transformers.

    InputError names the file that is missing or corrupt, the architecture that is not Qwen2, or
    the tensor that has the wrong shape.
    """
    config_path, weights_path = folder / "config.json", folder / "model.safetensors"
    try:
        config = json.loads(config_path.read_text())
        if not isinstance(config, dict):
            raise ValueError("not an object")
    except (OSError, ValueError) as error:
        raise InputError(f"{config_path}: cannot be read ({type(error).__name__}); a model folder needs it") from None
    spec = _spec(config, config_path)
    tokenizer = Tokenizer.load(folder)
    model = Decoder(spec, int(config["vocab_size"]))
    try:
        theirs = load_file(weights_path)
    except (OSError, SafetensorError) as error:
        raise InputError(f"{weights_path}: missing or corrupt ({error!s:.100})") from None
    state = {}
    for ours, parameter in model.state_dict().items():
        names = _names(spec)[ours]
        if ours == "head.weight" and spec.tied:
            names = _names(spec)["embedding.weight"]
        absent = [name for name in names if name not in theirs]
        if absent:
            raise InputError(f"{weights_path}: lacks the tensor {absent[0]}")
        state[ours] = torch.cat([theirs[name] for name in names]).to(parameter.dtype)
        if state[ours].shape != parameter.shape:
            raise InputError(
                f"{weights_path}: {names[0]} has shape {tuple(theirs[names[0]].shape)},"
                f" which does not fit {config_path.name}"
            )
    model.load_state_dict(state)
    return model.to(device), tokenizer


def _names(spec: DecoderSpec) -> dict[str, tuple[str, ...]]:
    layers = {
        ours.format(i=i): tuple(name.format(i=i) for name in theirs)
        for i in range(spec.layers)
        for ours, theirs in _LAYER_NAMES.items()
    }
    return layers | _OTHER_NAMES


def _to_theirs(model: Decoder) -> dict[str, Tensor]:
    spec = model.spec
    parts = {"qkv": (spec.width, spec.kv_width, spec.kv_width), "gate_up": (spec.feed_forward, spec.feed_forward)}
    result: dict[str, Tensor] = {}
    for ours, tensor in model.state_dict().items():
        if ours == "head.weight" and spec.tied:
            continue
        names = _names(spec)[ours]
        sizes = next((size for part, size in parts.items() if f".{part}." in ours), (tensor.shape[0],))
        result |= {n: t.contiguous().cpu() for n, t in zip(names, tensor.split(sizes), strict=True)}
    return result


def _config(model: Decoder, tokenizer: Tokenizer) -> dict[str, Any]:
    spec = model.spec
    return {
        "architectures": ["Qwen2ForCausalLM"],
        "model_type": "qwen2",
        "vocab_size": model.vocabulary,
        **{theirs: getattr(spec, ours) for ours, theirs in _CONFIG_NAMES.items()},
        "rope_theta": spec.rope_theta,
        "rope_parameters": {"rope_type": "default", "rope_theta": spec.rope_theta},
        "hidden_act": "silu",
        "use_sliding_window": False,
        "attention_dropout": 0.0,
        "dtype": "float32",
        "bos_token_id": tokenizer.bos,
        "eos_token_id": tokenizer.eos,
        "pad_token_id": tokenizer.pad,
    }


def _spec(config: dict[str, Any], path: Path) -> DecoderSpec:
    if config.get("model_type") != "qwen2":
        raise InputError(f"{path}: model_type must be qwen2, is {config.get('model_type')!r}")
    absent = [theirs for theirs in (*_CONFIG_NAMES.values(), "vocab_size") if theirs not in config]
    if absent:
        raise InputError(f"{path}: lacks the field {absent[0]}")
    # transformers 5 nests the base frequency; older versions write it at the top.
    theta = (config.get("rope_parameters") or config).get("rope_theta", 10_000.0)
    fields = {ours: config[theirs] for ours, theirs in _CONFIG_NAMES.items()}
    return DecoderSpec.parse({**fields, "rope_theta": theta}, str(path))
