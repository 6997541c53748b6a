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

__all__ = ["Document", "Rows", "pack"]


@dataclass(frozen=True, slots=True)
class Rows:
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
    def of(cls, arrays: Arrays) -> Rows:
        """The same rows as tensors."""
        # Smaller on their way here, see `edgewise.training.feed`; indices and targets must be of 64 bits.
        *numbers, weights_RT = map(torch.from_numpy, arrays)
        return cls(*(tensor.long() for tensor in numbers), weights_RT)  # type: ignore[call-arg]

    def __len__(self) -> int:
        return self.tokens_RT.shape[0]

    def __getitem__(self, rows: slice) -> Rows:
        return Rows(*(getattr(self, name)[rows] for name in self.__slots__))

    @property
    def real_tokens(self) -> int:
        """Tokens that are not padding."""
        return int((self.document_RT >= 0).sum())

    @property
    def mean_context(self) -> float:
        """Keys that a real token sees on average, itself included."""
        lengths = torch.bincount(self.document_RT[self.document_RT >= 0])
        return float((lengths * (lengths + 1) / 2).sum() / lengths.sum())

    def to(self, device: torch.device) -> Rows:
        return Rows(*(getattr(self, name).to(device) for name in self.__slots__))


def pack(documents: Sequence[Document], row_length: int, pad: int) -> Rows:
    """The documents in rows of at most `row_length` tokens; see `edgewise.training.documents.lay_out`."""
    return Rows.of(lay_out(documents, row_length, pad))
