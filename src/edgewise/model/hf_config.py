"""config.json of Qwen2, Llama and Qwen3 models: the decoder that one describes, and the one that describes a decoder.

What the decoder cannot express is refused by its field: left out in silence, it would give other logits.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgewise.core.errors import InputError
from edgewise.model.decoder import DecoderSpec
from edgewise.model.rotary import Llama3Rope

# Fields of DecoderSpec -> theirs.
_NAMES = {
    "width": "hidden_size",
    "layers": "num_hidden_layers",
    "heads": "num_attention_heads",
    "kv_heads": "num_key_value_heads",
    "feed_forward": "intermediate_size",
    "max_positions": "max_position_embeddings",
    "norm_eps": "rms_norm_eps",
    "tied": "tie_word_embeddings",
}
# Fields of Llama3Rope -> theirs in `rope_parameters`.
_ROPE_NAMES = {
    "factor": "factor",
    "low_frequency_factor": "low_freq_factor",
    "high_frequency_factor": "high_freq_factor",
    "original_max_positions": "original_max_position_embeddings",
}
# What the decoder knows one value of, in every family.
_FIXED: Mapping[str, object] = {"hidden_act": "silu", "partial_rotary_factor": 1.0}


@dataclass(frozen=True, slots=True)
class _Family:
    """A `model_type`: its class in transformers, what of the decoder follows from it, and its fields of one value."""

    architecture: str
    qkv_bias: bool
    qk_norm: bool
    fixed: Mapping[str, object]


_FAMILIES = {
    "qwen2": _Family("Qwen2ForCausalLM", qkv_bias=True, qk_norm=False, fixed={"use_sliding_window": False}),
    "llama": _Family(
        "LlamaForCausalLM", qkv_bias=False, qk_norm=False, fixed={"attention_bias": False, "mlp_bias": False}
    ),
    "qwen3": _Family(
        "Qwen3ForCausalLM",
        qkv_bias=False,
        qk_norm=True,
        fixed={"attention_bias": False, "use_sliding_window": False},
    ),
}


def read_shape(folder: Path) -> tuple[DecoderSpec, int]:
    """The decoder and the rows of its embedding that config.json describes; InputError where it is not of our kind."""
    path = folder / "config.json"
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(config, dict):
            raise ValueError("not an object")
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read ({type(error).__name__}); a model folder needs it") from None
    return _spec(config, path)


def config_of(spec: DecoderSpec, vocabulary: int, dtype: str = "float32") -> dict[str, Any]:
    """config.json of a decoder, without the ids of special tokens; `dtype` is the name of what the weights are in."""
    name, family = next(
        (name, family)
        for name, family in _FAMILIES.items()
        if (family.qkv_bias, family.qk_norm) == (spec.qkv_bias, spec.qk_norm)
    )
    rope: dict[str, Any] = {"rope_type": "default", "rope_theta": spec.rope_theta}
    if spec.rope_scaling is not None:
        scaling = {theirs: getattr(spec.rope_scaling, ours) for ours, theirs in _ROPE_NAMES.items()}
        rope |= {"rope_type": "llama3", **scaling}
    return {
        "architectures": [family.architecture],
        "model_type": name,
        "vocab_size": vocabulary,
        **{theirs: getattr(spec, ours) for ours, theirs in _NAMES.items()},
        **({} if name == "qwen2" and spec.head_dim is None else {"head_dim": spec.head_depth}),
        "rope_theta": spec.rope_theta,
        "rope_parameters": rope,
        "hidden_act": "silu",
        **family.fixed,
        "attention_dropout": 0.0,
        "dtype": dtype,
    }


def _spec(config: dict[str, Any], path: Path) -> tuple[DecoderSpec, int]:
    name = config.get("model_type")
    family = _FAMILIES.get(name) if isinstance(name, str) else None
    if family is None:
        raise InputError(f"{path}: model_type must be {', '.join(_FAMILIES)}; is {name!r:.80}")
    if name == "llama":
        # Older folders have neither, and transformers fills them in like this.
        config = {"tie_word_embeddings": False, **config}
        config["num_key_value_heads"] = config.get("num_key_value_heads") or config.get("num_attention_heads")
    needed = [*_NAMES.values(), "vocab_size", *(["head_dim"] if name == "qwen3" else [])]
    absent = [theirs for theirs in needed if theirs not in config]
    if absent:
        raise InputError(f"{path}: lacks the field {absent[0]}")
    for field, value in {**_FIXED, **family.fixed}.items():
        if config.get(field) not in (None, value):
            raise InputError(f"{path}: {field} must be {value!r}, is {config[field]!r:.80}")
    if set(config.get("layer_types") or ()) - {"full_attention"}:
        raise InputError(f"{path}: layer_types must be full_attention alone, are {config['layer_types']!r:.80}")
    if config.get("quantization_config"):
        raise InputError(f"{path}: quantization_config must be absent: weights are read in FP32, BF16 or FP16")
    vocabulary = config["vocab_size"]
    if not isinstance(vocabulary, int) or vocabulary < 1:
        raise InputError(f"{path}: vocab_size must be a positive integer, is {vocabulary!r:.80}")
    fields = {ours: config[theirs] for ours, theirs in _NAMES.items()}
    fields |= {"qkv_bias": family.qkv_bias, "qk_norm": family.qk_norm, "head_dim": config.get("head_dim")}
    spec = DecoderSpec.parse({**fields, **_rope(config, path)}, str(path))
    # A folder may name the width that follows from the others; one shape has one spec.
    follows = spec.query_width == spec.width
    return (spec.model_copy(update={"head_dim": None}) if follows else spec), vocabulary


def _rope(config: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """The fields of DecoderSpec that say how positions are embedded.

    transformers 5 has one field `rope_parameters`; older versions write the base frequency beside `rope_scaling`.
    """
    rope = config.get("rope_scaling") or config.get("rope_parameters") or {}
    kind = rope.get("rope_type", rope.get("type", "default")) if isinstance(rope, dict) else rope
    if kind not in ("default", "llama3"):
        raise InputError(f"{path}: rope_parameters must be of type default or llama3, are {kind!r:.80}")
    if rope.get("partial_rotary_factor") not in (None, 1):
        raise InputError(f"{path}: partial_rotary_factor must be 1, is {rope['partial_rotary_factor']!r:.80}")
    theta = rope.get("rope_theta", config.get("rope_theta", 10_000.0))
    if kind == "default":
        return {"rope_theta": theta}
    # As transformers does where the field is absent.
    rope = {"original_max_position_embeddings": config["max_position_embeddings"], **rope}
    absent = [theirs for theirs in _ROPE_NAMES.values() if theirs not in rope]
    if absent:
        raise InputError(f"{path}: rope_parameters lack the field {absent[0]}")
    scaling = {ours: rope[theirs] for ours, theirs in _ROPE_NAMES.items()}
    return {"rope_theta": theta, "rope_scaling": Llama3Rope.parse(scaling, f"{path}: rope_parameters")}
