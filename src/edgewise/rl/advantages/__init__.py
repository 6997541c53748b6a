"""Advantages: rewards of a step's samples in, credit out. Pure functions of tensors.

`rewards` and `lengths` are tensors [problems, samples], `greedy` [problems]. Advantages have the
shape and dtype of the rewards, or [problems, samples, tokens] where credit differs between tokens;
they multiply log-probabilities in a mean over samples, except those of `pkpo`, which are published
for a sum. Bad input raises InputError before any work.

    groups     a problem's samples against each other (GRPO, Dr. GRPO, RLOO, OPO, MaxRL) or against
               the greedy completion (ReMax)
    batch      numbers normalised over the whole batch: REINFORCE++, its group-baseline form, ScaleRL
    subsets    pass@k and the best of k as objectives, by sums over subsets (PKPO)
    pass_at_k  Pass@k Training in all of its forms, and the k that fits a pass rate
    tokens     credit per token: GAE with a critic, the reward to go
    shaping    what changes a reward or an advantage: unlikeliness, positive-only, zero-success gate
"""

from edgewise.rl.advantages.batch import (
    batch_std,
    reinforce_plus_plus,
    reinforce_plus_plus_baseline,
    whiten,
)
from edgewise.rl.advantages.groups import dr_grpo, grpo, maxrl, opo, remax, rloo
from edgewise.rl.advantages.pass_at_k import (
    k_by_pass_rate,
    pass_at_k_adaptive,
    pass_at_k_bootstrap,
    pass_at_k_combination,
    pass_at_k_exceeding,
    pass_at_k_full,
    pass_at_k_training,
)
from edgewise.rl.advantages.shaping import positive_only, unlikeliness, zero_success_gate
from edgewise.rl.advantages.subsets import max_at_k, pkpo
from edgewise.rl.advantages.tokens import gae, reward_to_go

__all__ = [
    "batch_std",
    "dr_grpo",
    "gae",
    "grpo",
    "k_by_pass_rate",
    "max_at_k",
    "maxrl",
    "opo",
    "pass_at_k_adaptive",
    "pass_at_k_bootstrap",
    "pass_at_k_combination",
    "pass_at_k_exceeding",
    "pass_at_k_full",
    "pass_at_k_training",
    "pkpo",
    "positive_only",
    "reinforce_plus_plus",
    "reinforce_plus_plus_baseline",
    "remax",
    "reward_to_go",
    "rloo",
    "unlikeliness",
    "whiten",
    "zero_success_gate",
]
