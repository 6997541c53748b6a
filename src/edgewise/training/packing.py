"""Documents into rows: several documents a row, none split, no attention from one to another.

`Rows` is what every update sees, next-token or RL: token ids, where each token stands, which
document it belongs to, and the weight of predicting it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from edgewise.training.documents import Arrays, Document, lay_out


@dataclass(frozen=True, slots=True)
class PackedRows:
    """R rows of T tokens.

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
    def of(cls, arrays: Arrays) -> PackedRows:
        """The same rows as tensors."""
        return cls(*map(torch.from_numpy, arrays))

    def __len__(self) -> int:
        return self.tokens_RT.shape[0]

    def __getitem__(self, rows: slice) -> PackedRows:
        return PackedRows(*(getattr(self, name)[rows] for name in self.__slots__))

    @property
    def lengths_D(self) -> Tensor:
        """Tokens of each document; 0 for those of which there are none here."""
        return torch.bincount(self.document_RT.flatten() + 1)[1:]

    @property
    def real_tokens(self) -> int:
        """Tokens that are not padding."""
        return int(self.lengths_D.sum())

    @property
    def mean_context(self) -> float:
        """Keys that a real token sees on average, itself included."""
        lengths_D = self.lengths_D
        return float((lengths_D * (lengths_D + 1) / 2).sum() / lengths_D.sum())

    def to(self, device: torch.device) -> PackedRows:
        """The rows on a device; integers, of 32 bits until then, have the 64 there that losses ask for."""
        moved = (getattr(self, name).to(device) for name in self.__slots__)
        return PackedRows(*(tensor if tensor.is_floating_point() else tensor.long() for tensor in moved))


def pack(documents: Sequence[Document], row_length: int, pad: int) -> PackedRows:
    """The documents in rows of at most `row_length` tokens; see `edgewise.training.documents.lay_out`."""
    return PackedRows.of(lay_out(documents, row_length, pad))
