"""Samples as text, with what is known of each completion token, and models run over them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from edgewise.model.decoder import Decoder
from edgewise.model.flops import forward_flops
from edgewise.model.packed import PackedTokens
from edgewise.rollouts.rollouts import Rollouts
from edgewise.training.execution import Execution

Cells = Sequence[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Part:
    """One micro-batch. N are its tokens with loss: those of the completions.

    `source_N` is the place in the text whose hidden state predicts the token.
    """

    text: PackedTokens
    source_N: Tensor
    token_N: Tensor
    document_N: Tensor
    place_N: Tensor
    weight_N: Tensor
    tables_DT: Mapping[str, Tensor]

    def __getitem__(self, name: str) -> Tensor:
        """What the batch's table of that name says of each token."""
        return self.tables_DT[name][self.document_N, self.place_N]


@dataclass(frozen=True, slots=True)
class Family:
    """A prompt and the completions of it that are in the batch, by number of document."""

    prompt: NDArray[np.int64]
    completions: Mapping[int, NDArray[np.int64]]

    @property
    def tokens(self) -> int:
        """Of its text, where the prompt stands once; the last of a completion predicts nothing and is left out."""
        return len(self.prompt) + sum(len(ids) - 1 for ids in self.completions.values())

    @property
    def seen(self) -> float:
        """Keys that these tokens see in all, each token itself included."""
        own = np.array([len(ids) - 1 for ids in self.completions.values()])
        length = len(self.prompt)
        return float(length * (length + 1) / 2 + (own * length + own * (own + 1) / 2).sum())

    def pieces(self, limit: int) -> list[Family]:
        """The completions in equal shares of about `limit` tokens, each behind the prompt."""
        documents = np.array(list(self.completions))
        count = min(len(documents), -(-self.tokens // limit))
        return [
            Family(self.prompt, {d: self.completions[d] for d in share.tolist()})
            for share in np.array_split(documents, count)
        ]


@dataclass(frozen=True, slots=True)
class Batch:
    """D samples; each of their tokens has the weight of its sample.

    `tables_DT` have a row for each sample and a column for each token of its completion.
    """

    families: Sequence[Family]
    weight_D: Tensor
    tables_DT: Mapping[str, Tensor]

    @property
    def tokens(self) -> int:
        """Tokens with loss."""
        return sum(len(ids) for family in self.families for ids in family.completions.values())

    def forward_flops(self, model: Decoder) -> float:
        """FLOPs of one pass over the batch."""
        tokens, seen = sum(f.tokens for f in self.families), sum(f.seen for f in self.families)
        return forward_flops(model.spec, model.vocabulary, tokens, seen / tokens)

    def parts(self, execution: Execution) -> list[Part]:
        """This rank's micro-batches, on the run's device. Completions are never split."""
        limit = execution.micro_batch_tokens(sum(family.tokens for family in self.families))
        weight_D = self.weight_D.to(execution.device)
        tables = {name: table.to(execution.device) for name, table in self.tables_DT.items()}
        shares: list[list[Family]] = [[]]
        for piece in (piece for family in self.families for piece in family.pieces(limit)):
            if shares[-1] and sum(f.tokens for f in shares[-1]) + piece.tokens > limit:
                shares.append([])
            shares[-1].append(piece)
        return [_part(share, weight_D, tables, execution.device) for share in execution.distributed.shard(shares)]


def make_batch(rollouts: Rollouts, cells: Cells, weight_PG: Tensor, tables: Mapping[str, Tensor]) -> Batch:
    """The samples (problem, sample) of `cells`; each of their tokens has the weight of its sample.

    `tables` are [P, G, T].
    """
    documents: dict[int, dict[int, NDArray[np.int64]]] = {}
    for d, (p, g) in enumerate(cells):
        documents.setdefault(p, {})[d] = np.array(rollouts.completions.ids(p, g))
    families = [Family(np.array(rollouts.prompts[p]), completions) for p, completions in documents.items()]
    problem_D, sample_D = torch.tensor(cells).unbind(1)
    tables_DT = {name: table[problem_D, sample_D] for name, table in tables.items()}
    return Batch(families, weight_PG[problem_D, sample_D].float(), tables_DT)


def _part(families: Sequence[Family], weight_D: Tensor, tables_DT: Mapping[str, Tensor], device: torch.device) -> Part:
    segments: list[tuple[int, int, int, int]] = []
    tokens, positions, sources, targets, documents, places = (_Numbers() for _ in range(6))
    start = 0
    for family in families:
        length, prompt_start = len(family.prompt), start
        tokens.append(family.prompt)
        positions.append(np.arange(length))
        segments.append((start, length, 0, 0))
        start += length
        for document, ids in family.completions.items():
            own = len(ids) - 1
            tokens.append(ids[:-1])
            positions.append(np.arange(length, length + own))
            # The end of the prompt predicts the first token of every completion.
            sources.append(np.array([prompt_start + length - 1]))
            sources.append(np.arange(start, start + own))
            targets.append(ids)
            documents.append(np.full(len(ids), document))
            places.append(np.arange(len(ids)))
            if own:
                segments.append((start, own, prompt_start, length))
            start += own

    text = PackedTokens(tokens.joined(device), positions.joined(device), torch.tensor(segments, device=device))
    document_N = documents.joined(device)
    return Part(
        text,
        sources.joined(device),
        targets.joined(device),
        document_N,
        places.joined(device),
        weight_D[document_N],
        tables_DT,
    )


class _Numbers(list[NDArray[np.int64]]):
    """Whole numbers that come in runs."""

    def joined(self, device: torch.device) -> Tensor:
        return torch.from_numpy(np.concatenate(self)).to(device)


def all_cells(rollouts: Rollouts) -> list[tuple[int, int]]:
    """Every (problem, sample)."""
    return [(p, g) for p in range(len(rollouts.problems)) for g in range(rollouts.samples)]


def hidden_of(model: Decoder, part: Part) -> Tensor:
    """Hidden states [N, width] from which the tokens with loss are predicted."""
    return model.forward_packed(part.text)[part.source_N]


def logits_of(model: Decoder, part: Part, temperature: float) -> Tensor:
    """Tempered logits [N, V] at the tokens with loss."""
    return model.logits(hidden_of(model, part) / temperature)


def logp_of(logits_NV: Tensor, part: Part) -> Tensor:
    """The log-probability [N] of the tokens that were drawn."""
    return torch.log_softmax(logits_NV, dim=-1).gather(1, part.token_N.unsqueeze(1)).squeeze(1)


@torch.no_grad()
def of_every_token(score: Callable[[Part], Tensor], rollouts: Rollouts, execution: Execution) -> Tensor:
    """`score` of each completion token of all samples, [P, G, T] on the CPU; 0 beyond a sample's length."""
    cells = all_cells(rollouts)
    shape = rollouts.completions.tokens_PGT.shape
    parts = make_batch(rollouts, cells, torch.ones(shape[:2]), {}).parts(execution)
    found_DT = torch.zeros(len(cells), shape[2])
    for part, found_N in zip(parts, execution.map_in_order(score, parts), strict=True):
        found_DT[part.document_N.cpu(), part.place_N.cpu()] = found_N.float().cpu()
    # What another rank has found is 0 here.
    execution.distributed.all_reduce_([found_DT])
    return found_DT.view(shape)
