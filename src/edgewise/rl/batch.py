"""Packed batches of rollouts: what is known of each completion token, micro-batches, and models run over them.

TokenBatch   all rollouts of a step with tables [P, G, T]
Minibatch    the samples of one optimizer update, each prompt once for its completions
MicroBatch   a part of a minibatch's gradient: packed tokens, N of them with loss
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from edgewise.core.distributed import Distributed
from edgewise.model.decoder import Decoder
from edgewise.model.fixed_order import take_rows, token_logp
from edgewise.model.flops import forward_flops
from edgewise.model.packed import PackedTokens
from edgewise.rollouts.rollouts import Rollouts
from edgewise.training.execution import Execution

Cells = Sequence[tuple[int, int]]
"""Samples by (problem, sample)."""


@dataclass(frozen=True, slots=True)
class TokenTables:
    """What the updates need of every completion token; all tensors have one shape: [P, G, T], [D, T] or [N].

    `rollout_logp` is of the behavior policy, where that is not the policy that trains; `values` and `returns` are there
    where a critic learns.
    """

    advantage: Tensor
    rollout_logp: Tensor | None = None
    values: Tensor | None = None
    returns: Tensor | None = None

    def map(self, function: Callable[[Tensor], Tensor]) -> TokenTables:
        """The same tables with `function` applied to each that is there."""

        def optional(table: Tensor | None) -> Tensor | None:
            return None if table is None else function(table)

        return TokenTables(
            function(self.advantage), optional(self.rollout_logp), optional(self.values), optional(self.returns)
        )


@dataclass(frozen=True, slots=True)
class TokenBatch:
    """The rollouts of a step with their tables [P, G, T]."""

    rollouts: Rollouts
    tables: TokenTables

    @property
    def effective_samples(self) -> int:
        """Samples whose advantage is not 0 throughout."""
        return int((self.tables.advantage != 0).any(-1).sum())


@dataclass(frozen=True, slots=True)
class MicroBatch:
    """A part of a minibatch. N are its tokens with loss: those of the completions.

    `source_N` is the place in the packed tokens whose hidden state predicts the token. `sample_index_N` tells which
    sample of the minibatch it is of, `token_index_N` which token of its completion, `weight_N` its weight in the loss.
    """

    packed: PackedTokens
    source_N: Tensor
    token_N: Tensor
    sample_index_N: Tensor
    token_index_N: Tensor
    weight_N: Tensor
    tables_N: TokenTables | None

    @property
    def advantage_N(self) -> Tensor:
        return self._tables.advantage

    @property
    def rollout_logp_N(self) -> Tensor | None:
        return self._tables.rollout_logp

    @property
    def values_N(self) -> Tensor:
        assert self._tables.values is not None, "without a critic there are no values"
        return self._tables.values

    @property
    def returns_N(self) -> Tensor:
        assert self._tables.returns is not None, "without a critic there are no returns"
        return self._tables.returns

    @property
    def _tables(self) -> TokenTables:
        assert self.tables_N is not None, "a batch without tables has only its tokens"
        return self.tables_N


@dataclass(frozen=True, slots=True)
class PromptGroup:
    """A prompt and those of its completions that are in the minibatch, by the number of the sample."""

    prompt: NDArray[np.int64]
    completions: Mapping[int, NDArray[np.int64]]

    @property
    def tokens(self) -> int:
        """Packed tokens: the prompt once, and the completions without their last token, which predicts nothing."""
        return len(self.prompt) + sum(len(ids) - 1 for ids in self.completions.values())

    @property
    def visible_keys(self) -> float:
        """Keys that these tokens see in all, each token itself included."""
        lengths = np.array([len(ids) - 1 for ids in self.completions.values()])
        prompt = len(self.prompt)
        return float(prompt * (prompt + 1) / 2 + (lengths * prompt + lengths * (lengths + 1) / 2).sum())

    def split(self, limit: int) -> list[PromptGroup]:
        """The completions in equal shares of about `limit` tokens, each behind the prompt."""
        samples = np.array(list(self.completions))
        count = min(len(samples), -(-self.tokens // limit))
        return [
            PromptGroup(self.prompt, {d: self.completions[d] for d in share.tolist()})
            for share in np.array_split(samples, count)
        ]


@dataclass(frozen=True, slots=True)
class Minibatch:
    """D samples; each of their tokens has the weight of its sample.

    `tables_DT` have a row for each sample and a column for each token of its completion.
    """

    groups: Sequence[PromptGroup]
    weight_D: Tensor
    tables_DT: TokenTables | None

    @classmethod
    def of(cls, rollouts: Rollouts, cells: Cells, weight_PG: Tensor, tables: TokenTables | None = None) -> Minibatch:
        """The samples (problem, sample) of `cells`; each of their tokens has the weight of its sample.

        `tables` are [P, G, T].
        """
        completions: dict[int, dict[int, NDArray[np.int64]]] = {}
        for d, (p, g) in enumerate(cells):
            completions.setdefault(p, {})[d] = np.array(rollouts.completions.ids(p, g))
        groups = [PromptGroup(np.array(rollouts.prompts[p]), samples) for p, samples in completions.items()]
        problem_D, sample_D = torch.tensor(cells).unbind(1)
        tables_DT = tables.map(lambda table_PGT: table_PGT[problem_D, sample_D]) if tables else None
        return cls(groups, weight_PG[problem_D, sample_D].float(), tables_DT)

    @property
    def tokens(self) -> int:
        """Tokens with loss."""
        return sum(len(ids) for group in self.groups for ids in group.completions.values())

    @property
    def prompt_tokens(self) -> int:
        """Tokens of the prompts, each once for its group."""
        return sum(len(group.prompt) for group in self.groups)

    def forward_flops(self, model: Decoder) -> float:
        """FLOPs of one pass over the minibatch."""
        tokens = sum(group.tokens for group in self.groups)
        visible_keys = sum(group.visible_keys for group in self.groups)
        return forward_flops(model.spec, model.vocabulary, tokens, visible_keys / tokens)

    def micro_batches(self, execution: Execution) -> list[MicroBatch]:
        """This rank's micro-batches, on the execution's device. Completions are never split."""
        device = execution.device
        limit = execution.micro_batch_tokens(sum(group.tokens for group in self.groups))
        weight_D = self.weight_D.to(device)
        tables_DT = self.tables_DT.map(lambda table: table.to(device)) if self.tables_DT else None
        shares: list[list[PromptGroup]] = [[]]
        for piece in (piece for group in self.groups for piece in group.split(limit)):
            if shares[-1] and sum(group.tokens for group in shares[-1]) + piece.tokens > limit:
                shares.append([])
            shares[-1].append(piece)
        return [_micro_batch(share, weight_D, tables_DT, device) for share in execution.distributed.shard(shares)]


def _micro_batch(
    groups: Sequence[PromptGroup], weight_D: Tensor, tables_DT: TokenTables | None, device: torch.device
) -> MicroBatch:
    segments: list[tuple[int, int, int, int]] = []
    tokens, positions, sources, targets, sample_indices, token_indices = (_IntegerArrays() for _ in range(6))
    start = 0
    for group in groups:
        length, prompt_start = len(group.prompt), start
        tokens.append(group.prompt)
        positions.append(np.arange(length))
        segments.append((start, length, 0, 0))
        start += length
        for sample, ids in group.completions.items():
            read = len(ids) - 1
            tokens.append(ids[:-1])
            positions.append(np.arange(length, length + read))
            # The end of the prompt predicts the first token of every completion.
            sources.append(np.array([prompt_start + length - 1]))
            sources.append(np.arange(start, start + read))
            targets.append(ids)
            sample_indices.append(np.full(len(ids), sample))
            token_indices.append(np.arange(len(ids)))
            if read:
                segments.append((start, read, prompt_start, length))
            start += read

    packed = PackedTokens(tokens.joined(device), positions.joined(device), torch.tensor(segments, device=device))
    sample_index_N, token_index_N = sample_indices.joined(device), token_indices.joined(device)
    return MicroBatch(
        packed,
        sources.joined(device),
        targets.joined(device),
        sample_index_N,
        token_index_N,
        weight_D[sample_index_N],
        tables_DT.map(lambda table_DT: table_DT[sample_index_N, token_index_N]) if tables_DT else None,
    )


class _IntegerArrays(list[NDArray[np.int64]]):
    """Integer arrays, joined into one tensor."""

    def joined(self, device: torch.device) -> Tensor:
        return torch.from_numpy(np.concatenate(self)).to(device)


def all_cells(rollouts: Rollouts) -> list[tuple[int, int]]:
    """Every (problem, sample)."""
    return [(p, g) for p in range(len(rollouts.problems)) for g in range(rollouts.samples)]


def hidden_of(model: Decoder, micro_batch: MicroBatch, precision: str) -> Tensor:
    """Hidden states [N, width] from which the tokens with loss are predicted."""
    # The end of a prompt is the source of the first token of each of its completions.
    return take_rows(model.forward_packed(micro_batch.packed, precision), micro_batch.source_N)


def logits_of(model: Decoder, micro_batch: MicroBatch, temperature: float, precision: str = "fp32") -> Tensor:
    """Tempered FP32 logits [N, V] at the tokens with loss; the layers run in `precision`."""
    return model.logits(hidden_of(model, micro_batch, precision) / temperature, precision)


def logp_of(logits_NV: Tensor, micro_batch: MicroBatch) -> Tensor:
    """The log-probability [N] of the tokens that were drawn."""
    return token_logp(logits_NV, micro_batch.token_N)


@torch.no_grad()
def every_token(score: Callable[[MicroBatch], Tensor], rollouts: Rollouts, execution: Execution) -> Tensor:
    """`score` [N] of each completion token of all samples, as [P, G, T] on the CPU; 0 beyond a sample's length."""
    cells = all_cells(rollouts)
    shape = rollouts.completions.tokens_PGT.shape
    micro_batches = Minibatch.of(rollouts, cells, torch.ones(shape[:2])).micro_batches(execution)
    scored = execution.map_in_order(score, micro_batches)
    return token_table(micro_batches, scored, (len(cells), shape[2]), execution.distributed).view(shape)


def token_table(
    micro_batches: Sequence[MicroBatch], scores: Iterable[Tensor], shape: tuple[int, ...], distributed: Distributed
) -> Tensor:
    """Scores [N] of the tokens of each micro-batch as one table [D, T] of all ranks, on the CPU; 0 for other places."""
    scores_DT = torch.zeros(shape)
    for micro_batch, scores_N in zip(micro_batches, scores, strict=True):
        scores_DT[micro_batch.sample_index_N.cpu(), micro_batch.token_index_N.cpu()] = scores_N.float().cpu()
    # The scores of other ranks are 0 here.
    distributed.all_reduce_([scores_DT])
    return scores_DT
