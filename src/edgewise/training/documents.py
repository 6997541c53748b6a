"""Documents: worked problems as token ids, and the documents of one update packed into rows.

No torch here: the processes that prepare data must start fast (see `edgewise.training.loader`).
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edgewise.core.distributed import SINGLE_PROCESS, Distributed
from edgewise.core.errors import InputError
from edgewise.core.keyed import rng
from edgewise.model.problem_ids import prompt_ids, solution_ids
from edgewise.model.tokenizer import Tokenizer
from edgewise.tasks.base import Problem, Split, World

_GAPS = 4
# Padded columns cost time but no memory traffic worth saving below this step.
_ROUND_TO = 8


@dataclass(frozen=True, slots=True)
class Document:
    """Token ids, and for each the weight of the loss on predicting it (0: context only).

    `positions` are those of the tokens; None means 0, 1, 2, ...
    """

    tokens: Sequence[int]
    weights: Sequence[float]
    positions: Sequence[int] | None = None


class PackedArrays(NamedTuple):
    """R rows of T tokens; `edgewise.training.packing.PackedRows` says what each array holds."""

    tokens_RT: NDArray[np.int32]
    positions_RT: NDArray[np.int32]
    document_RT: NDArray[np.int32]
    targets_RT: NDArray[np.int32]
    weights_RT: NDArray[np.float32]


def rows_of_step(
    world: World,
    split: Split,
    tokenizer: Tokenizer,
    documents: int,
    row_length: int,
    randomized_positions: int,
    seed: int,
    step: int,
    distributed: Distributed = SINGLE_PROCESS,
) -> PackedArrays:
    """The rows of update `step`: problems step * documents ... of the split with their solutions, packed.

    Each rank of `distributed` makes its share of the problems and packs them by itself; where there are more ranks
    than problems, some have no rows.
    """
    share = distributed.shard(range(step * documents, (step + 1) * documents))
    made = [worked_document(world, world.problem(split, seed, i), tokenizer, randomized_positions) for i in share]
    return pack_arrays(made, row_length, tokenizer.pad) if made else _no_rows()


def worked_document(world: World, problem: Problem, tokenizer: Tokenizer, randomized_positions: int = 0) -> Document:
    """A problem with its solution: bos prompt solution eos. Loss falls on the solution and the eos.

    Up to `randomized_positions` positions are skipped.
    """
    prompt = prompt_ids(tokenizer, problem)
    solution = solution_ids(tokenizer, world, problem)
    tokens = [*prompt, *solution]
    weights = [0.0] * len(prompt) + [1.0] * len(solution)
    if not randomized_positions:
        return Document(tokens, weights)
    source = rng("stretch", problem.split, problem.seed, problem.index)
    return Document(tokens, weights, draw_positions(source, len(tokens), randomized_positions))


def _no_rows() -> PackedArrays:
    numbers = np.zeros((0, _ROUND_TO), np.int32)
    return PackedArrays(numbers, numbers, numbers, numbers, np.zeros(numbers.shape, np.float32))


def draw_positions(source: random.Random, length: int, randomized_positions: int) -> list[int]:
    """0, 1, 2, ... with up to `randomized_positions` positions left out, at up to `_GAPS` random places."""
    skip = [0] * length
    left = source.randint(0, randomized_positions)
    for _ in range(_GAPS):
        gap = source.randint(0, left)
        skip[source.randrange(length)] += gap
        left -= gap
    return [i + skipped for i, skipped in enumerate(accumulate(skip))]


def pack_arrays(documents: Sequence[Document], row_length: int, pad: int) -> PackedArrays:
    """Pack documents into rows of at most `row_length` tokens: first-fit, the longest first.

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
    tokens, positions = np.full(shape, pad, np.int32), np.zeros(shape, np.int32)
    numbers, targets = np.full(shape, -1, np.int32), np.full(shape, pad, np.int32)
    weights = np.zeros(shape, np.float32)
    for row, members in enumerate(bins):
        start = 0
        for index in members:
            document, stop = documents[index], start + sizes[index]
            tokens[row, start:stop] = document.tokens
            positions[row, start:stop] = np.arange(sizes[index]) if document.positions is None else document.positions
            numbers[row, start:stop] = index
            targets[row, start : stop - 1] = tokens[row, start + 1 : stop]
            weights[row, start : stop - 1] = document.weights[1:]
            start = stop
    return PackedArrays(tokens, positions, numbers, targets, weights)
