"""The decoder by the compiled kernels, with its derivative: hidden states of packed tokens on a CPU.

In "bf16" the factors of the layers' matrix products are rounded to bfloat16; sums, norms, softmax and what is added up
between layers are FP32, as the weights are.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from ctypes import byref
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor

from edgewise.model.native.library import check_status, loaded_kernels
from edgewise.model.native.structures import CGradients, CModel, CPackedTokens, layers_of, pointer
from edgewise.model.packed import PackedTokens

if TYPE_CHECKING:
    from edgewise.model.decoder import Decoder

_OF_A_LAYER = (
    *("attention_norm.weight", "qkv.weight", "qkv.bias", "attention_out.weight"),
    *("feed_forward_norm.weight", "gate_up.weight", "down.weight"),
)


def native_hidden_states(model: Decoder, packed: PackedTokens, precision: str = "fp32") -> Tensor:
    """Hidden states [N, width] of packed tokens in FP32, on one thread; differentiable, once, by the weights.

    IndexError where a token is not in the vocabulary or a position is none of the model's. ValueError where the
    kernels cannot compute this decoder (see `weights_of`).
    """
    _check_range("token", packed.token_N, model.vocabulary)
    _check_range("position", packed.position_N, len(model.rotations))
    hidden: Tensor = _HiddenStates.apply(model, packed, precision, *weights_of(model))  # type: ignore[no-untyped-call]
    return hidden


def weights_of(model: Decoder) -> list[Tensor]:
    """The weights in the order of the kernels: embedding, last norm, then layer by layer as `CLayer`.

    ValueError where the decoder is not what the kernels compute: FP32 on a CPU, outside autocast.
    """
    weight = model.embedding.weight
    if weight.device.type != "cpu" or weight.dtype != torch.float32 or torch.is_autocast_enabled("cpu"):
        raise ValueError(
            "a decoder with the native backend must be float32 on the cpu and outside autocast;"
            f" this one is {weight.dtype} on {weight.device}: its backend must be torch"
        )
    spec = model.spec
    assert spec.beyond_kernels is None, "such a decoder is torch's, see `serving_backend`"
    # The kernels add a bias in any case. Zeros add nothing, and have no gradient.
    without = {} if spec.qkv_bias else {"qkv.bias": torch.zeros(spec.query_width + 2 * spec.kv_width)}
    weights: list[Tensor] = [model.get_parameter("embedding.weight"), model.get_parameter("norm.weight")]
    for layer in range(spec.layers):
        weights += [
            without[name] if name in without else model.get_parameter(f"blocks.{layer}.{name}") for name in _OF_A_LAYER
        ]
    return weights


def model_structure(model: Decoder, weights: Sequence[Tensor], precision: str = "fp32") -> CModel:
    """The decoder as the kernels read it, in place: valid as long as its `weights_of` stay where they are.

    `precision` is that of the layers' matrix products.
    """
    assert precision == "fp32" or loaded_kernels().multiplies_bf16, "bf16 is torch's here, see `serving_backend`"
    spec = model.spec
    embedding, norm, *layers = weights
    return CModel(
        *(spec.width, spec.layers, spec.heads, spec.kv_heads, spec.head_depth, spec.feed_forward, model.vocabulary),
        spec.norm_eps,
        precision == "bf16",
        *map(pointer, (embedding, norm, model.head.weight, torch.view_as_real(model.rotations))),
        layers_of(layers),
    )


class _HiddenStates(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, model: Decoder, packed: PackedTokens, precision: str, *weights: Tensor) -> Tensor:
        kernels, structure = loaded_kernels().functions, model_structure(model, weights, precision)
        tokens = _TokensInC(packed)
        hidden = torch.empty(len(packed.token_N), model.spec.width)
        kept = _KeptNumbers(kernels.edgewise_kept(byref(structure), len(hidden)))
        check_status(
            kernels.edgewise_forward(byref(structure), byref(tokens.structure), hidden.data_ptr(), kept.pointer)
        )
        if any(ctx.needs_input_grad):
            ctx.model, ctx.tokens, ctx.precision, ctx.kept = model, tokens, precision, kept
            ctx.save_for_backward(*weights)
        return hidden

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, d_hidden: Tensor) -> tuple[Tensor | None, ...]:
        weights = ctx.saved_tensors
        d_weights = [torch.zeros_like(weight) for weight in weights]
        d_embedding, d_norm, *d_layers = d_weights
        gradients = CGradients(pointer(d_embedding), pointer(d_norm), layers_of(d_layers))
        d_hidden = d_hidden.contiguous()
        check_status(
            loaded_kernels().functions.edgewise_backward(
                byref(model_structure(ctx.model, weights, ctx.precision)),
                byref(ctx.tokens.structure),
                ctx.kept.pointer,
                d_hidden.data_ptr(),
                byref(gradients),
            )
        )
        return None, None, None, *d_weights


class _KeptNumbers:
    """Memory for what a forward pass keeps for its backward pass; used again when no longer needed.

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


class _TokensInC:
    """Packed tokens as the kernels read them, and the arrays that hold them."""

    def __init__(self, packed: PackedTokens) -> None:
        self._arrays = (
            packed.token_N.int().contiguous(),
            packed.position_N.int().contiguous(),
            packed.segments_S4.long(),
        )
        token_N, position_N, segments_S4 = self._arrays
        self.structure = CPackedTokens(
            len(token_N), len(segments_S4), *map(pointer, (token_N, position_N, segments_S4))
        )


def _check_range(name: str, number_N: Tensor, size: int) -> None:
    if len(number_N) and not 0 <= int(number_N.min()) <= int(number_N.max()) < size:
        raise IndexError(f"packed tokens have a {name} outside 0 ... {size - 1}")
