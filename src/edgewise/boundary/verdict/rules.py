"""Turn evidence into facts and one label, or refuse it: hidden losses, confounded samples, concerns from outside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgewise.boundary.inference.estimators import none_at_k
from edgewise.boundary.measures.changes import changes
from edgewise.boundary.verdict.evidence import Evidence
from edgewise.boundary.verdict.facts import FACTS_1, FACTS_K, Facts, facts_of
from edgewise.boundary.verdict.labels import CANNOT_TELL, Label, label_of
from edgewise.outcomes.counts import Counts, IntArray

# Where single problems lost the margin together, these facts are wrong although the net change does not show it.
_HIDING = ("extended", "more", "same")


@dataclass(frozen=True)
class Decision:
    """The facts, their label and the rule that gave it. `refused` is the label that would have been given but for a
    reason against it; the facts are then open."""

    facts: Facts
    label: Label
    rule: str
    refused: Label | None = None


def decide(evidence: Evidence, base: Counts, tuned: Counts, concerns: Sequence[str] = ()) -> Decision:
    """Apply the rules that `boundary_verdict` documents, in their order."""
    facts = facts_of(evidence)
    ungraded = [name for name, counts in (("base", base), ("tuned model", tuned)) if not counts.scored]
    if ungraded:
        rule = f"No sample of the {' and of the '.join(ungraded)} could be scored, so there is no rate to compare."
        return Decision(Facts("open", "open"), CANNOT_TELL, rule)
    rule = f"{FACTS_1[facts.at_1].rule}; {FACTS_K[facts.at_k].rule}."
    hidden = _hidden_loss(facts, evidence, base, tuned)
    if hidden:
        rule = f"{hidden} Without them: {label_of(facts)}."
        facts = Facts(facts.at_1, "both")
    label = label_of(facts)
    if label == CANNOT_TELL:
        return Decision(facts, label, rule)
    reasons = [reason.rstrip(".") for reason in concerns]
    reasons += _confounds(facts, evidence, base, tuned)
    if not reasons:
        return Decision(facts, label, rule)
    return Decision(Facts("open", "open"), CANNOT_TELL, f"{'; '.join(reasons)}. Without that: {label}.", refused=label)


def _hidden_loss(facts: Facts, e: Evidence, base: Counts, tuned: Counts) -> str:
    """What single problems lost, where it is as much as the margin although the net change does not show it."""
    if facts.at_k not in _HIDING:
        return ""
    changed = changes(base, tuned)
    down_P = (changed.q_P <= changed.q) & (changed.direction_P < 0)
    lost_P = none_at_k(tuned.n_P, tuned.c_P, e.k) - none_at_k(base.n_P, base.c_P, e.k)
    lost = float(lost_P[down_P].sum() / base.problems)
    if lost < e.margin:
        return ""
    return (
        f"{down_P.sum()} problems are each significantly down (false discovery rate {changed.q:g}) and lose "
        f"{100 * lost:.1f} points of pass@{e.k} together, which gains on others hide."
    )


def _confounds(facts: Facts, e: Evidence, base: Counts, tuned: Counts) -> list[str]:
    """Differences in how many samples were verified that are large enough to have made one of the facts."""
    reasons = []
    for name, before_P, after_P in (
        ("unscorable", base.unscorable_P, tuned.unscorable_P),
        ("truncated", base.truncated_P, tuned.truncated_P),
    ):
        if before_P is None and after_P is None:
            continue
        shares = [_share(base, before_P), _share(tuned, after_P)]
        # What was not recorded may have been none at all.
        before_P, after_P = (np.zeros_like(base.n_P) if count_P is None else count_P for count_P in (before_P, after_P))
        artefact_1 = _blocked(base, before_P, 1) - _blocked(tuned, after_P, 1)
        artefact_k = _blocked(base, before_P, e.k) - _blocked(tuned, after_P, e.k)
        explained = FACTS_K[facts.at_k].explained(e, artefact_1, artefact_k)
        explained = explained or FACTS_1[facts.at_1].explained(e, artefact_1, artefact_k)
        if explained:
            samples = f"{name.capitalize()} samples are {shares[0]} in base and {shares[1]} in tuned"
            reasons.append(f"{samples}, a difference {explained}")
    return reasons


def _share(counts: Counts, unverified_P: IntArray | None) -> str:
    return "not recorded" if unverified_P is None else f"{np.mean(unverified_P / counts.n_P):.1%}"


def _blocked(counts: Counts, unverified_P: IntArray, k: int) -> float:
    """The mean probability that none of k samples is verified: 1 minus the pass@k of a model always right."""
    return float(np.mean(none_at_k(counts.n_P, counts.n_P - unverified_P, k)))
