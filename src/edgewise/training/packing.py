"""Documents into rows: several documents a row, none split, no attention from one to another.

`Rows` is what every update sees, next-token or RL: token ids, where each token stands, which
document it belongs to, and the weight of predicting it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from edgewise.errors import InputError

# Padded columns cost time but no memory traffic worth saving below this step.
_ROUND_TO = 8


@dataclass(frozen=True, slots=True)
class Document:
    """Token ids and, for each, the weight of the loss on predicting it (0: context only).

    `positions` says where the tokens stand; None means 0, 1, 2, ...
    """

    tokens: Sequence[int]
    weights: Sequence[float]
    positions: Sequence[int] | None = None


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
        _, lengths = self.document_RT[self.document_RT >= 0].unique(return_counts=True)
        return float((lengths * (lengths + 1) / 2).sum() / lengths.sum())

    def to(self, device: torch.device) -> Rows:
        return Rows(*(getattr(self, name).to(device) for name in self.__slots__))


def pack(documents: Sequence[Document], row_length: int, pad: int) -> Rows:
    """First-fit of documents, longest first, into rows of at most `row_length` tokens.

    Rows are cut to the longest one, rounded up to a multiple of 8. InputError names a document
    that does not fit.
    """
    if not documents:
        raise InputError("pack: needs at least one document")
    sizes = [len(document.tokens) for document in documents]
    longest = max(sizes)
    if longest > row_length:
        raise InputError(f"row_length: must hold the longest document ({longest} tokens), is {row_length}")
    bins: list[list[int]] = []
    free: list[int] = []
    for index in sorted(range(len(documents)), key=lambda i: (-sizes[i], i)):
        place = next((b for b, room in enumerate(free) if room >= sizes[index]), None)
        if place is None:
            place = len(bins)
            bins.append([])
            free.append(row_length)
        bins[place].append(index)
        free[place] -= sizes[index]
    used = row_length - min(free)
    shape = (len(bins), -(-used // _ROUND_TO) * _ROUND_TO)
    tokens, positions = np.full(shape, pad, np.int64), np.zeros(shape, np.int64)
    numbers, targets = np.full(shape, -1, np.int64), np.full(shape, pad, np.int64)
    weights = np.zeros(shape, np.float32)
    for row, members in enumerate(bins):
        start = 0
        for index in members:
            document, stop = documents[index], start + sizes[index]
            tokens[row, start:stop] = document.tokens
            positions[row, start:stop] = np.arange(sizes[index]) if document.positions is None else document.positions
            numbers[row, start:stop] = index
            targets[row, start : stop - 1] = document.tokens[1:]
            weights[row, start : stop - 1] = document.weights[1:]
            start = stop
    return Rows(*(torch.from_numpy(array) for array in (tokens, positions, numbers, targets, weights)))
