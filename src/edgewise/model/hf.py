"""Save and load decoders as Hugging Face folders: config.json, model.safetensors and the tokenizer's files.

One dictionary maps our names to theirs; a parameter of ours may be several of theirs stacked.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from edgewise.core.errors import InputError
from edgewise.model.decoder import Decoder, DecoderSpec
from edgewise.model.tensors import load_tensors, save_tensors
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
# Fields of config.json for which the decoder knows one value only.
_FIXED = {"hidden_act": "silu", "use_sliding_window": False}


def save_pretrained(model: Decoder, tokenizer: Tokenizer, folder: Path) -> None:
    """Write a folder that `transformers.AutoModelForCausalLM` and `load_pretrained` both read."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(
        json.dumps(_config(model, tokenizer), indent=2, allow_nan=False) + "\n", encoding="utf-8"
    )
    generation = {"bos_token_id": tokenizer.bos, "eos_token_id": tokenizer.eos, "pad_token_id": tokenizer.pad}
    (folder / "generation_config.json").write_text(
        json.dumps(generation, indent=2, allow_nan=False) + "\n", encoding="utf-8"
    )
    save_tensors(_to_theirs(model), folder / "model.safetensors")
    tokenizer.save(folder)


def load_pretrained(
    folder: Path, device: torch.device | str = "cpu", backend: str = "auto"
) -> tuple[Decoder, Tokenizer]:
    """Read a Qwen2 folder, ours or written by transformers, for a device and a backend (see `Decoder`).

    The weights may lie in shards that model.safetensors.index.json names, and in half precision.
    InputError names the file that is missing or corrupt, the field of the configuration that the
    decoder cannot follow, or the tensor that is absent, unknown or of the wrong shape.
    """
    spec, vocabulary = read_shape(folder)
    tokenizer = Tokenizer.load(folder)
    if len(tokenizer) != vocabulary:
        raise InputError(
            f"{folder / 'tokenizer.json'}: has {len(tokenizer)} words, but vocab_size in config.json is {vocabulary}"
        )
    model = Decoder(spec, vocabulary, device=device, backend=backend)
    theirs, weights_path = _load_weights(folder)
    _check(theirs, _to_theirs(model), weights_path)
    state = {}
    for ours, parameter in model.state_dict().items():
        names = _names(spec)["embedding.weight" if ours == "head.weight" and spec.tied else ours]
        stacked = [_reorder(theirs[name], name, spec, to_pairs=True) for name in names]
        state[ours] = torch.cat(stacked).to(parameter.dtype)
    model.load_state_dict(state)
    return model, tokenizer


def read_shape(folder: Path) -> tuple[DecoderSpec, int]:
    """The decoder and the size of the vocabulary that config.json describes; InputError where it is not of our kind."""
    path = folder / "config.json"
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(config, dict):
            raise ValueError("not an object")
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read ({type(error).__name__}); a model folder needs it") from None
    return _spec(config, path)


def _load_weights(folder: Path) -> tuple[dict[str, Tensor], Path]:
    """The tensors by their names, and the file that says which there are: the only one, or the index of shards."""
    path, index = folder / "model.safetensors", folder / "model.safetensors.index.json"
    if path.exists() or not index.exists():
        return load_tensors(path), path
    try:
        shards = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
        outside = [shard for shard in shards if (folder / shard).parent != folder]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{index}: has no weight_map from tensors to files ({type(error).__name__})") from None
    if outside:
        raise InputError(f"{index}: weight_map must name files of this folder, names {outside[0]!r:.80}")
    tensors: dict[str, Tensor] = {}
    for shard in shards:
        tensors |= load_tensors(folder / shard)
    return tensors, index


def _check(stored: dict[str, Tensor], expected: dict[str, Tensor], path: Path) -> None:
    for name, tensor in expected.items():
        if name not in stored:
            raise InputError(f"{path}: lacks the tensor {name}")
        if stored[name].shape != tensor.shape:
            raise InputError(
                f"{path}: {name} has shape {tuple(stored[name].shape)}; config.json makes it {tuple(tensor.shape)}"
            )
    # Tied models may carry the head beside the embedding that it equals.
    unknown = sorted(stored.keys() - expected.keys() - {"lm_head.weight"})
    if unknown:
        raise InputError(f"{path}: has the tensor {unknown[0]}, for which config.json has no place")


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
        for name, part in zip(names, tensor.cpu().split(sizes), strict=True):
            result[name] = _reorder(part, name, spec, to_pairs=False).contiguous()
    return result


def _reorder(tensor: Tensor, name: str, spec: DecoderSpec, *, to_pairs: bool) -> Tensor:
    """Rows of query and key projections between their order and ours (see `decoder.rotate`)."""
    if not any(f".{part}_proj." in name for part in "qk") or tensor.shape[0] % spec.head_depth:
        return tensor
    halves = (2, -1) if to_pairs else (-1, 2)
    reordered: Tensor = tensor.unflatten(0, (-1, spec.head_depth)).unflatten(1, halves).transpose(1, 2).flatten(0, 2)
    return reordered


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


def _spec(config: dict[str, Any], path: Path) -> tuple[DecoderSpec, int]:
    """The shape and the size of the vocabulary."""
    if config.get("model_type") != "qwen2":
        raise InputError(f"{path}: model_type must be qwen2, is {config.get('model_type')!r}")
    absent = [theirs for theirs in (*_CONFIG_NAMES.values(), "vocab_size") if theirs not in config]
    if absent:
        raise InputError(f"{path}: lacks the field {absent[0]}")
    for field, value in _FIXED.items():
        if config.get(field, value) != value:
            raise InputError(f"{path}: {field} must be {value!r}, is {config[field]!r:.80}")
    vocabulary = config["vocab_size"]
    if not isinstance(vocabulary, int) or vocabulary < 1:
        raise InputError(f"{path}: vocab_size must be a positive integer, is {vocabulary!r:.80}")
    # transformers 5 nests the base frequency; older versions write it at the top.
    rope = config.get("rope_parameters") or config.get("rope_scaling") or {}
    kind = rope.get("rope_type", rope.get("type", "default")) if isinstance(rope, dict) else rope
    if kind != "default":
        raise InputError(f"{path}: rope_parameters must be of type default, are {kind!r:.80}")
    theta = rope.get("rope_theta", config.get("rope_theta", 10_000.0))
    fields = {ours: config[theirs] for ours, theirs in _CONFIG_NAMES.items()}
    return DecoderSpec.parse({**fields, "rope_theta": theta}, str(path)), vocabulary
