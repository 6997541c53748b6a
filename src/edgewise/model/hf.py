"""Save and load decoders as Hugging Face folders: config.json, model.safetensors and the tokenizer's files.

One dictionary maps our names to theirs; a parameter of ours may be several of theirs stacked.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from edgewise.core.errors import InputError
from edgewise.model.decoder import Decoder, DecoderSpec
from edgewise.model.hf_config import config_of, read_shape
from edgewise.model.tensors import load_tensors, save_tensors
from edgewise.model.tokenizer import Tokenizer

# Ours -> theirs, for layer {i}; several names are stacked along the first dimension.
_LAYER_NAMES = {
    "blocks.{i}.attention_norm.weight": ("model.layers.{i}.input_layernorm.weight",),
    "blocks.{i}.qkv.weight": tuple(f"model.layers.{{i}}.self_attn.{p}_proj.weight" for p in "qkv"),
    "blocks.{i}.qkv.bias": tuple(f"model.layers.{{i}}.self_attn.{p}_proj.bias" for p in "qkv"),
    "blocks.{i}.q_norm.weight": ("model.layers.{i}.self_attn.q_norm.weight",),
    "blocks.{i}.k_norm.weight": ("model.layers.{i}.self_attn.k_norm.weight",),
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
_INDEX = "model.safetensors.index.json"
# What weights may be stored in -> its name in config.json.
_DTYPES = {torch.float32: "float32", torch.bfloat16: "bfloat16", torch.float16: "float16"}


def save_pretrained(
    model: Decoder,
    tokenizer: Tokenizer,
    folder: Path,
    *,
    dtype: torch.dtype = torch.float32,
    max_shard_bytes: int | None = None,
) -> None:
    """Write a folder that `transformers.AutoModelForCausalLM` and `load_pretrained` both read.

    The weights are rounded to `dtype`, FP32, BF16 or FP16. Where they take more than `max_shard_bytes` they are divided
    among files of at most that size, or of one tensor, and model.safetensors.index.json names them.
    """
    if dtype not in _DTYPES:
        raise InputError(f"dtype: must be {', '.join(map(str, _DTYPES))}; is {dtype}")
    folder.mkdir(parents=True, exist_ok=True)
    special = {f"{name}_token_id": getattr(tokenizer, name) for name in ("bos", "eos", "pad")}
    for name, content in (
        ("config.json", config_of(model.spec, model.vocabulary, _DTYPES[dtype]) | special),
        ("generation_config.json", special),
    ):
        (folder / name).write_text(
            json.dumps(content, indent=2, allow_nan=False) + "\n", encoding="utf-8", newline="\n"
        )
    _save_weights({name: tensor.to(dtype) for name, tensor in _to_theirs(model).items()}, folder, max_shard_bytes)
    tokenizer.save(folder)


def load_pretrained(
    folder: Path, device: torch.device | str = "cpu", backend: str = "auto"
) -> tuple[Decoder, Tokenizer]:
    """Read a Qwen2, Llama or Qwen3 folder with a tokenizer of ours; InputError as `load_decoder`, `Tokenizer.load`."""
    read_shape(folder)  # Of a folder that is not there, config.json is named.
    tokenizer = Tokenizer.load(folder)
    return load_decoder(folder, len(tokenizer), device, backend), tokenizer


def load_decoder(folder: Path, words: int, device: torch.device | str = "cpu", backend: str = "auto") -> Decoder:
    """Read the model of a Qwen2, Llama or Qwen3 folder for a device and a backend (see `Decoder`), with any tokenizer.

    The tokenizer has the ids 0 to `words` - 1. Where the embedding has more rows, those are padding: they are left out,
    so that none is ever sampled and the probabilities of the words sum to 1. The weights may lie in shards that
    model.safetensors.index.json names, and in half precision; they are held in FP32. InputError names the file that is
    missing or corrupt, the field of the configuration that the decoder cannot follow, or the tensor that is absent,
    unknown or of the wrong shape.
    """
    spec, rows = read_shape(folder)
    if words > rows:
        raise InputError(
            f"{folder / 'tokenizer.json'}: has {words} words; must have at most the {rows} of vocab_size in config.json"
        )
    model = Decoder(spec, words, seed=None, device=device, backend=backend)
    theirs, weights_path = _load_weights(folder)
    _check(theirs, model, rows, weights_path)
    with torch.no_grad():
        for parameter, parts in _places(model):
            stacked = [_reorder(theirs.pop(part.name), part.name, spec, to_pairs=True) for part in parts]
            parameter.copy_(torch.cat(stacked)[: len(parameter)])
    return model


class _Part(NamedTuple):
    """A tensor of theirs, and its rows in the parameter of ours that it is stacked in."""

    name: str
    rows: int


def _places(model: Decoder) -> Iterator[tuple[Tensor, list[_Part]]]:
    """Every parameter of ours, and what of theirs is stacked in it; a tied head is the embedding."""
    spec = model.spec
    parts = {"qkv": (spec.query_width, spec.kv_width, spec.kv_width), "gate_up": (spec.feed_forward, spec.feed_forward)}
    names = _OTHER_NAMES | {
        ours.format(i=i): tuple(name.format(i=i) for name in theirs)
        for i in range(spec.layers)
        for ours, theirs in _LAYER_NAMES.items()
    }
    for ours, tensor in model.named_parameters():
        sizes = next((size for part, size in parts.items() if f".{part}." in ours), (len(tensor),))
        yield tensor, [_Part(name, size) for name, size in zip(names[ours], sizes, strict=True)]


def _to_theirs(model: Decoder) -> dict[str, Tensor]:
    result: dict[str, Tensor] = {}
    for parameter, parts in _places(model):
        tensors = parameter.detach().cpu().split([part.rows for part in parts])
        for part, tensor in zip(parts, tensors, strict=True):
            result[part.name] = _reorder(tensor, part.name, model.spec, to_pairs=False).contiguous()
    return result


def _check(stored: dict[str, Tensor], model: Decoder, rows: int, path: Path) -> None:
    """InputError where the tensors are not those of the model with so many rows of its embedding and head."""
    expected = {}
    for parameter, parts in _places(model):
        for part in parts:
            padded = part.name in ("model.embed_tokens.weight", "lm_head.weight")
            expected[part.name] = (rows if padded else part.rows, *parameter.shape[1:])
    for name, shape in expected.items():
        if name not in stored:
            raise InputError(f"{path}: lacks the tensor {name}")
        if stored[name].shape != shape:
            raise InputError(f"{path}: {name} has shape {tuple(stored[name].shape)}; config.json makes it {shape}")
        if stored[name].dtype not in _DTYPES:
            raise InputError(f"{path}: {name} must be FP32, BF16 or FP16; is {stored[name].dtype}")
    # Tied models may carry the head beside the embedding that it equals.
    unknown = sorted(stored.keys() - expected.keys() - {"lm_head.weight"})
    if unknown:
        raise InputError(f"{path}: has the tensor {unknown[0]}, for which config.json has no place")


def _reorder(tensor: Tensor, name: str, spec: DecoderSpec, *, to_pairs: bool) -> Tensor:
    """What belongs to the features of queries and keys, between their order and ours (see `rotary.rotate`)."""
    if not any(f".{part}_{kind}." in name for part in "qk" for kind in ("proj", "norm")):
        return tensor
    halves = (2, -1) if to_pairs else (-1, 2)
    reordered: Tensor = tensor.unflatten(0, (-1, spec.head_depth)).unflatten(1, halves).transpose(1, 2).flatten(0, 2)
    return reordered


def _load_weights(folder: Path) -> tuple[dict[str, Tensor], Path]:
    """The tensors by their names, and the file that says which there are: the only one, or the index of shards."""
    path, index = folder / "model.safetensors", folder / _INDEX
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


def _save_weights(tensors: dict[str, Tensor], folder: Path, max_shard_bytes: int | None) -> None:
    """Write one file, or shards and their index. What the folder held of weights before is removed."""
    shards: list[dict[str, Tensor]] = [{}]
    room = max_shard_bytes
    for name, tensor in tensors.items():
        if room is not None and shards[-1] and tensor.nbytes > room:
            shards.append({})
            room = max_shard_bytes
        shards[-1][name] = tensor
        room = None if room is None else room - tensor.nbytes
    names = ["model.safetensors"]
    if len(shards) > 1:
        names = [f"model-{i:05}-of-{len(shards):05}.safetensors" for i in range(1, len(shards) + 1)]
    for old in [*folder.glob("model*.safetensors"), folder / _INDEX]:
        if old.name not in names:
            old.unlink(missing_ok=True)
    for name, shard in zip(names, shards, strict=True):
        save_tensors(shard, folder / name)
    if len(shards) > 1:
        index = {
            "metadata": {"total_size": sum(tensor.nbytes for tensor in tensors.values())},
            "weight_map": {tensor: name for name, shard in zip(names, shards, strict=True) for tensor in shard},
        }
        (folder / _INDEX).write_text(json.dumps(index, indent=2) + "\n", encoding="utf-8", newline="\n")
