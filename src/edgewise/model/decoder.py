"""Decoder-only transformer in Qwen2's shape: RMSNorm, RoPE, SwiGLU, grouped-query attention.

Projections that read the same input are one matrix (query, key and value; gate and up);
`edgewise.model.hf` knows how they are split in a Hugging Face checkpoint.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from typing import ParamSpec, Self, TypeVar, cast

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional as F

from edgewise.core.spec import Spec
from edgewise.model.attention import PackedAttention
from edgewise.model.backend import Backend, choose_backend, serving_backend
from edgewise.model.fixed_order import linear_layer
from edgewise.model.native.decoder import native_hidden_states
from edgewise.model.normal_numbers import normal_numbers
from edgewise.model.packed import PackedTokens

# (layer, q, k, v) -> what each query gathers; [..., heads or kv_heads, head_depth].
Attend = Callable[[int, Tensor, Tensor, Tensor], Tensor]

P = ParamSpec("P")
R = TypeVar("R")


class DecoderSpec(Spec):
    """The shape of a decoder; the vocabulary comes from the tokenizer."""

    width: int = Field(96, ge=1)
    layers: int = Field(3, ge=1)
    heads: int = Field(6, ge=1)
    kv_heads: int = Field(3, ge=1)
    feed_forward: int = Field(256, ge=1)
    max_positions: int = Field(512, ge=1)
    rope_theta: float = Field(10_000.0, gt=0)
    norm_eps: float = Field(1e-6, gt=0)
    tied: bool = True

    @model_validator(mode="after")
    def _divides(self) -> Self:
        if self.width % self.heads or (self.width // self.heads) % 2:
            raise ValueError(f"width {self.width} must be heads {self.heads} times an even number")
        if self.heads % self.kv_heads:
            raise ValueError(f"heads {self.heads} must be a multiple of kv_heads {self.kv_heads}")
        return self

    @property
    def head_depth(self) -> int:
        return self.width // self.heads

    @property
    def kv_width(self) -> int:
        return self.kv_heads * self.head_depth

    def matmul_parameters(self, vocabulary: int) -> int:
        """Weights that every token is multiplied with, the output head included."""
        attention = self.width * (2 * self.width + 2 * self.kv_width)
        return self.layers * (attention + 3 * self.width * self.feed_forward) + self.width * vocabulary

    def kv_bytes_per_token(self, bytes_per_number: int = 4) -> int:
        """Bytes of keys and values that one token adds to a cache."""
        return 2 * self.layers * self.kv_width * bytes_per_number


class Block(nn.Module):
    """One layer: attention and SwiGLU, each behind an RMSNorm and a residual connection."""

    def __init__(self, spec: DecoderSpec) -> None:
        super().__init__()
        self.spec = spec
        self.attention_norm = nn.RMSNorm(spec.width, eps=spec.norm_eps)
        self.qkv = nn.Linear(spec.width, spec.width + 2 * spec.kv_width)
        self.attention_out = nn.Linear(spec.width, spec.width, bias=False)
        self.feed_forward_norm = nn.RMSNorm(spec.width, eps=spec.norm_eps)
        self.gate_up = nn.Linear(spec.width, 2 * spec.feed_forward, bias=False)
        self.down = nn.Linear(spec.feed_forward, spec.width, bias=False)

    def before_attention(self, x: Tensor, rotation: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Query, key and value [..., heads or kv_heads, head_depth] of x [..., width], turned by `rotation`."""
        spec = self.spec
        q, k, v = self.qkv(self.attention_norm(x)).split((spec.width, spec.kv_width, spec.kv_width), dim=-1)
        q = rotate(q.unflatten(-1, (spec.heads, spec.head_depth)), rotation)
        k = rotate(k.unflatten(-1, (spec.kv_heads, spec.head_depth)), rotation)
        return q, k, v.unflatten(-1, (spec.kv_heads, spec.head_depth))

    def after_attention(self, x: Tensor, gathered: Tensor) -> Tensor:
        """x [..., width] after the layer; `gathered` [..., heads, head_depth] is what attention returned."""
        x = x + self.attention_out(gathered.flatten(-2))
        gate, up = self.gate_up(self.feed_forward_norm(x)).chunk(2, dim=-1)
        out: Tensor = x + self.down(F.silu(gate) * up)
        return out


def _rotations(spec: DecoderSpec) -> Tensor:
    """cos + i sin of position x theta^(-2i/D), complex [max_positions, head_depth / 2].

    Angles are rounded to float32, as transformers does. Their cosines are taken in double precision one by one, because
    those of torch depend on the instructions that it finds.
    """
    depth = spec.head_depth
    frequency = torch.tensor([spec.rope_theta ** (-2 * pair / depth) for pair in range(depth // 2)])
    angles: list[float] = torch.outer(torch.arange(spec.max_positions).float(), frequency).flatten().tolist()
    parts = torch.tensor([part for angle in angles for part in (math.cos(angle), math.sin(angle))])
    return torch.view_as_complex(parts.view(spec.max_positions, depth // 2, 2))


def rotate(x: Tensor, rotation: Tensor) -> Tensor:
    """Rotary position embedding: neighbouring features are the two parts of a complex number.

    Hugging Face pairs feature i with i + D/2 instead; the two differ by a fixed order of the rows
    of the query and key projections, which `edgewise.model.hf` applies. One complex product
    takes less than half the time of the five real operations it replaces on a CPU. `rotation` is complex
    [..., 1, head_depth / 2], or its real view [..., 1, head_depth / 2, 2] for torch.compile, which fuses real
    operations alone.
    """
    pairs = x.float().unflatten(-1, (-1, 2))
    if rotation.is_complex():
        return torch.view_as_real(torch.view_as_complex(pairs) * rotation).flatten(-2).to(x.dtype)
    (a, b), (cos, sin) = pairs.unbind(-1), rotation.unbind(-1)
    return torch.stack((a * cos - b * sin, a * sin + b * cos), dim=-1).flatten(-2).to(x.dtype)


@cache
def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """The function, compiled by torch.compile for any sizes when it is first called; one for all models."""
    return torch.compile(function, dynamic=True)


class Decoder(nn.Module):
    """Embedding, layers, last norm and head.

    `forward` gives hidden states of padded rows, `forward_packed` of packed tokens, both by `backend`; `forward_torch`
    gives them with any kind of attention, always by torch; `logits` maps hidden states to the vocabulary. A copy
    has the same backend. `precision` "bf16" runs the layers in bfloat16, with the weights in FP32.
    """

    rotations: Tensor

    def __init__(
        self,
        spec: DecoderSpec,
        vocabulary: int,
        seed: int = 0,
        *,
        device: torch.device | str = "cpu",
        backend: str = "auto",
    ) -> None:
        """Random weights by `seed`, the same on every device. InputError where the backend cannot run there."""
        super().__init__()
        self.spec = spec
        self.vocabulary = vocabulary
        self.backend: Backend = choose_backend(backend, device)
        self.embedding = nn.Embedding(vocabulary, spec.width)
        self.blocks = nn.ModuleList(Block(spec) for _ in range(spec.layers))
        self.norm = nn.RMSNorm(spec.width, eps=spec.norm_eps)
        self.head = nn.Linear(spec.width, vocabulary, bias=False)
        if spec.tied:
            self.head.weight = self.embedding.weight
        self.register_buffer("rotations", _rotations(spec), persistent=False)
        self._initialise(seed)
        self.to(device)

    def _initialise(self, seed: int) -> None:
        generator = torch.Generator().manual_seed(seed)
        # 1/sqrt(width), not the usual 0.02: at width 96 the latter is five times too small and
        # learning starts late. Residual branches start smaller so that the sum over layers keeps
        # its scale (GPT-2).
        std = self.spec.width**-0.5
        residual_std = std / (2 * self.spec.layers) ** 0.5
        with torch.no_grad():
            for name, parameter in self.named_parameters():
                if name.endswith("bias"):
                    parameter.zero_()
                elif "norm" in name:
                    parameter.fill_(1.0)
                else:
                    branch = name.endswith(("attention_out.weight", "down.weight"))
                    number = normal_numbers(parameter.numel(), generator).view(parameter.shape)
                    parameter.copy_(number * (residual_std if branch else std))

    def forward(self, tokens_BT: Tensor, positions_BT: Tensor, documents_BT: Tensor, precision: str = "fp32") -> Tensor:
        """Hidden states [B, T, width] of padded rows (see `edgewise.training.packing`).

        They have no meaning in the padding.
        """
        backend = serving_backend(self.backend, precision=precision)
        if backend == "native":
            packed, place_N = PackedTokens.of_rows(tokens_BT, positions_BT, documents_BT)
            hidden_MW = self.embedding.weight.new_zeros(tokens_BT.numel(), self.spec.width)
            hidden_MW = hidden_MW.index_copy(0, place_N, native_hidden_states(self, packed, precision))
            return hidden_MW.view(*tokens_BT.shape, self.spec.width)
        attention = PackedAttention(documents_BT)
        with _layers_in(precision, tokens_BT.device):
            return self.forward_torch(
                tokens_BT, positions_BT, lambda layer, q, k, v: attention(q, k, v), compile_layers=backend == "inductor"
            )

    def forward_packed(self, packed: PackedTokens, precision: str = "fp32") -> Tensor:
        """Hidden states [N, width] of packed tokens. In torch each segment is a row of its own."""
        if serving_backend(self.backend, precision=precision) == "native":
            return native_hidden_states(self, packed, precision)
        number_ST, documents_ST, place_N = packed.rows()
        hidden_STW = self(packed.token_N[number_ST], packed.position_N[number_ST], documents_ST, precision)
        hidden_NW: Tensor = hidden_STW.flatten(0, 1)[place_N]
        return hidden_NW

    def forward_torch(
        self, tokens: Tensor, positions: Tensor, attend: Attend, *, compile_layers: bool = False
    ) -> Tensor:
        """Hidden states [..., width] of tokens [...] at positions [...], by torch.

        `attend(layer, q, k, v)` is the only place where tokens meet, so that training and sampling share every other
        line of the model. `compile_layers` compiles all of a layer but that by torch.compile.
        """
        rotation = self.rotations[positions].unsqueeze(-2)
        before, after = Block.before_attention, Block.after_attention
        if compile_layers:
            rotation, before, after = torch.view_as_real(rotation), compiled(before), compiled(after)
        x = self.embedding(tokens)
        for layer, block in enumerate(cast(Iterable[Block], self.blocks)):
            x = after(block, x, attend(layer, *before(block, x, rotation)))
        hidden: Tensor = self.norm(x)
        return hidden

    def logits(self, hidden: Tensor, precision: str = "fp32") -> Tensor:
        """FP32 logits [..., vocabulary], whatever the precision of the hidden states.

        In "bf16" kernels that multiply bfloat16 keep 16 bits of each factor, so that rounding is that of the layers.
        """
        with torch.autocast(hidden.device.type, enabled=False):
            hidden, weight = hidden.float(), self.head.weight.float()
            if self.backend != "native":
                return F.linear(hidden, weight)
            of_rows = linear_layer(hidden.flatten(0, -2), weight, precision=precision)
            return of_rows.view(*hidden.shape[:-1], len(weight))


def _layers_in(precision: str, device: torch.device) -> AbstractContextManager[object]:
    return torch.autocast(device.type, torch.bfloat16) if precision == "bf16" else nullcontext()
