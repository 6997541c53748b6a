"""The C++ structures of the compiled kernels, field by field as ctypes declares them."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from ctypes import POINTER, Structure, c_float, c_int32, c_int64, c_void_p

import torch


class CLayer(Structure):
    """`Layer` of decoder.hpp and `LayerGradients` of training.hpp."""

    _fields_ = tuple(
        (name, c_void_p)
        for name in (
            *("attention_norm", "qkv", "qkv_bias", "attention_out"),
            *("feed_forward_norm", "gate_up", "down"),
        )
    )


class CModel(Structure):
    """`Model` of decoder.hpp."""

    _fields_ = (
        *((name, c_int64) for name in ("width", "layers", "heads", "kv_heads", "depth", "feed_forward", "vocabulary")),
        ("norm_eps", c_float),
        ("bf16", c_int32),
        *((name, c_void_p) for name in ("embedding", "norm", "head", "rotations")),
        ("layer", POINTER(CLayer)),
    )


class CSamplingRequest(Structure):
    """`SamplingRequest` of sampling.hpp."""

    _fields_ = (
        *((name, c_int64) for name in ("problems", "samples", "max_new_tokens")),
        *((name, c_void_p) for name in ("prompts", "prompt_start", "limit", "keys")),
        ("temperature", c_float),
        ("eos_id", c_int32),
        *((name, c_int64) for name in ("threads", "slots")),
        *((name, c_void_p) for name in ("tokens", "logp", "model_logp")),
    )


class CPackedTokens(Structure):
    """`PackedTokens` of attention.hpp."""

    _fields_ = (
        ("tokens", c_int64),
        ("segments", c_int64),
        ("token", c_void_p),
        ("position", c_void_p),
        ("segment", c_void_p),
    )


class CGradients(Structure):
    """`Gradients` of training.hpp."""

    _fields_ = (("embedding", c_void_p), ("norm", c_void_p), ("layer", POINTER(CLayer)))


class CWeights(Structure):
    """`Weights` of rows.hpp."""

    _fields_ = (
        *((name, c_void_p) for name in ("number", "gradient", "mean", "square")),
        ("count", c_int64),
        *((name, c_float) for name in ("kept", "rate", "root")),
    )


# Name in C++ -> its twin here; `edgewise_sizeof` of kernels.cpp knows these names.
STRUCTURES: dict[str, type[Structure]] = {
    "Layer": CLayer,
    "LayerGradients": CLayer,
    "Model": CModel,
    "SamplingRequest": CSamplingRequest,
    "PackedTokens": CPackedTokens,
    "Gradients": CGradients,
    "Weights": CWeights,
}


def pointer(tensor: torch.Tensor) -> int:
    """The address of a tensor's numbers; ValueError where they do not stand one after the other."""
    if not tensor.is_contiguous():
        raise ValueError("a kernel was given a tensor that is not contiguous")
    return tensor.data_ptr()


def layers_of(tensors: Sequence[torch.Tensor]) -> ctypes.Array[CLayer]:
    """Tensors, layer by layer in the order of the fields of `CLayer`, as the kernels read them."""
    pointers, size = list(map(pointer, tensors)), len(CLayer._fields_)
    layers = [CLayer(*pointers[i : i + size]) for i in range(0, len(pointers), size)]
    return (CLayer * len(layers))(*layers)
