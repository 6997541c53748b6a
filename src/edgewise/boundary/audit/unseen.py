"""What must be said of samples before any number: missing by their outcome, cut off, not scored."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from edgewise.boundary.audit.result import Concern
from edgewise.boundary.dependence.draws import draw_concerns
from edgewise.boundary.dependence.missing import missing_concerns
from edgewise.outcomes.counts import Counts
from edgewise.outcomes.outcomes import Outcomes

# From this share of the samples on, a reader must know of them before any number.
MANY_UNSEEN = 0.1


def sample_concerns(models: Mapping[str, Outcomes | Counts], counts: Mapping[str, Counts]) -> tuple[Concern, ...]:
    """The concerns about the samples of `models`, whose counts by the metric of the claims are `counts`."""
    return (*draw_concerns(models, counts), *missing_concerns(models, counts), *unseen_concerns(counts))


def unseen_concerns(counts: Mapping[str, Counts]) -> Iterator[Concern]:
    """One concern for each model with many samples that were cut off or, cut off or not, could not be scored.

    They forbid a claim where no sample at all could be scored. Otherwise the intervals of `boundary_verdict` reach over
    what these samples may have been.
    """
    for model, of_model in counts.items():
        rates = of_model.rates()
        if not of_model.scored:
            yield Concern(
                f"None of the {of_model.n_P.sum():,} samples could be scored, so that rates of 0 say nothing: grade "
                "them, or sample with a higher limit.",
                True,
                (model,),
            )
        elif rates.truncated >= MANY_UNSEEN:
            yield Concern(
                f"{rates.truncated:.0%} of the samples were cut off at the length limit; longer ones might be right.",
                models=(model,),
            )
        elif rates.unscorable >= MANY_UNSEEN:
            yield Concern(f"{rates.unscorable:.0%} of the samples could not be scored.", models=(model,))
