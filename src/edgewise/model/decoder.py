"""Decoder-only transformer of Qwen2, Llama or Qwen3: RMSNorm, RoPE, SwiGLU, grouped-query attention.

Projections that read the same input are one matrix (query, key and value; gate and up);
`edgewise.model.hf` knows how they are split in a Hugging Face checkpoint.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from typing import Annotated, ParamSpec, Self, TypeVar, cast

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional as F

from edgewise.core.spec import ADDED_LATER, Spec
from edgewise.model.attention import PackedAttention
from edgewise.model.backend import Backend, choose_backend, serving_backend
from edgewise.model.fixed_order import linear_layer
from edgewise.model.native.decoder import native_hidden_states
from edgewise.model.normal_numbers import normal_numbers
from edgewise.model.packed import PackedTokens
from edgewise.model.rotary import Llama3Rope, rotate, rotation_table

# (layer, q, k, v) -> what each query gathers; [..., heads or kv_heads, head_depth].
Attend = Callable[[int, Tensor, Tensor, Tensor], Tensor]

P = ParamSpec("P")
R = TypeVar("R")


class DecoderSpec(Spec):
    """The shape of a decoder; the vocabulary comes from the tokenizer. The default is Qwen2's.

    Llama has no `qkv_bias`. Qwen3 has none either, but `qk_norm`: an RMSNorm of each query and key before the rotation.
    `head_dim` is the width of a head; None is width / heads. `rope_scaling` is that of Llama 3.1 and later.
    """

    width: int = Field(96, ge=1)
    layers: int = Field(3, ge=1)
    heads: int = Field(6, ge=1)
    kv_heads: int = Field(3, ge=1)
    feed_forward: int = Field(256, ge=1)
    max_positions: int = Field(512, ge=1)
    rope_theta: float = Field(10_000.0, gt=0)
    norm_eps: float = Field(1e-6, gt=0)
    tied: bool = True
    qkv_bias: Annotated[bool, ADDED_LATER] = True
    qk_norm: Annotated[bool, ADDED_LATER] = False
    head_dim: Annotated[int | None, ADDED_LATER] = Field(None, ge=1)
    rope_scaling: Annotated[Llama3Rope | None, ADDED_LATER] = None

    @model_validator(mode="after")
    def _divides(self) -> Self:
        if self.head_dim is None and (self.width % self.heads or self.head_depth % 2):
            raise ValueError(f"width {self.width} must be heads {self.heads} times an even number")
        if self.head_depth % 2:
            raise ValueError(f"head_dim {self.head_dim} must be even")
        if self.heads % self.kv_heads:
            raise ValueError(f"heads {self.heads} must be a multiple of kv_heads {self.kv_heads}")
        if self.qk_norm and self.qkv_bias:
            raise ValueError("qkv_bias must be false with qk_norm: Qwen3 has no bias")
        return self

    @property
    def head_depth(self) -> int:
        return self.head_dim or self.width // self.heads

    @property
    def query_width(self) -> int:
        return self.heads * self.head_depth

    @property
    def kv_width(self) -> int:
        return self.kv_heads * self.head_depth

    @property
    def beyond_kernels(self) -> str | None:
        """The field that the compiled kernels do not compute, so that torch serves the decoder; None where they do."""
        if self.qk_norm:
            return "qk_norm"
        return "head_dim" if self.query_width != self.width else None

    def matmul_parameters(self, vocabulary: int) -> int:
        """Weights that every token is multiplied with, the output head included."""
        attention = self.width * (2 * self.query_width + 2 * self.kv_width)
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
        self.qkv = nn.Linear(spec.width, spec.query_width + 2 * spec.kv_width, bias=spec.qkv_bias)
        if spec.qk_norm:
            self.q_norm = nn.RMSNorm(spec.head_depth, eps=spec.norm_eps)
            self.k_norm = nn.RMSNorm(spec.head_depth, eps=spec.norm_eps)
        self.attention_out = nn.Linear(spec.query_width, spec.width, bias=False)
        self.feed_forward_norm = nn.RMSNorm(spec.width, eps=spec.norm_eps)
        self.gate_up = nn.Linear(spec.width, 2 * spec.feed_forward, bias=False)
        self.down = nn.Linear(spec.feed_forward, spec.width, bias=False)

    def before_attention(self, x: Tensor, rotation: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Query, key and value [..., heads or kv_heads, head_depth] of x [..., width], turned by `rotation`."""
        spec = self.spec
        q, k, v = self.qkv(self.attention_norm(x)).split((spec.query_width, spec.kv_width, spec.kv_width), dim=-1)
        q, k, v = (part.unflatten(-1, (-1, spec.head_depth)) for part in (q, k, v))
        if spec.qk_norm:
            q, k = self.q_norm(q), self.k_norm(k)
        return rotate(q, rotation), rotate(k, rotation), v

    def after_attention(self, x: Tensor, gathered: Tensor) -> Tensor:
        """x [..., width] after the layer; `gathered` [..., heads, head_depth] is what attention returned."""
        x = x + self.attention_out(gathered.flatten(-2))
        gate, up = self.gate_up(self.feed_forward_norm(x)).chunk(2, dim=-1)
        out: Tensor = x + self.down(F.silu(gate) * up)
        return out


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
        seed: int | None = 0,
        *,
        device: torch.device | str = "cpu",
        backend: str = "auto",
    ) -> None:
        """Random weights by `seed`, the same on every device; None leaves them to be filled in.

        InputError where the backend cannot run there. Torch serves a shape that the kernels do not compute
        (`DecoderSpec.beyond_kernels`).
        """
        super().__init__()
        self.spec = spec
        self.vocabulary = vocabulary
        self.backend: Backend = serving_backend(choose_backend(backend, device), beyond_kernels=spec.beyond_kernels)
        # On the device "meta" torch draws no weights of its own, which takes longer than reading a large file.
        with torch.device("meta") if seed is None else nullcontext():
            self.embedding = nn.Embedding(vocabulary, spec.width)
            self.blocks = nn.ModuleList(Block(spec) for _ in range(spec.layers))
            self.norm = nn.RMSNorm(spec.width, eps=spec.norm_eps)
            self.head = nn.Linear(spec.width, vocabulary, bias=False)
        if seed is None:
            self.to_empty(device="cpu")
        if spec.tied:
            self.head.weight = self.embedding.weight
        rotations = rotation_table(spec.max_positions, spec.head_depth, spec.rope_theta, spec.rope_scaling)
        self.register_buffer("rotations", rotations, persistent=False)
        if seed is not None:
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
