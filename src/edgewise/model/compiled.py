"""The decoder by the compiled kernels, with its derivative: the twin of `Decoder.run` for FP32 on a CPU."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from ctypes import byref
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor

from edgewise.model.native import library as native
from edgewise.model.packed import PackedTokens

if TYPE_CHECKING:
    from edgewise.model.decoder import Decoder

_OF_A_LAYER = (
    *("attention_norm.weight", "qkv.weight", "qkv.bias", "attention_out.weight"),
    *("feed_forward_norm.weight", "gate_up.weight", "down.weight"),
)


def usable(model: Decoder) -> bool:
    """Whether the kernels can run this decoder as it is now: FP32 on a CPU, outside autocast."""
    weight = model.embedding.weight
    plain = weight.device.type == "cpu" and weight.dtype == torch.float32
    return plain and not torch.is_autocast_enabled("cpu") and native.library() is not None


def hidden_states(model: Decoder, text: PackedTokens) -> Tensor:
    """Hidden states [N, width] of the text, on one thread; differentiable, once, by the weights.

    IndexError where a token is not in the vocabulary or a position is none of the model's.
    """
    _within("token", text.token_N, model.vocabulary)
    _within("position", text.position_N, len(model.rotations))
    hidden: Tensor = _Hidden.apply(model, text, *weights_of(model))  # type: ignore[no-untyped-call]
    return hidden


def weights_of(model: Decoder) -> list[Tensor]:
    """In the order in which the kernels take them: embedding, last norm, then layer by layer as `native.Layer`."""
    names = ["embedding.weight", "norm.weight"]
    names += [f"blocks.{layer}.{name}" for layer in range(model.spec.layers) for name in _OF_A_LAYER]
    return [model.get_parameter(name) for name in names]


def described(model: Decoder, weights: Sequence[Tensor]) -> native.Model:
    """The decoder as the kernels read it, in place: good for as long as its `weights_of` stay where they are."""
    spec = model.spec
    embedding, norm, *layers = weights
    return native.Model(
        *(spec.width, spec.layers, spec.heads, spec.kv_heads, spec.head_depth, spec.feed_forward, model.vocabulary),
        spec.norm_eps,
        *map(native.pointer, (embedding, norm, model.head.weight, torch.view_as_real(model.rotations))),
        _layers(layers),
    )


class _Hidden(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, model: Decoder, text: PackedTokens, *weights: Tensor) -> Tensor:
        kernels, described_model = native.kernels(), described(model, weights)
        written = _Written(text)
        hidden = torch.empty(len(text.token_N), model.spec.width)
        kept = _Kept(kernels.edgewise_kept(byref(described_model), len(hidden)))
        native.check(
            kernels.edgewise_forward(byref(described_model), byref(written.text), hidden.data_ptr(), kept.pointer)
        )
        if any(ctx.needs_input_grad):
            ctx.model, ctx.written, ctx.kept = model, written, kept
            ctx.save_for_backward(*weights)
        return hidden

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, d_hidden: Tensor) -> tuple[Tensor | None, ...]:
        weights = ctx.saved_tensors
        d_weights = [torch.zeros_like(weight) for weight in weights]
        d_embedding, d_norm, *d_layers = d_weights
        gradients = native.Gradients(native.pointer(d_embedding), native.pointer(d_norm), _layers(d_layers))
        d_hidden = d_hidden.contiguous()
        native.check(
            native.kernels().edgewise_backward(
                byref(described(ctx.model, weights)),
                byref(ctx.written.text),
                ctx.kept.pointer,
                d_hidden.data_ptr(),
                byref(gradients),
            )
        )
        return None, None, *d_weights


class _Kept:
    """Room for what a forward pass keeps, used again when this is no longer needed.

    Fresh memory of this size comes from the system page by page, which took a tenth of a training step.
    """

    _free: ClassVar[deque[Tensor]] = deque()

    def __init__(self, size: int) -> None:
        try:
            numbers = self._free.popleft()
        except IndexError:
            numbers = torch.empty(0)
        self._numbers = numbers
        if len(numbers) < size:
            self._numbers = torch.empty(size)
        self.pointer = self._numbers.data_ptr()

    def __del__(self) -> None:
        self._free.append(self._numbers)


class _Written:
    """A text as the kernels read it, and the arrays that hold it."""

    def __init__(self, text: PackedTokens) -> None:
        self._arrays = (text.token_N.int().contiguous(), text.position_N.int().contiguous(), text.segments_S4.long())
        token_N, position_N, segments_S4 = self._arrays
        self.text = native.Text(
            len(token_N), len(segments_S4), *map(native.pointer, (token_N, position_N, segments_S4))
        )


def _within(what: str, number_N: Tensor, size: int) -> None:
    if len(number_N) and not 0 <= int(number_N.min()) <= int(number_N.max()) < size:
        raise IndexError(f"a text has a {what} outside 0 ... {size - 1}")


def _layers(tensors: Sequence[Tensor]) -> Any:
    pointers, size = list(map(native.pointer, tensors)), len(native.Layer._fields_)
    each = [native.Layer(*pointers[i : i + size]) for i in range(0, len(pointers), size)]
    return (native.Layer * len(each))(*each)
