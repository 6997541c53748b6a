"""Collect the rollouts of one step: sample, verify, score, filter, and resample until the batch is full."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import fsum, isfinite, nan, sqrt

import torch
from torch import Tensor

from edgewise.core.distributed import SINGLE_PROCESS, Distributed
from edgewise.core.keyed import key
from edgewise.model.fixed_order import average
from edgewise.rl.coverage import Coverage
from edgewise.rl.curriculum import CurriculumState
from edgewise.rl.filters import Filters, has_variance
from edgewise.rl.hints import Hints, NoHints
from edgewise.rl.rewards.base import RewardFunction
from edgewise.rl.rollout_worker import RolloutWorker
from edgewise.rollouts.rollouts import Rollouts
from edgewise.tasks.base import Score, World


@dataclass(frozen=True, slots=True)
class ScoredRollouts:
    """Groups of rollouts with their binary outcomes (bool) and rewards before length shaping, [problems, samples]."""

    rollouts: Rollouts
    outcome_PG: Tensor
    reward_PG: Tensor

    def select(self, problems: Sequence[int]) -> ScoredRollouts:
        """The groups of some of the problems, by number."""
        chosen = list(problems)
        return ScoredRollouts(self.rollouts.select(chosen), self.outcome_PG[chosen], self.reward_PG[chosen])

    def replaced(self, problems: Sequence[int], others: ScoredRollouts) -> ScoredRollouts:
        """These groups with `others` in place of those of some of the problems, by number."""
        place = list(range(len(self.rollouts.problems)))
        for number, p in enumerate(problems):
            place[p] = len(place) + number
        return ScoredRollouts.concatenate([self, others]).select(place)

    @classmethod
    def concatenate(cls, parts: Sequence[ScoredRollouts]) -> ScoredRollouts:
        """The groups of several draws, one after the other."""
        if len(parts) == 1:
            return parts[0]
        return cls(
            Rollouts.concatenate([part.rollouts for part in parts]),
            torch.cat([part.outcome_PG for part in parts]),
            torch.cat([part.reward_PG for part in parts]),
        )


@dataclass(frozen=True, slots=True)
class Collector:
    """Collects the rollouts of each step; built once a run from worker, world, reward, filters and curriculum.

    `prompts` problems of `samples` completions make a full batch. `curriculum` and `coverage` remember the problems.
    """

    worker: RolloutWorker
    world: World
    reward: RewardFunction
    filters: Filters
    curriculum: CurriculumState
    coverage: Coverage
    prompts: int
    samples: int
    distributed: Distributed = SINGLE_PROCESS
    hints: Hints = field(default_factory=NoHints)

    def collect(self, seed: int, revealed: float = 0.0) -> tuple[ScoredRollouts | None, dict[str, float]]:
        """Sample groups until the batch is full or `filters.resample_up_to` further draws were made.

        Where `revealed` > 0 the groups that `hints` names are drawn again behind this fraction of the gold solution,
        and the second group is what filters see and what is trained on; the draws of both count. None where no group is
        left to train on. The metrics are over all groups that were sampled, without hints. `seed` is of this step
        alone.
        """
        sampled: list[ScoredRollouts] = []
        hinted: list[ScoredRollouts] = []
        kept: list[ScoredRollouts] = []
        size = 0
        for turn in range(1 + self.filters.resample_up_to):
            problems = self.curriculum.next(self.prompts)
            if not problems:
                break
            groups = self.score(self.worker.by_behavior(problems, self.samples, seed + turn), seed)
            sampled.append(groups)
            self.curriculum.learn(problems, groups.outcome_PG)
            solved_PG, draws = groups.outcome_PG, groups.outcome_PG.numel()
            wrong = (~solved_PG.any(1)).nonzero().squeeze(1).tolist()
            if revealed and (again := self.hints.drawn_again(wrong, len(problems), seed, turn)):
                draws_seed = key("hints", seed, turn)
                behind = self.worker.after_hints([problems[p] for p in again], revealed, self.samples, draws_seed)
                hinted.append(self.score(behind, seed))
                draws += hinted[-1].outcome_PG.numel()
                groups = groups.replaced(again, hinted[-1])
            self.coverage.see(problems, solved_PG, draws)
            # Groups beyond a full batch are dropped, in the order of their problems.
            chosen = self._passing(groups, key("gate", seed, turn), seed)[: self.prompts - size]
            size += len(chosen)
            if chosen:
                kept.append(groups.select(chosen))
            if size == self.prompts:
                break
        metrics = rollout_metrics(sampled)
        if revealed:
            metrics |= _hint_metrics(hinted, sampled, revealed)
            metrics["samples_drawn"] += metrics["hinted_samples"]
        if not kept:
            return None, metrics
        metrics["draws_per_prompt"] = metrics["samples_drawn"] / size
        return ScoredRollouts.concatenate(kept), metrics

    def score(self, rollouts: Rollouts, seed: int) -> ScoredRollouts:
        """The rollouts with their outcomes and rewards; each rank scores its share of the groups."""
        if self.reward.needs_start_logp:
            rollouts = self.worker.with_start_logp(rollouts)
        numbers = range(len(rollouts.problems))
        own = self.distributed.shard(numbers)
        share = rollouts if own == numbers else rollouts.select(own)
        scored = [self.reward.score(self.world, share, seed)] if own else []
        outcomes, rewards = zip(*self.distributed.all_gather(scored), strict=True)
        return ScoredRollouts(rollouts, torch.cat(outcomes), torch.cat(rewards))

    def _passing(self, groups: ScoredRollouts, gate_seed: int, seed: int) -> list[int]:
        """The numbers of the groups that pass all filters."""
        problems = groups.rollouts.problems
        passing_P = torch.ones(len(problems), dtype=torch.bool)
        if self.filters.drop_zero_variance:
            passing_P &= has_variance(groups.outcome_PG)
        if self.filters.zero_success_gate:
            by_start = self.worker.by_start(problems, self.filters.zero_success_gate, gate_seed)
            passing_P &= ~self.score(by_start, seed).outcome_PG.any(1)
        passing: list[int] = passing_P.nonzero().squeeze(1).tolist()
        return passing


def rollout_metrics(sampled: Sequence[ScoredRollouts]) -> dict[str, float]:
    """Metrics of the rollouts of one step: rewards, verdicts, lengths, before any update.

    `solved` is the share of samples with the binary outcome that the recipe rewards. Of the groups, `all_wrong` and
    `all_right` are the shares in which no sample has it and in which all have, also by level ("all_wrong_level_5");
    `zero_variance` is their sum. `reward_process_correlation` is within groups (`within_group_correlation`); `length`
    is in tokens.
    """
    verdicts = [verdict for groups in sampled for row in groups.rollouts.verdict_PG for verdict in row]
    count = len(verdicts)
    if not count:
        return {"samples_drawn": 0.0}
    completions = [groups.rollouts.completions for groups in sampled]
    outcome_PG = torch.cat([groups.outcome_PG for groups in sampled])
    reward_PG = torch.cat([groups.reward_PG for groups in sampled])
    problems = [problem for groups in sampled for problem in groups.rollouts.problems]
    process_PG = [[v.process for v in row] for groups in sampled for row in groups.rollouts.verdict_PG]
    metrics = {
        "samples_drawn": float(count),
        "reward": float(average(reward_PG.flatten())),
        "solved": float(outcome_PG.float().mean()),
        "answer_correct": sum(verdict.answer is Score.CORRECT for verdict in verdicts) / count,
        "process_correct": sum(verdict.process is Score.CORRECT for verdict in verdicts) / count,
        "reward_process_correlation": within_group_correlation(reward_PG.tolist(), process_PG),
        "unscorable": sum(verdict.answer is Score.UNSCORABLE for verdict in verdicts) / count,
        "truncated": sum(int((~c.finished_PG).sum()) for c in completions) / count,
        "zero_variance": 1 - float(has_variance(outcome_PG).float().mean()),
        "length": sum(groups.rollouts.sampled_tokens for groups in sampled) / count,
    }
    return metrics | _groups_without_variance([problem.level for problem in problems], outcome_PG)


def _hint_metrics(
    hinted: Sequence[ScoredRollouts], sampled: Sequence[ScoredRollouts], revealed: float
) -> dict[str, float]:
    """What was revealed and what came of it: the fraction, the share of groups, and of the samples behind hints their
    number, mean reward and the share that is solved."""
    groups = sum(len(group.rollouts.problems) for group in sampled)
    metrics = {
        "hint_fraction": revealed,
        "hinted": sum(len(group.rollouts.problems) for group in hinted) / max(groups, 1),
        "hinted_samples": float(sum(group.outcome_PG.numel() for group in hinted)),
    }
    if hinted:
        metrics["hinted_reward"] = float(average(torch.cat([group.reward_PG for group in hinted]).flatten()))
        metrics["hinted_solved"] = float(torch.cat([group.outcome_PG for group in hinted]).float().mean())
    return metrics


def _groups_without_variance(level_P: Sequence[int], outcome_PG: Tensor) -> dict[str, float]:
    wrong_P: list[bool] = (~outcome_PG.any(1)).tolist()
    right_P: list[bool] = outcome_PG.all(1).tolist()
    metrics = {"all_wrong": sum(wrong_P) / len(wrong_P), "all_right": sum(right_P) / len(right_P)}
    for level in sorted(set(level_P)):
        of_level = [p for p, its_level in enumerate(level_P) if its_level == level]
        metrics[f"all_wrong_level_{level}"] = sum(wrong_P[p] for p in of_level) / len(of_level)
        metrics[f"all_right_level_{level}"] = sum(right_P[p] for p in of_level) / len(of_level)
    return metrics


def within_group_correlation(reward_PG: Sequence[Sequence[float]], process_PG: Sequence[Sequence[Score]]) -> float:
    """Correlation of reward and verified process within groups: Pearson's, after each group's own means are taken off.

    The groups are pooled with a fixed effect each. A correlation over all samples would mostly say that easy problems
    earn more and are solved more; only what differs within a group can act through a group baseline. Samples without a
    grade of the process are left out. NaN where no group differs in the one or the other, or a reward is no number.
    """
    rewards: list[float] = []
    processes: list[float] = []
    for reward_G, process_G in zip(reward_PG, process_PG, strict=True):
        graded = [g for g, score in enumerate(process_G) if score is not Score.UNSCORABLE]
        if not all(isfinite(reward_G[g]) for g in graded):
            return nan
        rewards += _less_mean([reward_G[g] for g in graded])
        processes += _less_mean([float(process_G[g]) for g in graded])
    # Sums that are rounded once do not depend on the CPU.
    scatter = fsum(r * r for r in rewards) * fsum(p * p for p in processes)
    return fsum(r * p for r, p in zip(rewards, processes, strict=True)) / sqrt(scatter) if scatter else nan


def _less_mean(values: Sequence[float]) -> list[float]:
    mean = fsum(values) / len(values) if values else 0.0
    return [value - mean for value in values]
