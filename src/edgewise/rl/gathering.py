"""Drawing the groups of one step: asked, written, graded, filtered, and filled up again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from edgewise.core.keyed import key
from edgewise.rl.coverage import Coverage
from edgewise.rl.curriculum import Course
from edgewise.rl.recipe import Recipe
from edgewise.rl.writing import Writing
from edgewise.rollouts.rollouts import Rollouts
from edgewise.tasks.base import Score, World


@dataclass(frozen=True, slots=True)
class Gathered:
    """The groups that a step trains on, with their binary outcomes and their rewards before length shaping."""

    rollouts: Rollouts
    outcome_PG: Tensor
    reward_PG: Tensor


def gather(
    world: World, recipe: Recipe, course: Course, coverage: Coverage, writing: Writing, seed: int
) -> tuple[Gathered | None, dict[str, float]]:
    """Draw groups until the batch is full or `groups.refill` further draws were made.

    None where no group was left to train on. The metrics are over all groups that were drawn.
    """
    drawn: list[Gathered] = []
    kept: list[Gathered] = []
    full = 0
    for turn in range(1 + recipe.groups.refill):
        problems = course.next(recipe.prompts)
        if not problems:
            break
        rollouts = writing.write(problems, seed + turn)
        groups = Gathered(rollouts, *recipe.reward.grade(world, rollouts, seed))
        drawn.append(groups)
        course.learn(problems, groups.outcome_PG)
        coverage.see(problems, groups.outcome_PG, groups.outcome_PG.numel())
        passed_P = torch.ones(len(problems), dtype=torch.bool)
        if recipe.groups.mixed_only:
            passed_P &= mixed(groups.outcome_PG)
        if recipe.groups.gate:
            by_start = writing.by_start(problems, recipe.groups.gate, key("gate", seed, turn))
            passed_P &= ~recipe.reward.grade(world, by_start, seed)[0].any(1)
        # What is over a full batch is dropped, in the order in which it was asked.
        chosen = passed_P.nonzero().squeeze(1)[: recipe.prompts - full].tolist()
        full += len(chosen)
        if chosen:
            kept.append(Gathered(rollouts.select(chosen), groups.outcome_PG[chosen], groups.reward_PG[chosen]))
        if full == recipe.prompts:
            break
    metrics = describe(drawn)
    if not kept:
        return None, metrics
    metrics["draws_per_prompt"] = metrics["samples_drawn"] / full
    return _joined(kept), metrics


def _joined(parts: Sequence[Gathered]) -> Gathered:
    if len(parts) == 1:
        return parts[0]
    return Gathered(
        Rollouts.concatenate([part.rollouts for part in parts]),
        torch.cat([part.outcome_PG for part in parts]),
        torch.cat([part.reward_PG for part in parts]),
    )


def mixed(outcome_PG: Tensor) -> Tensor:
    """Which problems [P] have samples of both outcomes: the only groups that group estimators learn from."""
    return outcome_PG.any(1) & ~outcome_PG.all(1)


def describe(drawn: Sequence[Gathered]) -> dict[str, float]:
    """What the rollouts of one step say, before any update.

    `solved` is the share of samples with the binary outcome that the recipe rewards, `zero_variance`
    that of groups in which all have the same; `length` is in tokens.
    """
    verdicts = [verdict for groups in drawn for row in groups.rollouts.verdict_PG for verdict in row]
    count = len(verdicts)
    if not count:
        return {"samples_drawn": 0.0}
    completions = [groups.rollouts.completions for groups in drawn]
    outcome_PG = torch.cat([groups.outcome_PG for groups in drawn])
    return {
        "samples_drawn": float(count),
        "reward": float(torch.cat([groups.reward_PG for groups in drawn]).mean()),
        "solved": float(outcome_PG.float().mean()),
        "answer_correct": sum(verdict.answer is Score.CORRECT for verdict in verdicts) / count,
        "process_correct": sum(verdict.process is Score.CORRECT for verdict in verdicts) / count,
        "unscorable": sum(verdict.answer is Score.UNSCORABLE for verdict in verdicts) / count,
        "truncated": sum(int((~c.finished_PG).sum()) for c in completions) / count,
        "zero_variance": 1 - float(mixed(outcome_PG).float().mean()),
        "length": sum(groups.rollouts.sampled_tokens for groups in drawn) / count,
    }
