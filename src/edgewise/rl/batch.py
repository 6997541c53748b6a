"""Samples as packed rows, with what is known of each completion token, and models run over them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from edgewise.model.decoder import Decoder
from edgewise.sampling.rollouts import Rollouts
from edgewise.training.documents import Document
from edgewise.training.next_token import micro_batches
from edgewise.training.packing import Rows, pack
from edgewise.training.run import Run

Cells = Sequence[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Part:
    """One micro-batch. N are its tokens with loss: those of the completions."""

    rows: Rows
    counted_RT: Tensor
    token_N: Tensor
    document_N: Tensor
    weight_N: Tensor
    place_N: Tensor
    tables_DT: Mapping[str, Tensor]

    def __getitem__(self, name: str) -> Tensor:
        """What the batch's table of that name says of each token."""
        return self.tables_DT[name][self.document_N, self.place_N]


@dataclass(frozen=True, slots=True)
class Batch:
    """D samples as packed documents.

    `tables_DT` have a row for each document and a column for each token of its completion.
    """

    rows: Rows
    prompt_D: Tensor
    tables_DT: Mapping[str, Tensor]

    def parts(self, run: Run) -> Iterator[Part]:
        """Micro-batches on the run's device. Documents are never split."""
        prompt_D = self.prompt_D.to(run.device)
        tables = {name: table.to(run.device) for name, table in self.tables_DT.items()}
        for rows in micro_batches(self.rows, run):
            counted_RT = rows.weights_RT > 0
            document_N = rows.document_RT[counted_RT]
            # The hidden state at a position predicts the token after it.
            place_N = rows.positions_RT[counted_RT] + 1 - prompt_D[document_N]
            yield Part(
                rows,
                counted_RT,
                rows.targets_RT[counted_RT],
                document_N,
                rows.weights_RT[counted_RT],
                place_N,
                tables,
            )


def make_batch(rollouts: Rollouts, cells: Cells, weight_PG: Tensor, pad: int, tables: Mapping[str, Tensor]) -> Batch:
    """The samples (problem, sample) of `cells`; each of their tokens has the weight of its sample.

    `tables` are [P, G, T].
    """
    documents = []
    for (p, g), weight in zip(cells, [float(weight_PG[cell]) for cell in cells], strict=True):
        prompt, completion = rollouts.prompts[p], rollouts.completions.ids(p, g)
        documents.append(Document([*prompt, *completion], [0.0] * len(prompt) + [weight] * len(completion)))
    problem_D, sample_D = torch.tensor(cells).unbind(1)
    return Batch(
        pack(documents, max(len(document.tokens) for document in documents), pad),
        torch.tensor([len(rollouts.prompts[p]) for p, _ in cells]),
        {name: table[problem_D, sample_D] for name, table in tables.items()},
    )


def all_cells(rollouts: Rollouts) -> list[tuple[int, int]]:
    """Every (problem, sample)."""
    return [(p, g) for p in range(len(rollouts.problems)) for g in range(rollouts.samples)]


def hidden_of(model: Decoder, part: Part) -> Tensor:
    """Hidden states [N, width] from which the tokens with loss are predicted."""
    hidden: Tensor = model(part.rows.tokens_RT, part.rows.positions_RT, part.rows.document_RT)
    return hidden[part.counted_RT]


def logits_of(model: Decoder, part: Part, temperature: float) -> Tensor:
    """Tempered logits [N, V] at the tokens with loss."""
    return model.logits(hidden_of(model, part)) / temperature


def logp_of(logits_NV: Tensor, part: Part) -> Tensor:
    """The log-probability [N] of the tokens that were drawn."""
    return torch.log_softmax(logits_NV, dim=-1).gather(1, part.token_N.unsqueeze(1)).squeeze(1)


@torch.no_grad()
def of_every_token(score: Callable[[Part], Tensor], rollouts: Rollouts, pad: int, run: Run) -> Tensor:
    """`score` of each completion token of all samples, [P, G, T] on the CPU; 0 beyond a sample's length."""
    cells = all_cells(rollouts)
    shape = rollouts.completions.tokens_PGT.shape
    batch = make_batch(rollouts, cells, torch.ones(shape[:2]), pad, {})
    found_DT = torch.zeros(len(cells), shape[2])
    for part in batch.parts(run):
        found_DT[part.document_N.cpu(), part.place_N.cpu()] = score(part).float().cpu()
    return found_DT.view(shape)
