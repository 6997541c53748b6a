"""Turn evidence into one label, or refuse one: too little power, hidden losses, confounded samples."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from edgewise.boundary.inference.estimators import none_at_k
from edgewise.boundary.inference.power import LEAST_POWER, detectable, power_at
from edgewise.boundary.inference.supported_k import SAMPLES_PER_K
from edgewise.boundary.measures.changes import changes
from edgewise.boundary.verdict.evidence import Evidence, PowerTest
from edgewise.boundary.verdict.labels import CANNOT_TELL, LABELS, Claim, Label
from edgewise.outcomes.counts import Counts, IntArray


@dataclass(frozen=True)
class Decision:
    """A label, the rule that gave it, and the power of the label, or of the one that was refused.

    `refused` is the label that would have been given but for too little power or a reason against it. `direction` is
    that of pass@k where its interval leaves out 0 and still no label holds.
    """

    label: Label
    rule: str
    power: float
    refused: Label | None = None
    direction: Literal["up", "down"] | None = None


def decide(evidence: Evidence, base: Counts, tuned: Counts, concerns: Sequence[str] = ()) -> Decision:
    """Apply the rules that `boundary_verdict` documents, in their order."""
    ungraded = [name for name, counts in (("base", base), ("tuned model", tuned)) if not counts.scored]
    if ungraded:
        rule = f"No sample of the {' and of the '.join(ungraded)} could be scored, so there is no rate to compare."
        return Decision(CANNOT_TELL, rule, evidence.power_at_margin)
    decision = _by_power(evidence)
    if decision.label == CANNOT_TELL:
        return decision
    hidden = _hidden_loss(decision.label, evidence, base, tuned)
    if hidden:
        decision = Decision("mixed", hidden, decision.power)
    reasons = [reason.rstrip(".") for reason in concerns]
    reasons += _confounds(decision.label, evidence, base, tuned)
    if not reasons:
        return decision
    rule = f"{'; '.join(reasons)}. Without that: {decision.label}."
    return Decision(CANNOT_TELL, rule, decision.power, refused=decision.label)


def _by_power(e: Evidence) -> Decision:
    if e.k < 2:
        samples = 2 * SAMPLES_PER_K
        rule = f"k = 1 shows nothing but pass@1; a claim needs k of at least 2, so {samples} samples of every problem."
        return Decision(CANNOT_TELL, rule, e.power_at_margin)
    claims = [(label, entry.claim) for label, entry in LABELS.items() if entry.claim]
    claims.sort(key=lambda claim: claim[1].tried_last_if_weak and _power(claim[1], e) < LEAST_POWER)
    for label, claim in claims:
        if claim.holds(e):
            power = _power(claim, e)
            if power >= LEAST_POWER:
                return Decision(label, claim.rule, power)
            rule = (
                f"It would be {label}, but the power to see a difference as large as {claim.effect_words} is "
                f"{power:.2f}, below {LEAST_POWER:.2f}; about {_enough(claim, e)} problems would do."
            )
            return Decision(CANNOT_TELL, rule, power, refused=label)
    direction: Literal["up", "down"] | None = "up" if e.delta_k.low > 0 else "down" if e.delta_k.high < 0 else None
    return Decision(CANNOT_TELL, _undecided(e), e.power_at_margin, direction=direction)


def _power(claim: Claim, e: Evidence) -> float:
    """The power of the weakest test that the claim rests on."""
    return min(power_at(test.effect, test.se, e.confidence) for test in claim.tests(e))


def _enough(claim: Claim, e: Evidence) -> str:
    """The number of problems at which every test of the claim has enough power, to two digits."""
    times = max(_times(test, e) for test in claim.tests(e))
    needed = times * e.solved.problems
    unit = 10 ** max(0, math.floor(math.log10(needed)) - 1)
    return f"{math.ceil(needed / unit) * unit:,}"


def _times(test: PowerTest, e: Evidence) -> float:
    """How many times as many problems give the test enough power."""
    # The least error falls as 1/problems, any other as the root of that.
    ratio: float = (detectable(test.se, e.confidence) / abs(test.effect)) ** (1 if test.se <= test.least else 2)
    return ratio


def _undecided(e: Evidence) -> str:
    if e.delta_k.low > 0 and e.p_k <= e.alpha and not e.gained:
        return (
            "pass@k rises, but not mostly on problems that a draw of the base leaves unsolved, and by too much to be "
            "called none; a larger k tells whether the base only needs more samples."
        )
    return "Neither a change at k with its excess in solved problems nor the absence of one beyond the margin is shown."


def _hidden_loss(label: Label, e: Evidence, base: Counts, tuned: Counts) -> str | None:
    """What single problems lost, where it is as much as the margin although the net change does not show it."""
    claim = LABELS[label].claim
    if claim is None or not claim.excludes_hidden_loss:
        return None
    changed = changes(base, tuned)
    down_P = (changed.q_P <= changed.q) & (changed.direction_P < 0)
    lost_P = none_at_k(tuned.n_P, tuned.c_P, e.k) - none_at_k(base.n_P, base.c_P, e.k)
    lost = float(lost_P[down_P].sum() / base.problems)
    if lost < e.margin:
        return None
    return (
        f"{down_P.sum()} problems are each significantly down (false discovery rate {changed.q:g}) and lose "
        f"{100 * lost:.1f} points of pass@{e.k} together, which gains on others hide; without them: {label}."
    )


def _confounds(label: Label, e: Evidence, base: Counts, tuned: Counts) -> list[str]:
    """Differences in how many samples were verified that are large enough to have made the label."""
    claim, reasons = LABELS[label].claim, []
    for name, before_P, after_P in (
        ("unscorable", base.unscorable_P, tuned.unscorable_P),
        ("truncated", base.truncated_P, tuned.truncated_P),
    ):
        if claim is None or (before_P is None and after_P is None):
            continue
        shares = [_share(base, before_P), _share(tuned, after_P)]
        # What was not recorded may have been none at all.
        before_P, after_P = (np.zeros_like(base.n_P) if count_P is None else count_P for count_P in (before_P, after_P))
        artefact_1 = _blocked(base, before_P, 1) - _blocked(tuned, after_P, 1)
        artefact_k = _blocked(base, before_P, e.k) - _blocked(tuned, after_P, e.k)
        explained = claim.explained(e, artefact_1, artefact_k)
        if explained:
            samples = f"{name.capitalize()} samples are {shares[0]} in base and {shares[1]} in tuned"
            reasons.append(f"{samples}, a difference {explained}")
    return reasons


def _share(counts: Counts, unverified_P: IntArray | None) -> str:
    return "not recorded" if unverified_P is None else f"{np.mean(unverified_P / counts.n_P):.1%}"


def _blocked(counts: Counts, unverified_P: IntArray, k: int) -> float:
    """The mean probability that none of k samples is verified: 1 minus the pass@k of a model always right."""
    return float(np.mean(none_at_k(counts.n_P, counts.n_P - unverified_P, k)))
