"""A verdict in one plain sentence of at most 25 words, and its evidence in one line of numbers."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from edgewise.boundary.inference.means import Estimate
from edgewise.boundary.inference.power import LEAST_POWER
from edgewise.boundary.verdict.evidence import Evidence
from edgewise.boundary.verdict.facts import FACTS_1, FACTS_K, Facts
from edgewise.boundary.verdict.labels import LABELS, Label, shown_label
from edgewise.boundary.verdict.rules import Decision
from edgewise.core.words import counted

MOST_WORDS = 25
ARMS = ("base", "tuned")
# The names of sets are given where they have no more words, and characters, than this; else sets are counted.
_NAMES, _CHARACTERS = 4, 40


def sentence(decision: Decision, e: Evidence) -> str:
    """What a verdict says about the tuned model."""
    if decision.refused:
        seems = shown_label(decision.refused, e.k)
        return f"It looks like {seems!r}, but how the samples were drawn, cut off or verified can explain that."
    at_1, at_k = difference_text("pass@1", e.at_1.estimate), difference_text(f"pass@{e.k}", e.at_k.estimate)
    if e.k < 2:
        return f"One sample says nothing about more: {at_1}; a claim at k needs at least 2k samples of every problem."
    if decision.facts == Facts("open", "same"):
        return f"Nothing beyond {points_text(e.margin)} new or lost within {e.k} samples; not decided at once: {at_1}."
    if decision.facts == Facts("same", "open"):
        return f"No change at once beyond {points_text(e.margin)}; within {e.k} samples not decided: {at_k}."
    return LABELS[decision.label].sentence.format(
        k=e.k, margin=points_text(e.margin), at_1=at_1, at_k=at_k, detectable=points_text(e.detectable)
    )


def combined_sentence(facts: Facts, parts: dict[str, Facts], ks: Sequence[int], margin: float) -> str:
    """What one verdict over several sets says, given the facts of each set, where `ks` are the k they speak of."""
    k = str(ks[0]) if min(ks) == max(ks) else f"{min(ks)} to {max(ks)}"
    clauses = []
    for entries, of_all, of_parts in (
        (FACTS_1, facts.at_1, {name: part.at_1 for name, part in parts.items()}),
        (FACTS_K, facts.at_k, {name: part.at_k for name, part in parts.items()}),
    ):
        # "open" over sets may be a rise here and a fall there; "both" may be a gain here and a loss there.
        changes = [fact for fact in entries if fact in of_parts.values() and fact not in ("same", "open")]
        for fact in changes or [of_all]:
            here = _where([name for name, its_fact in of_parts.items() if its_fact == fact], len(parts))
            clauses.append(entries[fact].clause.format(k=k, margin=points_text(margin), here=here))  # type: ignore[index]
    text = "; ".join(clause for clause in clauses if clause)
    return f"{text[:1].upper()}{text[1:]}."


def seeds_sentence(labels: Counter[Label], k: int, scatter_1: float, scatter_k: float) -> str:
    """What the training seeds of a recipe differ by: their labels, and the standard deviations of the changes."""
    seeds = f"{labels.total()} seed{'s' if labels.total() > 1 else ''}: {_labels_of_seeds(labels, k)}"
    if math.isnan(scatter_1):
        return f"{seeds}."
    at_k = f", pass@{k} by {points_text(scatter_k).split()[0]}" if k > 1 else ""
    return f"{seeds}; changes of pass@1 scatter by {points_text(scatter_1)}{at_k}."


def too_few_seeds_sentence(labels: Counter[Label], k: int, least: int) -> str:
    """What is said where there are too few training seeds for a statement about a recipe."""
    which = "this checkpoint" if labels.total() == 1 else "these checkpoints"
    return f"Only of {which}: {_labels_of_seeds(labels, k)}. A statement about the recipe needs {least} training seeds."


def _labels_of_seeds(labels: Counter[Label], k: int) -> str:
    """How many seeds have which label, the commonest two and the others."""
    if len(labels) == 1:
        (label,) = labels
        return f"{'all ' if labels.total() > 1 else ''}{shown_label(label, k)}"
    named = [f"{number} {shown_label(label, k)}" for label, number in labels.most_common(2)]
    others = labels.total() - sum(number for _, number in labels.most_common(2))
    return ", ".join([*named, *([f"{others} other"] if others else [])])


def evidence_line(
    e: Evidence, n: int, left_out: Sequence[str] = (), ungraded: tuple[float, float] | None = None
) -> str:
    """What the verdict rests on, in one line: p-values, solved problems, their intervals, the design, the problems left
    out for want of samples, and the shares of samples of base and tuned that were not graded."""
    gained, lost = (_number(count) for count in (e.expansion, e.shrinkage))
    few = f"; {named_few(left_out)} left out, with fewer than {2 * e.k} samples" if left_out else ""
    if ungraded is not None:
        shares = " and ".join(f"{share:.1%} of the samples of {arm}" for share, arm in zip(ungraded, ARMS, strict=True))
        few += f"; {shares} not graded, and intervals reach over what they may have been"
    change = (
        f"a change of pass@{e.k} by {points_text(e.detectable)}" if e.detectable < 1 else f"no change of pass@{e.k}"
    )
    p_k = f", pass@{e.k} p = {e.at_k.p:.2g} ({100 * e.at_k.confidence:.4g}% interval)" if e.k > 1 else ""
    return (
        f"pass@1 p = {e.at_1.p:.2g} ({100 * e.at_1.confidence:.4g}% interval){p_k}; beyond what two draws of the base "
        f"differ by, {gained} problems newly solved and {lost} no longer solved ({100 * e.confidence:.4g}%); "
        f"{counted(e.solved.problems, 'problem')}, at least {counted(n, 'sample')} each{few}; "
        f"{change} is seen with power {LEAST_POWER}."
    )


def named_few(problems: Sequence[str]) -> str:
    """How many problems, and the names of the first: "2 problems (a, b)"."""
    more = ", ..." if len(problems) > _NAMES else ""
    return f"{len(problems)} problem{'s' * (len(problems) > 1)} ({', '.join(problems[:_NAMES])}{more})"


def points_text(share: float) -> str:
    """The size of a difference in points: "5 points"."""
    number = f"{round(100 * share, 1):g}"
    return f"{number} point{'' if number == '1' else 's'}"


def difference_text(name: str, difference: Estimate) -> str:
    """A difference with its interval: "pass@1 +2.0 points [-1.0, +5.0]"."""
    low, value, high = (_signed(end) for end in (difference.low, difference.value, difference.high))
    return f"{name} {value} points [{low}, {high}]"


def _where(names: Sequence[str], total: int) -> str:
    if len(names) == total and total > 1:
        return "all sets"
    *first, last = names or [""]
    text = f"{', '.join(first)} and {last}" if first else last
    if len(text.split()) <= _NAMES and len(text) <= _CHARACTERS:
        return text
    return f"{len(names)} of {total} sets"


def _signed(share: float) -> str:
    """In points, without a sign where it rounds to 0."""
    text = f"{100 * share:+.1f}"
    return "0.0" if text in ("+0.0", "-0.0") else text


def _number(count: Estimate) -> str:
    """Problems beyond what chance makes of them: none where there are fewer."""
    value, low, high = (max(number, 0.0) for number in (count.value, count.low, count.high))
    return f"{value:.1f} [{low:.1f}, {high:.1f}]"
