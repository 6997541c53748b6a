"""Compute accounting of mid-training and RL: a budget split into steps of both, and whether arms had equal compute.

Two accounts. The *charged* one is that of Zhang et al. 2025 (Interplay, arXiv 2512.07783, section 5): tokens of
next-token training, with every rollout charged as 2,048 tokens whatever its length. The *true* one is the FLOPs in the
provenance of the stages, which count real prompt and completion tokens (`edgewise.model.flops` works them out).
What a step of a stage costs in either is said by `edgewise.study.budget`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from edgewise.core.errors import InputError

Account = Literal["charged", "flops"]

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
    """The steps that `budget` FLOPs buy, where a step costs so much (`edgewise.study.budget.step_flops` expects it).

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
class ArmCompute:
    """What an arm's own stages of training took, beyond what it shares with its base: means over its training seeds.

    `training_tokens` are those of next-token training and of gold solutions. `prompt_tokens` and `completion_tokens`
    are those of rollouts, a prompt once for its group; NaN where a version that did not count them made a stage.
    `charged_tokens` are those of the paper's account, with each rollout at 2,048 tokens.
    """

    training_tokens: float
    prompt_tokens: float
    completion_tokens: float
    charged_tokens: float
    flops: float
    seconds: float


@dataclass(frozen=True, slots=True)
class ComputeOfArms:
    """What each arm of a study took, and by how much those `compared` differ by `account`.

    `excess` is by which share the most expensive of them is above the cheapest. Where the study has `declared` that
    they are equal, `slack` is how much counts as equal, and `equal` whether they were; else both are None.
    """

    arms: Mapping[str, ArmCompute]
    account: Account
    compared: tuple[str, ...]
    slack: float | None
    declared: bool
    excess: float
    equal: bool | None
    sentence: str


def compute_of_arms(
    arms: Mapping[str, ArmCompute],
    account: Account = "flops",
    compared: Sequence[str] = (),
    slack: float | None = None,
) -> ComputeOfArms:
    """Compare what arms took: those `compared`, or all that took any where none is named.

    `slack` is given where the arms were declared to be equal; else nothing is said of equality.
    InputError where there is no arm, one is not known, or the slack is negative.
    """
    if not arms:
        raise InputError("arms: must be at least one")
    if slack is not None:
        check_slack(slack)
    unknown = next((arm for arm in compared if arm not in arms), None)
    if unknown is not None:
        raise InputError(f"arms: {unknown!r} must be one of {', '.join(arms)}")
    taken = {arm: its.flops if account == "flops" else its.charged_tokens for arm, its in arms.items()}
    chosen = {arm: taken[arm] for arm in compared or taken if compared or taken[arm] > 0}
    excess = relative_excess(chosen.values())
    return ComputeOfArms(
        arms=arms,
        account=account,
        compared=tuple(chosen),
        slack=slack,
        declared=slack is not None,
        excess=excess,
        equal=None if slack is None else excess <= slack,
        sentence=_sentence(chosen, account, excess, slack),
    )


def check_slack(slack: float) -> None:
    """InputError where a slack is negative or no number."""
    if not slack >= 0:
        raise InputError(f"slack: must be 0 or more, is {slack:g}")


def relative_excess(amounts: Iterable[float]) -> float:
    """By which share the largest amount is above the smallest; 0 of one or none, infinite where the smallest is 0."""
    ordered = sorted(amounts)
    if len(ordered) < 2 or ordered[0] == ordered[-1]:
        return 0.0
    return ordered[-1] / ordered[0] - 1 if ordered[0] > 0 else math.inf


def _sentence(taken: Mapping[str, float], account: Account, excess: float, slack: float | None) -> str:
    unit = "FLOPs" if account == "flops" else "charged tokens"
    if not taken:
        return "No arm was trained beyond its base."
    least, most = (choose(taken, key=taken.__getitem__) for choose in (min, max))
    if len(taken) == 1:
        return f"{most} alone was trained beyond its base: {taken[most]:.3g} {unit}."
    verdict = "" if slack is None else f"Compute is {'equal' if excess <= slack else 'not equal'}: "
    if taken[least] == taken[most]:
        return f"{verdict}{taken[most]:.3g} {unit} in each of {', '.join(taken)}."
    if taken[least] == 0:
        return f"{verdict}{most} took {taken[most]:.3g} {unit} and {least} none."
    allowed = "" if slack is None else f"; allowed {slack:.1%}"
    more = f"{most} took {excess:.1%} more {unit} than {least}"
    return f"{verdict}{more} ({taken[most]:.3g} and {taken[least]:.3g}{allowed})."
