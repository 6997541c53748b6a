"""From graded groups to what the updates need of each token: advantages, and returns for a critic."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from edgewise.core.keyed import key
from edgewise.rl import losses
from edgewise.rl.batch import Batch, Part, all_cells, logits_of, logp_of, make_batch, of_every_token
from edgewise.rl.gathering import Gathered
from edgewise.rl.graded import Graded
from edgewise.rl.models import Models
from edgewise.rl.recipe import Recipe
from edgewise.rl.writing import Writing
from edgewise.rollouts.rollouts import Rollouts
from edgewise.tasks.base import World
from edgewise.training.execution import Execution


@dataclass(frozen=True, slots=True)
class Credited:
    """Rollouts, and tables [P, G, T] with an entry for each of their tokens."""

    rollouts: Rollouts
    tables: dict[str, Tensor]

    @property
    def effective_batch(self) -> int:
        """Samples whose advantage is not 0 throughout."""
        return int((self.tables["advantage"] != 0).any(-1).sum())


def credit(
    gathered: Gathered,
    models: Models,
    writing: Writing,
    world: World,
    recipe: Recipe,
    step: int,
    seed: int,
    execution: Execution,
) -> Credited:
    """Tables "advantage"; "drawn_logp" where another than the policy wrote; "values" and "returns" for a critic."""
    rollouts, completions = gathered.rollouts, gathered.rollouts.completions
    length_PG, logp_PGT = torch.from_numpy(completions.length_PG), torch.from_numpy(completions.logp_PGT)

    def shaped(groups: Gathered) -> Tensor:
        return recipe.length.adjust(groups.reward_PG, groups.outcome_PG, groups.rollouts, recipe.max_new_tokens, step)

    greedy_P = None
    if recipe.advantage.needs_greedy:
        greedy_seed = key("greedy", seed)
        greedy = writing.by_policy(rollouts.problems, 1, greedy_seed, temperature=0.0)
        greedy_P = shaped(Gathered(greedy, *recipe.reward.grade(world, greedy, greedy_seed))).squeeze(1)
    values_PGT = None
    if models.critic is not None:
        values_PGT = of_every_token(models.critic, rollouts, execution)
    graded = Graded(
        reward_PG=shaped(gathered),
        outcome_PG=gathered.outcome_PG,
        length_PG=length_PG,
        logp_PG=logp_PGT.sum(-1) / length_PG,
        step=step,
        steps=recipe.steps,
        seed=seed,
        penalty_PGT=_penalty(rollouts, models, recipe, execution) if recipe.kl.in_reward else None,
        values_PGT=values_PGT,
        greedy_P=greedy_P,
    )
    advantage = recipe.advantage.of(graded).float()
    tables = {"advantage": advantage if advantage.dim() == 3 else advantage.unsqueeze(-1).expand(logp_PGT.shape)}
    if not recipe.on_policy:
        tables["drawn_logp"] = logp_PGT
    if values_PGT is not None:
        tables |= {"values": values_PGT, "returns": recipe.advantage.returns(graded).float()}
    return Credited(rollouts, tables)


def _penalty(rollouts: Rollouts, models: Models, recipe: Recipe, execution: Execution) -> Tensor:
    other = models.pulled_to(recipe)
    temperature = recipe.temperature

    def log_ratio(part: Part) -> Tensor:
        logp_N = logp_of(logits_of(models.policy, part, temperature), part)
        return losses.k1(logp_N, logp_of(logits_of(other, part, temperature * recipe.kl.temperature), part))

    return recipe.kl.coefficient * of_every_token(log_ratio, rollouts, execution)


def batches_of(credited: Credited, recipe: Recipe) -> list[Batch | None]:
    """The batches of the step's updates, one for each of equal runs of problems; None where there is no signal.

    Weights are those of the whole run of problems, so that a gradient does not depend on what is left out.
    """
    rollouts, advantage_PGT = credited.rollouts, credited.tables["advantage"]
    length_PG = torch.from_numpy(rollouts.completions.length_PG)
    # Where nothing but the advantage acts, a sample without one has a gradient of exactly 0.
    needed_PG = (advantage_PGT != 0).any(-1) | (recipe.kl.in_loss or recipe.entropy > 0 or "values" in credited.tables)
    batches: list[Batch | None] = []
    for problems in _runs(len(rollouts.problems), recipe.updates):
        weight_PG = torch.zeros(length_PG.shape)
        rows = slice(problems.start, problems.stop)
        weight_PG[rows] = losses.token_weights(length_PG[rows], recipe.aggregation, recipe.max_new_tokens)
        cells = [cell for cell in all_cells(rollouts) if cell[0] in problems and needed_PG[cell]]
        batches.append(make_batch(rollouts, cells, weight_PG, credited.tables) if cells else None)
    return batches


def _runs(problems: int, updates: int) -> list[range]:
    """Runs of problems, as equal as can be, one per update, or fewer where there are not enough problems."""
    updates = min(updates, problems)
    bounds = [problems * u // updates for u in range(updates + 1)]
    return [range(a, b) for a, b in pairwise(bounds)]
