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


# Of the problems that are each significantly down.
FALSE_DISCOVERIES = 0.05

# A base and a tuned model.
Pair = tuple[Counts, Counts]


def decide(evidence: Evidence, pairs: Sequence[Pair], concerns: Sequence[str] = ()) -> Decision:
    """Apply the rules that `boundary_verdict` documents, in their order, to the pair of a checkpoint or to those of the
    training seeds of a recipe."""
    facts = facts_of(evidence)
    arms = zip(("base", "tuned model"), zip(*pairs, strict=True), strict=True)
    ungraded = [name for name, arm in arms if not all(counts.scored for counts in arm)]
    if ungraded:
        rule = f"No sample of the {' and of the '.join(ungraded)} could be scored, so there is no rate to compare."
        return Decision(Facts("open", "open"), CANNOT_TELL, rule)
    rule = f"{FACTS_1[facts.at_1].rule}; {FACTS_K[facts.at_k].rule}."
    hidden = _hidden_loss(facts, evidence, pairs)
    if hidden:
        rule = f"{hidden} Without them: {label_of(facts)}."
        facts = Facts(facts.at_1, "both")
    label = label_of(facts)
    if label == CANNOT_TELL:
        return Decision(facts, label, rule)
    reasons = [reason.rstrip(".") for reason in concerns]
    reasons += _confounds(facts, evidence, pairs)
    if not reasons:
        return Decision(facts, label, rule)
    return Decision(Facts("open", "open"), CANNOT_TELL, f"{'; '.join(reasons)}. Without that: {label}.", refused=label)


def _hidden_loss(facts: Facts, e: Evidence, pairs: Sequence[Pair]) -> str:
    """What single problems lost, where it is as much as the margin although the net change does not show it; of
    training seeds, in more than half of them."""
    if facts.at_k not in _HIDING:
        return ""
    losses = [_loss(e, *pair) for pair in pairs]
    # The lesser of the two middle ones where their number is even.
    down, lost = sorted(losses, key=lambda loss: loss[1])[(len(losses) - 1) // 2]
    if lost < e.margin:
        return ""
    of_seeds = "" if len(pairs) == 1 else f" (median of {len(pairs)} training seeds)"
    return (
        f"{down} problems are each significantly down (false discovery rate {FALSE_DISCOVERIES:g}) and lose "
        f"{100 * lost:.1f} points of pass@{e.k} together{of_seeds}, which gains on others hide."
    )


def _loss(e: Evidence, base: Counts, tuned: Counts) -> tuple[int, float]:
    """How many problems are each significantly down, and how much of pass@k they lose together."""
    changed = changes(base, tuned, q=FALSE_DISCOVERIES)
    down_P = (changed.q_P <= changed.q) & (changed.direction_P < 0)
    lost_P = none_at_k(tuned.n_P, tuned.c_P, e.k) - none_at_k(base.n_P, base.c_P, e.k)
    return int(down_P.sum()), float(lost_P[down_P].sum() / base.problems)


def _confounds(facts: Facts, e: Evidence, pairs: Sequence[Pair]) -> list[str]:
    """Differences in how many samples were verified that are large enough to have made one of the facts."""
    reasons = []
    for name in ("unscorable", "truncated"):
        if all(_unverified(counts, name) is None for pair in pairs for counts in pair):
            continue
        artefact_1, artefact_k = (
            float(np.mean([_blocked(base, name, k) - _blocked(tuned, name, k) for base, tuned in pairs]))
            for k in (1, e.k)
        )
        explained = FACTS_K[facts.at_k].explained(e, artefact_1, artefact_k)
        explained = explained or FACTS_1[facts.at_1].explained(e, artefact_1, artefact_k)
        if explained:
            before, after = (_share(arm, name) for arm in zip(*pairs, strict=True))
            reasons.append(
                f"{name.capitalize()} samples are {before} in base and {after} in tuned, a difference {explained}"
            )
    return reasons


def _unverified(counts: Counts, name: str) -> IntArray | None:
    return counts.unscorable_P if name == "unscorable" else counts.truncated_P


def _share(arm: Sequence[Counts], name: str) -> str:
    """The share of samples that were not verified, over problems and training seeds."""
    shares = [unverified_P / counts.n_P for counts in arm if (unverified_P := _unverified(counts, name)) is not None]
    return f"{np.mean(shares):.1%}" if shares else "not recorded"


def _blocked(counts: Counts, name: str, k: int) -> float:
    """The mean probability that none of k samples is verified: 1 minus the pass@k of a model always right."""
    unverified_P = _unverified(counts, name)
    # What was not recorded may have been none at all.
    return 0.0 if unverified_P is None else float(np.mean(none_at_k(counts.n_P, counts.n_P - unverified_P, k)))
