"""A verdict in one plain sentence of at most 25 words, and its evidence in one line of numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from edgewise.boundary.inference.power import LEAST_POWER
from edgewise.boundary.inference.resampling import Estimate
from edgewise.boundary.inference.supported_k import SAMPLES_PER_K
from edgewise.boundary.verdict.evidence import Evidence
from edgewise.boundary.verdict.labels import LABELS, Label
from edgewise.boundary.verdict.rules import Decision

MOST_WORDS = 25
# The names of sets are given where they have no more words, and characters, than this; else sets are counted.
_NAMES, _CHARACTERS = 4, 60


def sentence(decision: Decision, k: int, margin: float) -> str:
    """What a verdict at k samples says about the tuned model."""
    refused = decision.refused
    if k < 2:
        return f"So few samples show nothing but pass@1; a claim needs at least {2 * SAMPLES_PER_K} of every problem."
    if refused and decision.power < LEAST_POWER:
        return f"It looks {refused}, but there are too few problems or samples to be sure."
    if refused:
        return f"It looks {refused}, but how the samples were drawn, cut off or verified can explain that."
    if decision.direction == "up":
        return f"More is solved within {k} samples, but not shown to be problems that the base leaves unsolved."
    if decision.direction == "down":
        return f"Less is solved within {k} samples, but no problem is shown to be lost beyond chance."
    return LABELS[decision.label].sentence.format(k=k, margin=_points(margin))


def combined_sentence(label: Label, labels: Mapping[str, Label], ks: Sequence[int], margin: float) -> str:
    """What one label over several sets says, given the label of each set, where `ks` are the k they speak of."""
    entry = LABELS[label]
    template = entry.combined_sentence if label in labels.values() else entry.combined_apart or entry.combined_sentence
    sets = {
        name: _where([part for part, its_label in labels.items() if its_label == name], len(labels)) for name in LABELS
    }
    k = str(ks[0]) if min(ks) == max(ks) else f"{min(ks)} to {max(ks)}"
    return template.format(k=k, margin=_points(margin), here=sets[label], **sets)


def evidence_line(e: Evidence, n: int) -> str:
    """What the verdict rests on, in one line: differences, solved problems, their intervals, and the design."""
    at_k = f"pass@{e.k} {_difference(e.delta_k)}, " if e.k > 1 else ""
    gained, lost = (_number(count) for count in (e.expansion, e.shrinkage))
    change = f"a change of pass@{e.k} by {_points(e.detectable)}" if e.detectable < 1 else f"no change of pass@{e.k}"
    return (
        f"{at_k}pass@1 {_difference(e.delta_1)}; beyond what two draws of the base differ by, {gained} problems newly "
        f"solved and {lost} no longer solved; {100 * e.confidence:.4g}% intervals, {e.solved.problems} problems, at "
        f"least {n} samples each; {change} is seen with power {LEAST_POWER}."
    )


def _where(names: Sequence[str], total: int) -> str:
    if not names:
        return ""
    *first, last = names
    text = f"{', '.join(first)} and {last}" if first else last
    if len(text.split()) <= _NAMES and len(text) <= _CHARACTERS:
        return text
    return f"{len(names)} of {total} sets"


def _points(share: float) -> str:
    return f"{round(100 * share, 1):g} points"


def _difference(delta: Estimate) -> str:
    return f"{100 * delta.value:+.1f} points [{100 * delta.low:+.1f}, {100 * delta.high:+.1f}]"


def _number(count: Estimate) -> str:
    return f"{count.value:.1f} [{count.low:.1f}, {count.high:.1f}]"
