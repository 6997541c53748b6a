"""Claim: a published statement as a pre-registered study, with predictions, controls and planned training seeds.

Everything that could be chosen after the fact is a field of it and enters its digest (`ledger.identity`): the studies,
what is measured, what is predicted of it, what the controls must show, how many training seeds are run.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, Self

from pydantic import Field, model_validator

from edgewise.boundary.inference.seed_power import power_over_seeds
from edgewise.boundary.inference.two_way import LEAST_SEEDS
from edgewise.claims.ledger.cost import PublishedCost
from edgewise.claims.ledger.quantities import ClaimQuantity
from edgewise.core.errors import InputError, unknown_name
from edgewise.core.spec import Spec
from edgewise.study.study import Study

# A scale of tests alone, which takes seconds and says nothing.
TOY = "toy"
# Training seeds from this one on are for scouting: settings are chosen on them, and no result is of them.
FIRST_SCOUTING_SEED = 100
# All predictions of a claim share it, by Holm.
ALPHA = 0.05

# Scale and training seeds -> name -> study. Several studies are decodings of the same models, or parts of the claim.
ClaimStudies = Callable[[str, tuple[int, ...]], Mapping[str, Study]]


class PublishedNumber(Spec):
    """A number that the work reports, where it stands, and what is wrong with it, if anything is."""

    what: str
    value: str
    where: str
    fault: str = ""


class ExpectedRange(Spec):
    """What a quantity is said to be: above a number, below one, or between two. Shares: 0.05 is five points."""

    quantity: str
    above: float | None = None
    below: float | None = None

    @model_validator(mode="after")
    def _is_a_range(self) -> Self:
        if self.above is None and self.below is None:
            raise ValueError("above, below: give one of them, or both")
        if self.above is not None and self.below is not None and self.above >= self.below:
            raise ValueError(f"above must be less than below, is {self.above:g} and {self.below:g}")
        return self


class PlannedEffect(Spec):
    """The effect and scatter that a prediction's power is computed from, and where they were seen.

    `effect` is the expected value of the quantity, `scatter` its standard deviation over training seeds. `problem_sd`
    is the standard deviation over problems of what all seeds share, `residual_sd` that of a problem at one seed beyond
    it, both as of shares; `problems` is how many the region has.
    """

    effect: float
    scatter: float = Field(ge=0)
    problems: int = Field(ge=2)
    problem_sd: float = Field(ge=0)
    residual_sd: float = Field(ge=0)
    source: str


class Prediction(ExpectedRange):
    """What the claim says of a quantity, written before the run; `why` names the part of the work it stands for."""

    why: str
    plan: PlannedEffect

    def power(self, seeds: int, predictions: int) -> float:
        """Probability that so many seeds decide it if the planned effect is true, at the strictest step of Holm.

        It is that of an interval which leaves out the nearest end of the range.
        """
        ends = [end for end in (self.above, self.below) if end is not None]
        return power_over_seeds(
            min((self.plan.effect - end for end in ends), key=abs),
            seeds=seeds,
            problems=self.plan.problems,
            problem_sd=self.plan.problem_sd,
            residual_sd=self.plan.residual_sd,
            scatter=self.plan.scatter,
            confidence=1 - ALPHA / predictions,
        )


class Control(ExpectedRange):
    """What must be shown for the measurement to count; `meaning` says what it means where it is not.

    A positive control has a change that must be seen, a negative one none.
    """

    kind: Literal["positive", "negative"]
    meaning: str


@dataclass(frozen=True)
class Claim:
    """A published statement as a pre-registered study.

    `name` is that of its module, with hyphens. `work` and `section` say where the statement stands. `studies` makes the
    studies of a scale over training seeds. `seeds` maps the scales to the number of training seeds that is planned;
    results are of seeds 0 up to it. `design` says how temperature, guessing and equal elicitation are dealt with, and
    `scouted` what was tried before, on which seeds. `published_cost` is that of the published setting where it is no
    scale of the studies.

    InputError where a name is given twice, a range is of no quantity, or there is no prediction, no positive or no
    negative control.
    """

    name: str
    statement: str
    work: str
    section: str
    published: tuple[PublishedNumber, ...]
    studies: ClaimStudies
    seeds: Mapping[str, int]
    quantities: tuple[ClaimQuantity, ...]
    predictions: tuple[Prediction, ...]
    controls: tuple[Control, ...]
    design: str
    scouted: str
    published_cost: PublishedCost | None = None

    def __post_init__(self) -> None:
        names = [quantity.name for quantity in self.quantities]
        twice = next((name for i, name in enumerate(names) if name in names[:i]), None)
        if twice is not None:
            raise InputError(f"claim {self.name!r}: two quantities are called {twice!r}; use different names")
        for expected in (*self.predictions, *self.controls):
            if expected.quantity not in names:
                raise unknown_name(f"claim {self.name!r}: quantity", expected.quantity, names)
        predicted = [(p.quantity, p.above, p.below) for p in self.predictions]
        if not predicted or len(set(predicted)) < len(predicted):
            raise InputError(f"claim {self.name!r}: needs predictions, each once")
        for kind in ("positive", "negative"):
            if kind not in [control.kind for control in self.controls]:
                raise InputError(f"claim {self.name!r}: needs a {kind} control")
        few = next((scale for scale, number in self.seeds.items() if number < LEAST_SEEDS), None)
        if few is not None or not self.seeds:
            raise InputError(f"claim {self.name!r}: seeds: every scale needs {LEAST_SEEDS} training seeds or more")

    @property
    def scales(self) -> tuple[str, ...]:
        """The scales that are results; the toy one is not."""
        return tuple(scale for scale in self.seeds if scale != TOY)

    def planned_seeds(self, scale: str) -> tuple[int, ...]:
        """The training seeds that are planned at a scale; InputError where the claim has no such scale."""
        if scale not in self.seeds:
            raise unknown_name(f"claim {self.name!r}: scale", scale, self.seeds)
        return tuple(range(self.seeds[scale]))

    def power(self, scale: str) -> dict[str, float]:
        """Quantity -> the probability that the planned seeds decide its prediction, the least of several."""
        powers: dict[str, float] = {}
        for prediction in self.predictions:
            power = prediction.power(len(self.planned_seeds(scale)), len(self.predictions))
            powers[prediction.quantity] = min(power, powers.get(prediction.quantity, math.inf))
        return powers


def check_seeds(seeds: tuple[int, ...], *, scouting: bool) -> None:
    """InputError where a result would be of seeds that are not 0 up, or scouting of seeds that results are of."""
    if scouting and min(seeds) < FIRST_SCOUTING_SEED:
        raise InputError(
            f"--scout: seed {min(seeds)} is one that results are of; scout on seeds from {FIRST_SCOUTING_SEED} on, such"
            f" as --seeds {FIRST_SCOUTING_SEED}-{FIRST_SCOUTING_SEED + 2}"
        )
    scouted = [seed for seed in seeds if seed >= FIRST_SCOUTING_SEED]
    if not scouting and scouted:
        raise InputError(
            f"--seeds: {scouted[0]} is one that settings are chosen on, and no result is of it; give seeds below"
            f" {FIRST_SCOUTING_SEED}, or --scout, which writes no record"
        )
    if not scouting and seeds != tuple(range(len(seeds))):
        raise InputError(
            f"--seeds: results are of the seeds 0 to N - 1, such as --seeds {len(seeds)}; others are a choice"
        )
