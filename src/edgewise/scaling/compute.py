"""Compute accounting of mid-training and RL: a budget split into steps of both, and whether arms had equal compute.

Two accounts. The *charged* one is that of Zhang et al. 2025 (Interplay, arXiv 2512.07783, section 5): tokens of
next-token training, with every rollout charged as 2,048 tokens whatever its length. The *true* one is the FLOPs in the
provenance of the stages, which count real prompt and completion tokens (`edgewise.model.flops` works them out).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edgewise.core.errors import InputError
from edgewise.core.provenance import Totals
from edgewise.core.words import counted

CHARGED_TOKENS = 2048
"""What the paper charges for a rollout: prompt and completion at their longest. Real ones have about 640."""

# A share such as 1 - 0.8 is no exact number; steps that are whole but for that stay whole.
_ALMOST = 1e-6


@dataclass(frozen=True, slots=True)
class ChargedSizes:
    """What one step of each kind is charged: the sizes of the paper, which are the defaults.

    `reference`: whether a reference model computes log-probabilities of every rollout.
    """

    midtrain_tokens: int = 524_288
    prompts: int = 1024
    samples: int = 6
    rollout_tokens: int = CHARGED_TOKENS
    reference: bool = True

    @property
    def rl_tokens(self) -> float:
        """T_RL of one step: (4/3 + reference/3) x prompts x samples x rollout_tokens.

        A sampled token costs 2P FLOPs to write, 2P to the reference and 6P to learn from; a next-token one 6P.
        """
        return (4 + self.reference) / 3 * self.prompts * self.samples * self.rollout_tokens


@dataclass(frozen=True, slots=True)
class SplitSteps:
    """Steps of mid-training, then of RL, that a budget buys."""

    midtrain: int
    rl: int


def split_charged(budget: float, rl_share: float, sizes: ChargedSizes | None = None) -> SplitSteps:
    """The steps that `budget` tokens buy by the paper's account, a share `rl_share` of them for RL.

    Steps of mid-training are rounded down and those of RL to the nearest, as in the paper's table 3. InputError where
    the budget is not positive or the share not within 0 and 1.
    """
    sizes = sizes or ChargedSizes()
    return _split(budget, rl_share, sizes.midtrain_tokens, sizes.rl_tokens)


def split_flops(budget: float, rl_share: float, *, midtrain_step: float, rl_step: float) -> SplitSteps:
    """The steps that `budget` FLOPs buy, where a step costs so much: what a finished run's `Totals` say, by its steps.

    Rounded as `split_charged` does; the same errors, and one where a step costs nothing.
    """
    return _split(budget, rl_share, midtrain_step, rl_step)


def _split(budget: float, rl_share: float, midtrain_step: float, rl_step: float) -> SplitSteps:
    if not 0 <= rl_share <= 1:
        raise InputError(f"rl_share: must be within 0 and 1, is {rl_share:g}")
    for name, value in (("budget", budget), ("midtrain_step", midtrain_step), ("rl_step", rl_step)):
        if not (math.isfinite(value) and value > 0):
            raise InputError(f"{name}: must be positive, is {value:g}")
    midtrain = math.floor((1 - rl_share) * budget / midtrain_step + _ALMOST)
    return SplitSteps(midtrain, round(rl_share * budget / rl_step))


@dataclass(frozen=True, slots=True)
class ComputeOfArms:
    """What each arm took, as measured: tokens and FLOPs summed over its stages; `slack` is how far they may differ."""

    tokens: Mapping[str, float]
    flops: Mapping[str, float]
    slack: float

    @property
    def excess(self) -> float:
        """By which share the most expensive arm is above the cheapest, in FLOPs."""
        return max(self.flops.values()) / min(self.flops.values()) - 1

    @property
    def equal(self) -> bool:
        return self.excess <= self.slack

    def sentence(self) -> str:
        """Whether the arms had equal compute, and by how much they differ."""
        least, most = (choose(self.flops, key=self.flops.__getitem__) for choose in (min, max))
        if least == most:
            return f"{counted(len(self.flops), 'arm')} at {self.flops[least]:.3g} FLOPs."
        verdict = "equal" if self.equal else "not equal"
        return (
            f"Compute is {verdict}: {most} took {self.excess:.1%} more FLOPs than {least}"
            f" ({self.flops[most]:.3g} and {self.flops[least]:.3g}; allowed {self.slack:.1%})."
        )


def compute_of_arms(stages: Mapping[str, Sequence[Totals]], slack: float = 0.05) -> ComputeOfArms:
    """Sum the totals of the stages of every arm: those that train it, without what all arms share.

    InputError where there is no arm, one took no FLOPs, or the slack is negative.
    """
    if not stages:
        raise InputError("arms: must be at least one")
    if not slack >= 0:
        raise InputError(f"slack: must be 0 or more, is {slack:g}")
    flops = {arm: math.fsum(totals.flops for totals in its) for arm, its in stages.items()}
    for arm, its in flops.items():
        if not its > 0:
            raise InputError(f"arms: {arm} took no FLOPs, so there is nothing to compare")
    tokens = {arm: math.fsum(totals.tokens for totals in its) for arm, its in stages.items()}
    return ComputeOfArms(tokens, flops, slack)
