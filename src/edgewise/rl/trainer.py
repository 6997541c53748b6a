"""The one RL trainer: sample, judge, reward, advantage, update. It does not know which algorithm it runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from edgewise.keyed import key
from edgewise.model.decoder import Decoder
from edgewise.model.tokenizer import Tokenizer
from edgewise.rl.losses import exact_kl, token_weights
from edgewise.rl.recipes import ADVANTAGES, REWARDS, Recipe
from edgewise.sampling.base import SamplingSpec
from edgewise.sampling.engine import Engine
from edgewise.sampling.rollouts import Rollouts, roll_out
from edgewise.tasks.base import Mark, World
from edgewise.training.documents import Document
from edgewise.training.next_token import micro_batches
from edgewise.training.optimizer import Optimizer
from edgewise.training.packing import Rows, pack
from edgewise.training.run import Run
from edgewise.training.state import Together, Weights


def train(
    model: Decoder, reference: Decoder, tokenizer: Tokenizer, world: World, recipe: Recipe, seed: int, run: Run
) -> dict[str, float]:
    """Train `model` in place; returns the totals: tokens (sampled), flops, seconds.

    `reference` is the start model, used only where `recipe.kl` > 0. Step s draws problems
    s * prompts ... of the world's train split, and completions keyed by (seed, s), so a resumed
    run equals the whole one.
    """
    optimizer = Optimizer(model, recipe.optimizer)
    state = Together({"model": Weights(model), "optimizer": optimizer})
    engine = Engine(model, tokenizer.eos)
    law = SamplingSpec(max_new_tokens=recipe.max_new_tokens)
    totals = {"tokens": 0.0, "flops": 0.0, "seconds": 0.0}
    for step in run.steps(recipe.steps, state, totals):
        indices = range(step * recipe.prompts, (step + 1) * recipe.prompts)
        problems = [world.problem("train", seed, i) for i in indices]
        rollouts = roll_out(engine, tokenizer, world, problems, recipe.samples, law, key("rl", seed, step))
        reward = REWARDS[recipe.reward]
        rewards_PG = torch.tensor([[reward(v) for v in row] for row in rollouts.verdict_PG])
        advantage_PG = ADVANTAGES[recipe.advantage](rewards_PG)
        metrics = describe(rollouts, rewards_PG)
        rate = recipe.optimizer.learning_rate_at(step, recipe.steps)
        batches = [
            make_batch(rollouts, advantage_PG, problems_of_update, recipe, tokenizer.pad)
            for problems_of_update in _split(recipe.prompts, recipe.updates)
        ]
        metrics |= update(model, reference, optimizer, batches, recipe, rate, run)
        trained = sum(batch.rows.real_tokens for batch in batches if batch is not None)
        totals["tokens"] += rollouts.sampled_tokens
        totals["flops"] += _flops(model, rollouts, trained, recipe)
        run.log(step, metrics | {"tokens": totals["tokens"]})
    return totals


@dataclass(frozen=True, slots=True)
class Batch:
    """The documents of one update: packed rows, and the advantage of each document."""

    rows: Rows
    advantage_D: Tensor


def make_batch(
    rollouts: Rollouts, advantage_PG: Tensor, problems: Sequence[int], recipe: Recipe, pad: int
) -> Batch | None:
    """Pack the completions of `problems`; None where no sample carries a gradient.

    Weights are those of the whole batch. Where there is no KL term, samples with advantage 0
    are left out: their gradient is exactly 0.
    """
    cells = [(p, g) for p in problems for g in range(rollouts.samples)]
    length_S = torch.tensor([int(rollouts.completions.length_PG[cell]) for cell in cells])
    weight_S = token_weights(length_S, recipe.aggregation, recipe.max_new_tokens)
    documents, advantages = [], []
    for (p, g), weight in zip(cells, weight_S.tolist(), strict=True):
        advantage = float(advantage_PG[p, g])
        if advantage or recipe.kl:
            prompt, completion = rollouts.prompts[p], rollouts.completions.ids(p, g)
            documents.append(Document([*prompt, *completion], [0.0] * len(prompt) + [weight] * len(completion)))
            advantages.append(advantage)
    if not documents:
        return None
    longest = max(len(document.tokens) for document in documents)
    return Batch(pack(documents, longest, pad), torch.tensor(advantages))


def update(
    model: Decoder,
    reference: Decoder,
    optimizer: Optimizer,
    batches: Sequence[Batch | None],
    recipe: Recipe,
    learning_rate: float,
    run: Run,
) -> dict[str, float]:
    """One optimizer step per batch. Returns grad_norm, clip_fraction, ratio_max, kl (if weighed).

    With one update the policy that drew the samples is the policy being trained, so the old
    log-probabilities are the new ones, detached: the ratio is exactly 1. With several, they are
    taken before the first update by the same computation.
    """
    parts_U = [micro_batches(batch.rows, run) if batch else [] for batch in batches]
    old_U: list[list[Tensor | None]] = [[None] * len(parts) for parts in parts_U]
    if len(batches) > 1:
        with torch.no_grad():
            old_U = [[_logits_logp(model, part)[1] for part in parts] for parts in parts_U]
    sums = {"grad_norm": 0.0, "clipped": 0.0, "weight": 0.0, "kl": 0.0, "ratio_max": 1.0}
    for batch, parts, olds in zip(batches, parts_U, old_U, strict=True):
        if batch is None:
            continue
        for part, old in zip(parts, olds, strict=True):
            counted = part.weights_RT > 0
            logits_NV, logp_N = _logits_logp(model, part)
            old_logp_N = logp_N.detach() if old is None else old
            advantage_N = batch.advantage_D.to(run.device)[part.document_RT[counted]]
            loss_N, clipped_N = recipe.loss.per_token(logp_N, old_logp_N, advantage_N)
            weight_N = part.weights_RT[counted]
            if recipe.kl:
                with torch.no_grad():
                    reference_NV, _ = _logits_logp(reference, part)
                kl_N = exact_kl(logits_NV, reference_NV)
                loss_N = loss_N + recipe.kl * kl_N
                sums["kl"] += float((kl_N.detach() * weight_N).sum())
            (loss_N * weight_N).sum().backward()
            sums["clipped"] += float((clipped_N * weight_N).sum())
            sums["weight"] += float(weight_N.sum())
            sums["ratio_max"] = max(sums["ratio_max"], float((logp_N.detach() - old_logp_N).max().exp()))
        sums["grad_norm"] += optimizer.step(learning_rate) / len(batches)
    metrics = {
        "grad_norm": sums["grad_norm"],
        "clip_fraction": sums["clipped"] / sums["weight"] if sums["weight"] else 0.0,
        "ratio_max": sums["ratio_max"],
    }
    return metrics | ({"kl": sums["kl"] / sums["weight"]} if recipe.kl and sums["weight"] else {})


def describe(rollouts: Rollouts, rewards_PG: Tensor) -> dict[str, float]:
    """What the rollouts of one step say, before any update.

    `entropy` is the mean negative log-probability of the sampled tokens, an unbiased estimate of
    the policy's entropy per token. `zero_variance` is the share of groups without any signal.
    """
    verdicts = [v for row in rollouts.verdict_PG for v in row]
    unscorable = sum(v.answer is Mark.UNSCORABLE for v in verdicts)
    return {
        "reward": float(rewards_PG.mean()),
        "answer_correct": sum(v.answer is Mark.CORRECT for v in verdicts) / len(verdicts),
        "process_correct": sum(v.process is Mark.CORRECT for v in verdicts) / len(verdicts),
        "unscorable": unscorable / len(verdicts),
        "truncated": float((~rollouts.completions.finished_PG).mean()),
        "zero_variance": float((rewards_PG == rewards_PG[:, :1]).all(1).float().mean()),
        "entropy": float(-rollouts.completions.logp_PGT.sum(dtype=np.float64) / rollouts.sampled_tokens),
        "length": rollouts.sampled_tokens / len(verdicts),
    }


def _split(problems: int, updates: int) -> list[range]:
    """Runs of problems, as equal as can be, one per update."""
    bounds = [problems * u // updates for u in range(updates + 1)]
    return [range(a, b) for a, b in pairwise(bounds)]


def _logits_logp(model: Decoder, rows: Rows) -> tuple[Tensor, Tensor]:
    """Logits [N, V] where there is loss, and the log-probability [N] of the token that follows."""
    counted = rows.weights_RT > 0
    logits_NV = model.logits(model(rows.tokens_RT, rows.positions_RT, rows.document_RT)[counted])
    targets_N1 = rows.targets_RT[counted].unsqueeze(1)
    return logits_NV, torch.log_softmax(logits_NV, dim=-1).gather(1, targets_N1).squeeze(1)


def _flops(model: Decoder, rollouts: Rollouts, trained_tokens: int, recipe: Recipe) -> float:
    """Prompts once per group, each sampled token once, three passes over what was trained on,
    one more with a reference, one more for old log-probabilities."""
    prompt_tokens = sum(map(len, rollouts.prompts))
    context = prompt_tokens / len(rollouts.prompts) + rollouts.completions.length_PG.mean() / 2
    passes = 3 + (recipe.kl > 0) + (recipe.updates > 1)
    tokens = prompt_tokens + rollouts.sampled_tokens + passes * trained_tokens
    return model.spec.forward_flops(tokens, float(context), model.vocabulary)
