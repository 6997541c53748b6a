"""What a verdict states: one fact about pass@1 and one about k samples, each by its own rule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from edgewise.boundary.verdict.evidence import Evidence

Fact1 = Literal["up", "down", "same", "open"]
FactK = Literal["extended", "more", "both", "shrunk", "same", "open"]

# Within fewer samples than this, a rise of pass@k does not say that the base lacks the problems.
LEAST_K_EXTENDED = 32


class Facts(NamedTuple):
    """The fact at one sample and that at k samples."""

    at_1: Fact1
    at_k: FactK


@dataclass(frozen=True)
class FactEntry:
    """When a fact holds. `rule` says so in words. `clause` is what a sentence over several sets says of it, filled with
    {k}, {margin} and {here}, the sets where it holds.
    """

    rule: str
    clause: str


FACTS_1: dict[Fact1, FactEntry] = {
    "up": FactEntry("Delta pass@1 is above 0", "right more often at once on {here}"),
    "down": FactEntry("Delta pass@1 is below 0", "right less often at once on {here}"),
    "same": FactEntry("Delta pass@1 is inside the margin", "no change at once beyond {margin}"),
    "open": FactEntry("Neither a change of pass@1 nor the absence of one beyond the margin is shown", ""),
}
FACTS_K: dict[FactK, FactEntry] = {
    "extended": FactEntry(
        "Delta pass@k is above 0, and so is the excess expansion, which is most of it or beyond the margin",
        "new problems within {k} samples on {here}",
    ),
    "more": FactEntry(
        f"Delta pass@k is above 0, but k is below {LEAST_K_EXTENDED}, or the gain is not mostly on problems that the "
        "base leaves unsolved",
        "more solved within {k} samples on {here}",
    ),
    "both": FactEntry(
        "excess expansion and excess shrinkage are both above 0",
        "gains and losses within {k} samples on {here}",
    ),
    "shrunk": FactEntry("Delta pass@k is below 0", "fewer solved within {k} samples on {here}"),
    "same": FactEntry(
        "a loss of pass@k and an excess expansion as large as the margin are both excluded",
        "nothing beyond {margin} new or lost within {k} samples",
    ),
    "open": FactEntry(
        "neither a change within k samples nor the absence of one beyond the margin is shown",
        "not decided within {k} samples on {here}",
    ),
}


def facts_of(e: Evidence) -> Facts:
    """The facts that the evidence shows."""
    return Facts(_fact_1(e), _fact_k(e))


def combine_facts(facts: Sequence[Facts]) -> Facts:
    """One fact of each kind over several sets.

    A change anywhere is a change; that there was none needs every set. Sets that moved in opposite directions are open
    at one sample, and gains and losses at k.
    """
    at_1, at_k = {fact.at_1 for fact in facts}, {fact.at_k for fact in facts}
    directions = at_1 & {"up", "down"}
    gains = at_k & {"extended", "more"}
    first: Fact1 = "open"
    if len(directions) == 1:
        (first,) = directions
    elif at_1 == {"same"}:
        first = "same"
    kth: FactK = "open"
    if "both" in at_k or (gains and "shrunk" in at_k):
        kth = "both"
    elif changes := [fact for fact in FACTS_K if fact in at_k and fact not in ("same", "open")]:
        kth = changes[0]
    elif at_k == {"same"}:
        kth = "same"
    return Facts(first, kth)


def _fact_1(e: Evidence) -> Fact1:
    if e.at_1.shown:
        return "up" if e.at_1.direction > 0 else "down"
    return "same" if e.at_1.estimate.inside(e.margin) else "open"


def _fact_k(e: Evidence) -> FactK:
    if e.k < 2:
        return "open"
    if e.gained_and_lost:
        return "both"
    if e.at_k.direction < 0:
        return "shrunk"
    if e.at_k.direction > 0 and e.gained:
        return "extended" if e.k >= LEAST_K_EXTENDED else "more"
    if _stayed(e):
        return "same"
    return "more" if e.at_k.direction > 0 else "open"


def _stayed(e: Evidence) -> bool:
    """Neither a loss of pass@k nor an excess expansion reaches the margin; nor does a gain, unless pass@1 rose too, for
    greater sureness raises pass@k on problems that the base solves."""
    at_k = e.widened(e.at_k.estimate)
    new = e.widened(e.expansion, e.solved.problems)
    surer = e.at_1.direction > 0 or at_k.high < e.margin
    return at_k.low > -e.margin and new.high < e.margin_in_problems and surer
