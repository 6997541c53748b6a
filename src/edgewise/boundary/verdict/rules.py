"""Turn evidence into facts and one label, or refuse it: hidden losses, ungraded samples, concerns from outside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgewise.boundary.inference.estimators import none_at_k
from edgewise.boundary.measures.changes import changes
from edgewise.boundary.verdict.evidence import Evidence, hull
from edgewise.boundary.verdict.facts import FACTS_1, FACTS_K, Facts, facts_of
from edgewise.boundary.verdict.labels import CANNOT_TELL, Label, label_of
from edgewise.boundary.verdict.ungraded import AS_COUNTED, LEFT_OUT, Pair, ungraded_share
from edgewise.outcomes.counts import Counts

# Where single problems lost the margin together, these facts are wrong although the net change does not show it.
HIDING = ("extended", "more", "same")


@dataclass(frozen=True)
class Decision:
    """The facts, their label and the rule that gave it. `refused` is the label that would have been given but for
    concerns, with which the facts are open, or for samples that were not graded. `readings` says the label under each
    reading of those, where they disagree."""

    facts: Facts
    label: Label
    rule: str
    refused: Label | None = None
    readings: str = ""


@dataclass(frozen=True)
class Case:
    """One reading of the ungraded samples: the pairs of base and tuned model, one for a checkpoint, several for the
    training seeds of a recipe, and their evidence."""

    pairs: Sequence[Pair]
    evidence: Evidence


# Of the problems that are each significantly down.
FALSE_DISCOVERIES = 0.05


def decide(cases: Mapping[str, Case], concerns: Sequence[str] = ()) -> Decision:
    """Apply the rules that `boundary_verdict` documents, in their order, to what all `cases` of `ungraded.scenarios`
    show together."""
    if unscored := without_a_score(cases[AS_COUNTED].pairs):
        return Decision(Facts("open", "open"), CANNOT_TELL, unscored)
    labels = {name: label_of(_with_hidden(case)) for name, case in cases.items()}
    whole = hull([case.evidence for case in cases.values()])
    facts = facts_of(whole)
    rule = f"{FACTS_1[facts.at_1].rule}; {FACTS_K[facts.at_k].rule}."
    hidden = [_hidden_loss(facts, case.evidence, case.pairs) for case in cases.values()]
    if all(hidden):
        rule = f"{hidden[0]} Without them: {label_of(facts)}."
        facts = Facts(facts.at_1, "both")
    elif any(hidden):
        # What is hidden in one reading of the ungraded samples forbids to say that nothing, or only a gain, happened.
        facts = Facts(facts.at_1, "open" if facts.at_k == "same" else "more")
    readings = _readings(cases, labels) if len(set(labels.values())) > 1 else ""
    label = label_of(facts)
    refused = labels[AS_COUNTED] if label == CANNOT_TELL != labels[AS_COUNTED] else None
    if label == CANNOT_TELL:
        return Decision(facts, label, rule, refused, readings)
    if not concerns:
        return Decision(facts, label, rule, None, readings)
    reasons = "; ".join(reason.rstrip(".") for reason in concerns)
    return Decision(Facts("open", "open"), CANNOT_TELL, f"{reasons}. Without that: {label}.", label, readings)


def without_a_score(pairs: Sequence[Pair]) -> str:
    """Which arms hold a model without a single sample that could be scored, as a rule; "" where none does."""
    arms = zip(("base", "tuned model"), zip(*pairs, strict=True), strict=True)
    unscored = [name for name, arm in arms if not all(counts.scored for counts in arm)]
    if not unscored:
        return ""
    return f"No sample of the {' and of the '.join(unscored)} could be scored, so there is no rate to compare."


def hides_a_loss(case: Case) -> bool:
    """Whether single problems, each significantly down, lose the margin or more of pass@k together."""
    return bool(_hidden_loss(Facts("open", "same"), case.evidence, case.pairs))


def _with_hidden(case: Case) -> Facts:
    """The facts of one case alone."""
    facts = facts_of(case.evidence)
    return Facts(facts.at_1, "both") if _hidden_loss(facts, case.evidence, case.pairs) else facts


def _readings(cases: Mapping[str, Case], labels: Mapping[str, Label]) -> str:
    """How many samples were not graded, and the label under each reading of them."""
    shares = [ungraded_share(arm) for arm in zip(*cases[AS_COUNTED].pairs, strict=True)]
    left_out = cases[LEFT_OUT].evidence
    differences = " and ".join(
        f"pass@{k} {100 * tested.estimate.value:+.1f}"
        for k, tested in sorted({1: left_out.at_1, left_out.k: left_out.at_k}.items())
    )
    found = "; ".join(f"{name}: {label}" for name, label in labels.items())
    return (
        f"Not graded are {shares[0]:.1%} of the samples of base and {shares[1]:.1%} of tuned; {differences} points "
        f"without them. Taken as {found}."
    )


def _hidden_loss(facts: Facts, e: Evidence, pairs: Sequence[Pair]) -> str:
    """What single problems lost, where it is as much as the margin although the net change does not show it; of
    training seeds, in more than half of them."""
    if facts.at_k not in HIDING:
        return ""
    losses = [_loss(e, *pair) for pair in pairs]
    # The lesser of the two middle ones where their number is even.
    down, lost = sorted(losses, key=lambda loss: loss[1])[(len(losses) - 1) // 2]
    if lost < e.margin:
        return ""
    of_seeds = "" if len(pairs) == 1 else f" (median of {len(pairs)} training seeds)"
    which, lose = ("1 problem is", "loses") if down == 1 else (f"{down} problems are each", "lose")
    return (
        f"{which} significantly down (false discovery rate {FALSE_DISCOVERIES:g}) and {lose} "
        f"{100 * lost:.1f} points of pass@{e.k} together{of_seeds}, which gains on others hide."
    )


def _loss(e: Evidence, base: Counts, tuned: Counts) -> tuple[int, float]:
    """How many problems are each significantly down, and how much of pass@k they lose together."""
    down_P = significantly_down(base, tuned)
    lost_P = none_at_k(tuned.n_P, tuned.c_P, e.k) - none_at_k(base.n_P, base.c_P, e.k)
    return int(down_P.sum()), float(lost_P[down_P].sum() / base.problems)


def significantly_down(base: Counts, tuned: Counts) -> npt.NDArray[np.bool_]:
    """Which problems are solved less often, each by itself."""
    changed = changes(base, tuned, q=FALSE_DISCOVERIES)
    return (changed.q_P <= changed.q) & (changed.direction_P < 0)
