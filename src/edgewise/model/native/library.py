"""The compiled kernels as Python calls them: the structures they read, and which library fits this machine."""

from __future__ import annotations

import ctypes
from ctypes import POINTER, Structure, c_char_p, c_float, c_int, c_int32, c_int64, c_void_p
from functools import cache

from torch import Tensor

from edgewise.model.native import build


class Layer(Structure):
    """`Layer` and `LayerGradients` of decoder.hpp and training.hpp."""

    _fields_ = tuple(
        (name, c_void_p)
        for name in (
            *("attention_norm", "qkv", "qkv_bias", "attention_out"),
            *("feed_forward_norm", "gate_up", "down"),
        )
    )


class Model(Structure):
    """`Model` of decoder.hpp."""

    _fields_ = (
        *((name, c_int64) for name in ("width", "layers", "heads", "kv_heads", "depth", "feed_forward", "vocabulary")),
        ("norm_eps", c_float),
        *((name, c_void_p) for name in ("embedding", "norm", "head", "rotations")),
        ("layer", POINTER(Layer)),
    )


class Request(Structure):
    """`Request` of sampling.hpp."""

    _fields_ = (
        *((name, c_int64) for name in ("problems", "samples", "max_new")),
        *((name, c_void_p) for name in ("prompts", "prompt_start", "limit", "keys")),
        ("temperature", c_float),
        ("end", c_int32),
        *((name, c_int64) for name in ("threads", "slots")),
        *((name, c_void_p) for name in ("tokens", "logp", "model_logp")),
    )


class Text(Structure):
    """`Text` of training.hpp."""

    _fields_ = (
        ("tokens", c_int64),
        ("segments", c_int64),
        ("token", c_void_p),
        ("position", c_void_p),
        ("segment", c_void_p),
    )


class Gradients(Structure):
    """`Gradients` of training.hpp."""

    _fields_ = (("embedding", c_void_p), ("norm", c_void_p), ("layer", POINTER(Layer)))


@cache
def library() -> ctypes.CDLL | None:
    """The best library that this machine can run; None where none was built from the sources that are here."""
    try:
        plain = _open(0)
    except OSError:
        return None
    for level in build.LEVELS:
        if plain is not None and build.library(level).exists() and plain.edgewise_runs(level):
            found = _open(level)
            if found is not None:
                return found
    return None


def _open(level: int) -> ctypes.CDLL | None:
    opened = ctypes.CDLL(str(build.library(level)))
    opened.edgewise_digest.restype = c_char_p
    # Before anything else is asked for: other sources may not have had it.
    if opened.edgewise_digest().decode() != build.digest():
        return None
    opened.edgewise_runs.argtypes = [c_int]
    opened.edgewise_kept.argtypes = [POINTER(Model), c_int64]
    opened.edgewise_kept.restype = c_int64
    opened.edgewise_sample.argtypes = [POINTER(Model), POINTER(Request)]
    opened.edgewise_forward.argtypes = [POINTER(Model), POINTER(Text), c_void_p, c_void_p]
    opened.edgewise_backward.argtypes = [POINTER(Model), POINTER(Text), c_void_p, c_void_p, POINTER(Gradients)]
    return opened


def kernels() -> ctypes.CDLL:
    """The library, where it is known to be there."""
    found = library()
    assert found is not None
    return found


def pointer(tensor: Tensor) -> int:
    """Where a tensor's numbers stand. They must stand one after the other."""
    if not tensor.is_contiguous():
        raise ValueError("a kernel was given a tensor that is not contiguous")
    return tensor.data_ptr()


def check(status: int) -> None:
    """MemoryError where a kernel found too little memory."""
    if status:
        raise MemoryError("the compiled kernels found too little memory")
