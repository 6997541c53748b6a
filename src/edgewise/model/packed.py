"""Packed tokens: token ids side by side without padding, and which of them see each other."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class PackedTokens:
    """N tokens in S segments.

    A token sees itself and the earlier tokens of its segment. A segment may continue another one, its prefix, and then
    its tokens see all of that too: a prompt stands once for all of its completions. `segments_S4` has for each segment
    its first token and its length, and the same of its prefix, whose length is 0 where there is none.
    """

    token_N: Tensor
    position_N: Tensor
    segments_S4: Tensor

    @property
    def context(self) -> float:
        """Keys that a token sees on average, itself included."""
        _, length, _, prefix = self.segments_S4.double().unbind(1)
        return float((length * (prefix + (length + 1) / 2)).sum() / length.sum())

    @classmethod
    def of_rows(cls, tokens_RT: Tensor, positions_RT: Tensor, documents_RT: Tensor) -> tuple[PackedTokens, Tensor]:
        """Pack the documents of padded rows, a segment each; also the place [N] of each token in the flattened rows."""
        document_M = documents_RT.flatten()
        place_N = (document_M >= 0).nonzero().squeeze(1)
        # Rows end segments too: documents of the same number in two rows are two.
        owner_N = document_M[place_N] + (place_N // documents_RT.shape[1]) * (document_M.max() + 1)
        _, length_S = owner_N.unique_consecutive(return_counts=True)
        start_S = length_S.cumsum(0) - length_S
        none_S = torch.zeros_like(length_S)
        segments = torch.stack((start_S, length_S, none_S, none_S), dim=1)
        return cls(tokens_RT.flatten()[place_N], positions_RT.flatten()[place_N], segments), place_N

    def rows(self) -> tuple[Tensor, Tensor, Tensor]:
        """The same tokens as one padded row for each segment, with its prefix in front.

        Returns the index [S, T] of each row's tokens among the packed ones, documents [S, T] (0, or -1 for padding),
        and the place [N] of each packed token in the flattened rows.
        """
        start_S, length_S, prefix_start_S, prefix_length_S = self.segments_S4.unbind(1)
        columns = torch.arange(int((length_S + prefix_length_S).max()), device=self.token_N.device)
        of_prefix = columns < prefix_length_S[:, None]
        inside = columns < (length_S + prefix_length_S)[:, None]
        own_number_ST = start_S[:, None] + columns - prefix_length_S[:, None]
        number_ST = torch.where(of_prefix, prefix_start_S[:, None] + columns, own_number_ST).where(inside, 0)
        place_N = torch.empty_like(self.token_N)
        is_own = inside & ~of_prefix
        place_N[number_ST[is_own]] = is_own.flatten().nonzero().squeeze(1)
        return number_ST, torch.where(inside, 0, -1), place_N
