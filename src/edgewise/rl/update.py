"""The updates of one step: batches in, gradients, optimizer steps."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from edgewise.model.decoder import Decoder
from edgewise.rl import losses
from edgewise.rl.batch import Batch, Part, logits_of, logp_of
from edgewise.rl.recipe import Recipe
from edgewise.rl.recipe.loss import Tokens
from edgewise.training.execution import Execution
from edgewise.training.gradients import add_gradients
from edgewise.training.optimizer import Optimizer


def update(
    model: Decoder,
    optimizer: Optimizer,
    batches: Sequence[Batch | None],
    recipe: Recipe,
    learning_rate: float,
    execution: Execution,
    pulled_to: Decoder | None = None,
) -> dict[str, float]:
    """One optimizer step per batch and epoch; a batch without signal (None) makes none.

    Batches have a table "advantage", and "drawn_logp" where somebody else than the policy wrote.
    `pulled_to` is the model of the KL term in the loss. Returns means over tokens, as weighted by
    the loss: clip_fraction (tokens whose gradient the clip cuts), kl (as estimated, where there is a
    term), drift (log-ratio of the writer to the policy before this step's updates, where they are
    not the same: an estimate of the KL between them); and grad_norm (mean over updates), ratio_max.

    With a single update the policy before it is the policy being trained, so that the old
    log-probabilities are the new ones, detached: a ratio is exactly 1. With several they are taken
    before the first by the same computation.
    """
    measured = _Means()
    parts_B = [batch.parts(execution) if batch else [] for batch in batches]
    single = len(batches) * recipe.epochs == 1
    old_B = [[None] * len(parts) if single else _old(model, parts, recipe, execution) for parts in parts_B]
    norms = []
    for _ in range(recipe.epochs):
        for batch, parts, olds in zip(batches, parts_B, old_B, strict=True):
            work = list(zip(parts, olds, strict=True))
            for of_part in add_gradients(model, work, lambda known: _loss(model, *known, recipe, pulled_to), execution):
                measured.join(of_part)
            if batch:
                norms.append(optimizer.step(learning_rate))
    return {"grad_norm": sum(norms) / len(norms) if norms else 0.0} | measured.results()


@torch.no_grad()
def _old(model: Decoder, parts: Sequence[Part], recipe: Recipe, execution: Execution) -> list[Tensor | None]:
    def logp(part: Part) -> Tensor:
        return logp_of(logits_of(model, part, recipe.temperature), part)

    return list(execution.map_in_order(logp, parts))


def _loss(
    model: Decoder, part: Part, old_logp_N: Tensor | None, recipe: Recipe, pulled_to: Decoder | None
) -> tuple[Tensor, _Means]:
    measured = _Means()
    logits_NV = logits_of(model, part, recipe.temperature)
    logp_N = logp_of(logits_NV, part)
    if old_logp_N is None:
        old_logp_N = logp_N.detach()
    importance_N = torch.ones_like(old_logp_N)
    if not recipe.on_policy:
        drawn_logp_N = part["drawn_logp"]
        measured.add("drift", drawn_logp_N - old_logp_N, part)
        importance_N = recipe.correction.weight(old_logp_N, drawn_logp_N)
        if recipe.correction.against_drawn:
            old_logp_N = drawn_logp_N
    tokens = Tokens(logp_N, old_logp_N, part["advantage"], part.document_N, part.token_N, logits_NV)
    loss_N, cut_N = recipe.loss.per_token(tokens)
    loss_N = loss_N * importance_N
    measured.add("clip_fraction", cut_N, part)
    measured.ratio(logp_N.detach() - old_logp_N)
    if recipe.kl.in_loss:
        assert pulled_to is not None
        with torch.no_grad():
            other_NV = logits_of(pulled_to, part, recipe.temperature * recipe.kl.temperature)
        kl_N = recipe.kl.per_token(logits_NV, logp_N, other_NV, logp_of(other_NV, part))
        measured.add("kl", kl_N.detach(), part)
        loss_N = loss_N + recipe.kl.coefficient * kl_N
    if recipe.entropy:
        loss_N = loss_N - recipe.entropy * losses.entropy(logits_NV)
    return (loss_N * part.weight_N).sum(), measured


class _Means:
    """Sums over the tokens of a step, as weighted by the loss."""

    def __init__(self) -> None:
        self._sums: dict[str, tuple[float, float]] = {}
        self._ratio_max = 1.0

    def add(self, name: str, value_N: Tensor, part: Part) -> None:
        value, weight = self._sums.get(name, (0.0, 0.0))
        self._sums[name] = value + float((value_N * part.weight_N).sum()), weight + float(part.weight_N.sum())

    def join(self, other: _Means) -> None:
        for name, (value, weight) in other._sums.items():
            own_value, own_weight = self._sums.get(name, (0.0, 0.0))
            self._sums[name] = own_value + value, own_weight + weight
        self._ratio_max = max(self._ratio_max, other._ratio_max)

    def ratio(self, log_ratio_N: Tensor) -> None:
        self._ratio_max = max(self._ratio_max, float(log_ratio_N.max().exp()))

    def results(self) -> dict[str, float]:
        means = {name: value / weight for name, (value, weight) in self._sums.items()}
        return {"clip_fraction": 0.0} | means | {"ratio_max": self._ratio_max}
