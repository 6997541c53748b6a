"""Controls that most claims have: gold solutions extend, a reward by coin does not, two draws of a model agree."""

from __future__ import annotations

from edgewise.claims.ledger.claim import Control
from edgewise.claims.ledger.quantities import ClaimQuantity, PassDifference, TwoDraws


def gold_extends(change: PassDifference, above: float = 0.05) -> Control:
    """Positive: gold solutions in place of RL raise the measure, so that a rise could be seen."""
    meaning = "gold solutions do not raise it either, so that nothing else does says nothing"
    return Control(kind="positive", quantity=change.name, above=above, meaning=meaning)


def coin_does_not(change: ClaimQuantity, below: float = 0.02) -> Control:
    """Negative: RL that is paid by coin does not raise the measure."""
    meaning = "a reward by coin raises it too, so a rise is not the reward's"
    return Control(kind="negative", quantity=change.name, below=below, meaning=meaning)


def draws_agree(noise: TwoDraws, within: float = 0.05) -> Control:
    """Negative: base against base, from two halves of its samples."""
    meaning = f"two draws of one model differ by more than {within * 100:g} points, so a difference would say nothing"
    return Control(kind="negative", quantity=noise.name, above=-within, below=within, meaning=meaning)
