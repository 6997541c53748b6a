"""Packing as tensors: several documents a row, none split, no attention from one document to another.

`PackedRows` is what a next-token update sees: token ids, the position of each token, the document it belongs to, and
the weight of predicting it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from edgewise.training.documents import Document, PackedArrays, pack_arrays


@dataclass(frozen=True, slots=True)
class PackedRows:
    """R rows of T tokens each.

    `targets_RT[r, t]` is the token that position t predicts and `weights_RT` its weight, 0 for
    the last token of a document, for context and for padding. `document_RT` numbers the packed
    documents by their index in the input; padding is -1.
    """

    tokens_RT: Tensor
    positions_RT: Tensor
    document_RT: Tensor
    targets_RT: Tensor
    weights_RT: Tensor

    @classmethod
    def of(cls, arrays: PackedArrays) -> PackedRows:
        """The rows as tensors that share the arrays' memory."""
        return cls(*map(torch.from_numpy, arrays))

    def __len__(self) -> int:
        return self.tokens_RT.shape[0]

    def __getitem__(self, rows: slice) -> PackedRows:
        return PackedRows(*(getattr(self, name)[rows] for name in self.__slots__))

    @property
    def lengths_D(self) -> Tensor:
        """Tokens of each document in these rows; 0 for a document that stands in other rows."""
        return torch.bincount(self.document_RT.flatten() + 1)[1:]

    @property
    def real_tokens(self) -> int:
        """Tokens that are not padding."""
        return int(self.lengths_D.sum())

    @property
    def mean_context(self) -> float:
        """Keys that a token sees on average, itself included; padding is left out."""
        lengths_D = self.lengths_D
        return float((lengths_D * (lengths_D + 1) / 2).sum() / lengths_D.sum())

    def to(self, device: torch.device) -> PackedRows:
        """The rows on a device, with integers of 64 bits, as losses need them."""
        moved = (getattr(self, name).to(device) for name in self.__slots__)
        return PackedRows(*(tensor if tensor.is_floating_point() else tensor.long() for tensor in moved))


def pack(documents: Sequence[Document], row_length: int, pad: int) -> PackedRows:
    """Pack documents into rows of at most `row_length` tokens; see `edgewise.training.documents.pack_arrays`."""
    return PackedRows.of(pack_arrays(documents, row_length, pad))
