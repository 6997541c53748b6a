"""Compute per-token advantages, and value targets for a critic, from scored rollouts; cut them into minibatches."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from edgewise.core.keyed import key
from edgewise.model.fixed_order import total
from edgewise.rl.advantages.base import AdvantageInputs, AdvantageSpec
from edgewise.rl.batch import (
    MicroBatch,
    Minibatch,
    TokenBatch,
    TokenTables,
    all_cells,
    every_token,
    logits_of,
    logp_of,
)
from edgewise.rl.collect import Collector, ScoredRollouts
from edgewise.rl.kl import KlSpec, k1
from edgewise.rl.models import Models
from edgewise.rl.normalization import token_weights
from edgewise.rl.recipe import LossSpec, SamplingSpec
from edgewise.rl.rewards.length import AnyLengthReward
from edgewise.rollouts.rollouts import Rollouts
from edgewise.training.execution import Execution


@dataclass(frozen=True, slots=True)
class TokenAdvantages:
    """Computes the advantage of every token of a step; built once a run.

    `length` shapes the rewards and `kl` is taken off them where it acts in the reward. `sampling` says how the
    completions were drawn, in layers of `precision`; `steps` is how many the run has.
    """

    advantage: AdvantageSpec
    length: AnyLengthReward
    kl: KlSpec
    sampling: SamplingSpec
    steps: int
    models: Models
    collector: Collector
    execution: Execution
    precision: str = "fp32"

    def compute(self, scored: ScoredRollouts, step: int, seed: int) -> TokenBatch:
        """The batch with advantages; `rollout_logp` where another policy wrote it; values and returns for a critic.

        `step` counts from 0; `seed` is of this step alone.
        """
        rollouts, completions = scored.rollouts, scored.rollouts.completions
        length_PG, logp_PGT = torch.from_numpy(completions.length_PG), torch.from_numpy(completions.logp_PGT)
        critic = self.models.critic
        values_PGT = None if critic is None else every_token(critic, rollouts, self.execution)
        inputs = AdvantageInputs(
            reward_PG=self._shaped(scored, step),
            outcome_PG=scored.outcome_PG,
            length_PG=length_PG,
            logp_PG=total(logp_PGT) / length_PG,
            step=step,
            steps=self.steps,
            seed=seed,
            penalty_PGT=self._kl_penalty(rollouts) if self.kl.in_reward else None,
            values_PGT=values_PGT,
            greedy_P=self._greedy_rewards(rollouts, step, seed) if self.advantage.needs_greedy else None,
        )
        advantage = self.advantage.compute(inputs).float()
        tables = TokenTables(
            advantage=advantage if advantage.dim() == 3 else advantage.unsqueeze(-1).expand(logp_PGT.shape),
            # In bf16 the sampler and the trainer round differently: `drift` measures it, a correction may act on it.
            rollout_logp=None if self.sampling.on_policy and self.precision == "fp32" else logp_PGT,
            values=values_PGT,
            returns=None if values_PGT is None else self.advantage.returns(inputs).float(),
        )
        return TokenBatch(rollouts, tables)

    def _shaped(self, scored: ScoredRollouts, step: int) -> Tensor:
        """Rewards [P, G] after length shaping."""
        max_new_tokens = self.sampling.max_new_tokens
        return self.length.adjust(scored.reward_PG, scored.outcome_PG, scored.rollouts, max_new_tokens, step)

    def _greedy_rewards(self, rollouts: Rollouts, step: int, seed: int) -> Tensor:
        """The reward [P] of the policy's greedy completion of each problem."""
        greedy_seed = key("greedy", seed)
        greedy = self.collector.worker.by_policy(rollouts.problems, 1, greedy_seed, temperature=0.0)
        return self._shaped(self.collector.score(greedy, greedy_seed), step).squeeze(1)

    def _kl_penalty(self, rollouts: Rollouts) -> Tensor:
        """What a KL in the reward costs each token, [P, G, T]."""
        kl, temperature = self.kl, self.sampling.temperature
        policy, target = self.models.policy, self.models.kl_target(kl)

        def log_ratio(micro_batch: MicroBatch) -> Tensor:
            logp_N = logp_of(logits_of(policy, micro_batch, temperature, self.precision), micro_batch)
            target_NV = logits_of(target, micro_batch, temperature * kl.temperature, self.precision)
            return k1(logp_N, logp_of(target_NV, micro_batch))

        return kl.coefficient * every_token(log_ratio, rollouts, self.execution)


def minibatches_of(batch: TokenBatch, loss: LossSpec, count: int, max_new_tokens: int) -> list[Minibatch | None]:
    """Cut a step's batch into `count` minibatches of equal runs of problems; None where one has no signal.

    Weights are those of the whole run of problems, so that a gradient does not depend on which samples are left out.
    """
    rollouts, advantage_PGT = batch.rollouts, batch.tables.advantage
    length_PG = torch.from_numpy(rollouts.completions.length_PG)
    # Where nothing but the advantage acts, a sample without one has a gradient of exactly 0.
    all_act = (
        loss.kl.in_loss or loss.entropy_bonus != 0 or loss.function.chooses_tokens or batch.tables.values is not None
    )
    needed_PG = (advantage_PGT != 0).any(-1) | all_act
    minibatches: list[Minibatch | None] = []
    for problems in _equal_runs(len(rollouts.problems), count):
        weight_PG = torch.zeros(length_PG.shape)
        rows = slice(problems.start, problems.stop)
        weight_PG[rows] = token_weights(length_PG[rows], loss.normalization, max_new_tokens)
        cells = [cell for cell in all_cells(rollouts) if cell[0] in problems and needed_PG[cell]]
        minibatches.append(Minibatch.of(rollouts, cells, weight_PG, batch.tables) if cells else None)
    return minibatches


def _equal_runs(problems: int, count: int) -> list[range]:
    """Runs of problems, as equal as can be, one per update, or fewer where there are not enough problems."""
    count = min(count, problems)
    bounds = [problems * u // count for u in range(count + 1)]
    return [range(a, b) for a, b in pairwise(bounds)]
