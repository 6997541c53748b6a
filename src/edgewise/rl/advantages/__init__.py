"""Advantages: rewards of a step's samples in, credit out. One algorithm is one file: function, spec, description.

The functions are pure. `rewards` and `lengths` are tensors [problems, samples], `greedy` [problems]. Advantages have
the shape and dtype of the rewards, or [problems, samples, tokens] where credit differs between tokens; they multiply
log-probabilities in a mean over samples, except those of `pkpo`, which are published for a sum. Bad input raises
InputError before any work.

    grpo, dr_grpo, rloo, opo, maxrl     a problem's samples against each other
    remax                               against the greedy completion
    reinforce_plus_plus, ..._baseline, batch_std    normalised over the whole batch
    pkpo                                the gradient of pass@k, by sums over subsets
    passk_training                      Pass@k Training in all of its forms
    gae, reward_to_go                   credit per token
    sample_reinforcement                NSR, PSR, W-REINFORCE: wrong samples alone, right ones alone, both weighed
    unlikeliness, reinforce, indicators, masks      rank rewards, no baseline, supervised weights, masks

The specs register themselves (see `base`); a new file in this package is found by itself and needs no line here. These
functions have short names; any other is imported from its module.
"""

from edgewise.rl.advantages.batch_std import batch_std
from edgewise.rl.advantages.dr_grpo import dr_grpo
from edgewise.rl.advantages.gae import gae
from edgewise.rl.advantages.grpo import grpo
from edgewise.rl.advantages.masks import positive_only, zero_success_gate
from edgewise.rl.advantages.maxrl import maxrl
from edgewise.rl.advantages.opo import opo
from edgewise.rl.advantages.passk_training import (
    k_by_pass_rate,
    pass_at_k_adaptive,
    pass_at_k_bootstrap,
    pass_at_k_combination,
    pass_at_k_exceeding,
    pass_at_k_full,
    pass_at_k_training,
)
from edgewise.rl.advantages.pkpo import pkpo, pkpo_objective
from edgewise.rl.advantages.reinforce_plus_plus import reinforce_plus_plus
from edgewise.rl.advantages.reinforce_plus_plus_baseline import reinforce_plus_plus_baseline
from edgewise.rl.advantages.remax import remax
from edgewise.rl.advantages.reward_to_go import reward_to_go
from edgewise.rl.advantages.rloo import rloo
from edgewise.rl.advantages.sample_reinforcement import nsr, psr, w_reinforce
from edgewise.rl.advantages.unlikeliness import unlikeliness
from edgewise.rl.advantages.whitening import whiten

__all__ = [
    "batch_std",
    "dr_grpo",
    "gae",
    "grpo",
    "k_by_pass_rate",
    "maxrl",
    "nsr",
    "opo",
    "pass_at_k_adaptive",
    "pass_at_k_bootstrap",
    "pass_at_k_combination",
    "pass_at_k_exceeding",
    "pass_at_k_full",
    "pass_at_k_training",
    "pkpo",
    "pkpo_objective",
    "positive_only",
    "psr",
    "reinforce_plus_plus",
    "reinforce_plus_plus_baseline",
    "remax",
    "reward_to_go",
    "rloo",
    "unlikeliness",
    "w_reinforce",
    "whiten",
    "zero_success_gate",
]
