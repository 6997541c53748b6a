"""The rules that turn two differences and the solved sets into one label, or into a refusal to give one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from edgewise.boundary.inference.estimators import none_at_k
from edgewise.boundary.inference.multiple_testing import changes
from edgewise.boundary.inference.power import LEAST_POWER, detectable, power_at, standard_error, unseen_share
from edgewise.boundary.inference.resampling import Estimate
from edgewise.boundary.measures.solved import SolvedSets
from edgewise.outcomes.counts import Counts, IntArray

Label = Literal["sharpened", "extended", "shrunk", "mixed", "unchanged", "cannot tell"]


@dataclass(frozen=True)
class Evidence:
    """What the rules look at: Delta pass@1, Delta pass@k and the solved sets at m = k.

    All intervals are at `confidence` and rest on `units` independent problems or clusters of problems.
    """

    delta_1: Estimate
    delta_k: Estimate
    p_1: float
    p_k: float
    solved: SolvedSets
    k: int
    margin: float
    confidence: float
    units: int

    @property
    def expansion(self) -> Estimate:
        return self.solved.excess_expansion

    @property
    def shrinkage(self) -> Estimate:
        return self.solved.excess_shrinkage

    @property
    def gained(self) -> bool:
        """Problems were newly solved, beyond the floor, and not by greater sureness alone.

        Delta pass@k is (expansion - shrinkage)/problems: what is gained on problems that a draw of the base left
        unsolved, and what is gained (-shrinkage) on problems that it solved. An expansion is the greater part of
        the gain, or as large as the margin by itself.
        """
        greater = self.expansion.value >= -self.shrinkage.value
        return self.expansion.low > 0 and (greater or self.expansion.low >= self.margin * self.solved.problems)

    @property
    def lost(self) -> bool:
        """Problems were lost, beyond the floor."""
        return self.shrinkage.low > 0

    @property
    def detectable(self) -> float:
        """The smallest Delta pass@k that this design sees with power 0.8."""
        return detectable(self.error(self.delta_k, self.unseen), self.confidence)

    @property
    def power_at_margin(self) -> float:
        """The power to see a Delta pass@k as large as the margin."""
        return power_at(self.margin, self.error(self.delta_k, self.unseen), self.confidence)

    @property
    def unseen(self) -> float:
        """The share of problems that may have changed without one of them being seen."""
        return unseen_share(self.units, self.confidence)

    def error(self, estimate: Estimate, least: float = 0.0) -> float:
        """The standard error of an estimate, whose interval is taken to reach at least `least` to either side."""
        return standard_error(max((estimate.high - estimate.low) / 2, least), self.confidence)


@dataclass(frozen=True)
class Decision:
    """A label, the rule that gave it, and the power of the label, or of the one that was refused.

    `refused` is the label that would have been given but for too little power or a reason against it.
    """

    label: Label
    rule: str
    power: float
    refused: Label | None = None


class _Test(NamedTuple):
    """A difference of the size `effect` to be seen with the standard error `se`, which is never below `least`."""

    effect: float
    se: float
    least: float


class _Claim(NamedTuple):
    label: Label
    holds: bool
    rule: str
    tests: tuple[_Test, ...]
    sized: str


def decide(evidence: Evidence, base: Counts, tuned: Counts, concerns: Sequence[str] = ()) -> Decision:
    """Apply the rules that `boundary_verdict` documents, in their order."""
    decision = _by_power(evidence)
    if decision.label == "cannot tell":
        return decision
    hidden = _hidden_loss(decision.label, evidence, base, tuned)
    if hidden:
        decision = Decision("mixed", hidden, decision.power)
    reasons = [reason.rstrip(".") for reason in concerns]
    reasons += _confounds(decision.label, evidence, base, tuned)
    if not reasons:
        return decision
    rule = f"{'; '.join(reasons)}. Without that: {decision.label}."
    return Decision("cannot tell", rule, decision.power, refused=decision.label)


def _by_power(e: Evidence) -> Decision:
    if e.k < 2:
        rule = "k = 1 shows nothing but pass@1; a claim needs k of at least 2, and so 8 samples of every problem."
        return Decision("cannot tell", rule, e.power_at_margin)
    mixed, *others = _claims(e)
    first = [mixed] if _power(mixed, e.confidence) >= LEAST_POWER else []
    for claim in [*first, *others, mixed]:
        if claim.holds:
            power = _power(claim, e.confidence)
            if power >= LEAST_POWER:
                return Decision(claim.label, claim.rule, power)
            rule = (
                f"It would be {claim.label}, but the power to see a difference as large as {claim.sized} is "
                f"{power:.2f}, below {LEAST_POWER:.2f}; about {_enough(claim, e)} problems would do."
            )
            return Decision("cannot tell", rule, power, refused=claim.label)
    return Decision("cannot tell", _undecided(e), e.power_at_margin)


def _claims(e: Evidence) -> tuple[_Claim, ...]:
    alpha, share, unseen = 1 - e.confidence, e.margin * e.solved.problems, e.unseen
    observed, margin = "the one observed", "the margin"
    at_1, new, old = (_test(e, one.value, one) for one in (e.delta_1, e.expansion, e.shrinkage))
    at_k = _test(e, e.delta_k.value, e.delta_k, unseen)
    none_at_1, none_at_k = (_test(e, e.margin, one, unseen) for one in (e.delta_1, e.delta_k))
    none_new = _test(e, share, e.expansion, unseen * e.solved.problems)
    return (
        _Claim(
            "mixed",
            e.gained and e.lost,
            "Excess expansion and excess shrinkage are both above 0.",
            (new, old),
            observed,
        ),
        _Claim(
            "extended",
            e.delta_k.low > 0 and e.p_k <= alpha and e.gained,
            "Delta pass@k is above 0, and so is the excess expansion, which is most of it or beyond the margin.",
            (at_k,),
            observed,
        ),
        _Claim(
            "shrunk",
            e.delta_k.high < 0 and e.p_k <= alpha and e.lost,
            "Delta pass@k is below 0, and the excess shrinkage is above 0.",
            (at_k,),
            observed,
        ),
        _Claim(
            "sharpened",
            e.delta_1.low > 0 and e.p_1 <= alpha and e.delta_k.low > -e.margin and e.expansion.high < share,
            "Delta pass@1 is above 0; neither a loss of pass@k nor an excess expansion reaches the margin.",
            (at_1, none_at_k, none_new),
            f"{observed} at 1 or {margin} at k",
        ),
        _Claim(
            "unchanged",
            e.delta_1.inside(e.margin) and e.delta_k.inside(e.margin),
            "Delta pass@1 and Delta pass@k are both inside the margin.",
            (none_at_1, none_at_k),
            margin,
        ),
    )


def _test(e: Evidence, effect: float, estimate: Estimate, least: float = 0.0) -> _Test:
    return _Test(effect, e.error(estimate, least), standard_error(least, e.confidence))


def _power(claim: _Claim, confidence: float) -> float:
    """The power of the weakest test that the claim rests on."""
    return min(power_at(test.effect, test.se, confidence) for test in claim.tests)


def _enough(claim: _Claim, e: Evidence) -> str:
    """The number of problems at which every test of the claim has enough power, to two digits."""
    times = 0.0
    for effect, se, least in claim.tests:
        # The least error falls as 1/problems, any other as the root of that.
        times = max(times, (detectable(se, e.confidence) / abs(effect)) ** (1 if se <= least else 2))
    needed = times * e.solved.problems
    unit = 10 ** max(0, math.floor(math.log10(needed)) - 1)
    return f"{math.ceil(needed / unit) * unit:,}"


def _undecided(e: Evidence) -> str:
    if e.delta_k.low > 0 and e.p_k <= 1 - e.confidence and not e.gained:
        return (
            "pass@k rises, but not mostly on problems that a draw of the base leaves unsolved, and by too much to be "
            "called none; a larger k tells whether the base only needs more samples."
        )
    return "Neither a change at k with its excess in solved problems nor the absence of one beyond the margin is shown."


def _hidden_loss(label: Label, e: Evidence, base: Counts, tuned: Counts) -> str | None:
    """What single problems lost, where it is as much as the margin although the net change does not show it."""
    if label not in ("sharpened", "unchanged", "extended"):
        return None
    found = changes(base, tuned)
    down_P = (found.q_P <= found.q) & (found.direction_P < 0)
    lost_P = none_at_k(tuned.n_P, tuned.c_P, e.k) - none_at_k(base.n_P, base.c_P, e.k)
    lost = float(lost_P[down_P].sum() / base.problems)
    if lost < e.margin:
        return None
    return (
        f"{down_P.sum()} problems are each significantly down (false discovery rate {found.q:g}) and lose "
        f"{100 * lost:.1f} points of pass@{e.k} together, which gains on others hide; without them: {label}."
    )


def _confounds(label: Label, e: Evidence, base: Counts, tuned: Counts) -> list[str]:
    """Differences in how samples were verified that are large enough to have made the label."""
    found = []
    for name, before_P, after_P in (
        ("unscorable", base.unscorable_P, tuned.unscorable_P),
        ("truncated", base.truncated_P, tuned.truncated_P),
    ):
        if before_P is None and after_P is None:
            continue
        said = [_share(base, before_P), _share(tuned, after_P)]
        # What was not recorded may have been none at all.
        before_P, after_P = (np.zeros_like(base.n_P) if one_P is None else one_P for one_P in (before_P, after_P))
        before, after = _blocked(base, before_P, 1), _blocked(tuned, after_P, 1)
        cleared = before - after
        cleared_at_k = _blocked(base, before_P, e.k) - _blocked(tuned, after_P, e.k)
        shares = f"{name.capitalize()} samples are {said[0]} in base and {said[1]} in tuned, a difference"
        if label in ("mixed", "unchanged"):
            if abs(cleared) > e.margin:
                found.append(f"{shares} beyond the margin of {100 * e.margin:.1f} points")
        elif label == "sharpened":
            if cleared > e.delta_1.value:
                found.append(f"{shares} larger than that in pass@1, which could explain it")
            elif abs(cleared_at_k) > e.margin:
                found.append(f"{shares} that could hide a change of pass@k beyond the margin")
        else:
            sign = math.copysign(1, e.delta_k.value)
            changes = [sign * delta.value for delta in (e.delta_1, e.delta_k) if sign * delta.value > 0]
            if sign * cleared > min(changes):
                found.append(f"{shares} larger than that in pass@1 or pass@k, which could explain it")
    return found


def _share(counts: Counts, unverified_P: IntArray | None) -> str:
    return "not recorded" if unverified_P is None else f"{np.mean(unverified_P / counts.n_P):.1%}"


def _blocked(counts: Counts, unverified_P: IntArray, k: int) -> float:
    """The mean probability that none of k samples is verified: 1 minus the pass@k of a model always right."""
    return float(np.mean(none_at_k(counts.n_P, counts.n_P - unverified_P, k)))
