"""Key-value cache whose prompt part is shared by all samples of a problem."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from edgewise.model.attention import attend_cached


class KVCache:
    """Keys and values of P problems x S slots, layer by layer.

    The prefix [P, kv_heads, L, head_depth] is a problem's prompt, stored once for all of its slots; the suffix
    [P, S, kv_heads, C, head_depth] holds the tokens of each slot's own completion, with room for C of them. The biases
    are 0 where a query may look and -inf elsewhere: `prefix_bias_PL` hides the padding of short prompts,
    `suffix_bias_C` the positions that are not written yet. Between two calls of `grow` and `select` every tensor keeps
    its address (see `edgewise.sampling.cuda_graph`).
    """

    def __init__(
        self, prefix_k: Sequence[Tensor], prefix_v: Sequence[Tensor], prefix_bias_PL: Tensor, slots: int
    ) -> None:
        problems, kv_heads, _, depth = prefix_k[0].shape
        self.prefix_k, self.prefix_v, self.prefix_bias_PL = list(prefix_k), list(prefix_v), prefix_bias_PL
        self.suffix_k = [k.new_zeros((problems, slots, kv_heads, 0, depth)) for k in prefix_k]
        self.suffix_v = [v.new_zeros((problems, slots, kv_heads, 0, depth)) for v in prefix_v]
        self.suffix_bias_C = prefix_bias_PL.new_zeros(0)

    @property
    def capacity(self) -> int:
        """Tokens of a completion that there is room for."""
        return len(self.suffix_bias_C)

    def grow(self, tokens: int) -> None:
        """Make room for so many more tokens of every completion."""
        self.suffix_bias_C = torch.cat((self.suffix_bias_C, self.suffix_bias_C.new_full((tokens,), float("-inf"))))
        problems, slots, kv_heads, _, depth = self.suffix_k[0].shape
        room = self.suffix_k[0].new_zeros((problems, slots, kv_heads, tokens, depth))
        for suffix in (self.suffix_k, self.suffix_v):
            # One layer after the other: all at once would hold the whole cache twice.
            for layer, written in enumerate(suffix):
                suffix[layer] = torch.cat((written, room), dim=3)

    def select(self, problems_P: Tensor, slots_PS: Tensor) -> None:
        """Keep these problems, in this order, and of each of them these slots."""
        self.prefix_bias_PL = self.prefix_bias_PL[problems_P]
        # One layer after the other, as in `grow`.
        for prefix in (self.prefix_k, self.prefix_v):
            for layer, tensor in enumerate(prefix):
                prefix[layer] = tensor[problems_P]
        for suffix in (self.suffix_k, self.suffix_v):
            for layer, tensor in enumerate(suffix):
                suffix[layer] = tensor[problems_P.unsqueeze(1), slots_PS]

    def show(self, position_1: Tensor) -> None:
        """Let queries see the suffix position that is about to be written."""
        self.suffix_bias_C.index_fill_(0, position_1, 0.0)

    def attend(self, layer: int, position_1: Tensor, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Store one new key and value per slot at `position_1`; attend with one query per slot to all that is visible.

        q [P, S, heads, head_depth], k and v [P, S, kv_heads, head_depth]; returns the shape of q.
        """
        suffix_k, suffix_v = self.suffix_k[layer], self.suffix_v[layer]
        suffix_k.index_copy_(3, position_1, k.unsqueeze(3))
        suffix_v.index_copy_(3, position_1, v.unsqueeze(3))
        return attend_cached(
            q,
            self.prefix_k[layer],
            self.prefix_v[layer],
            self.prefix_bias_PL,
            suffix_k,
            suffix_v,
            self.suffix_bias_C,
        )
