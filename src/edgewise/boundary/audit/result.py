"""Result of an audit as a tree of frozen dataclasses: sets, levels, and measures of models, comparisons and sets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from edgewise.boundary.measures.curves import Curve, Difference
from edgewise.boundary.verdict.policy import PolicyCheck
from edgewise.boundary.verdict.recipe import RecipeVerdict
from edgewise.boundary.verdict.verdict import BoundaryVerdict, CombinedVerdict
from edgewise.outcomes.counts import Counts, Metric, Rates

# What measures found, by name. A name is absent where the measure was not asked for, and its result is None where the
# rollouts do not hold what it needs. `Measure.result` gives a result with its type.
Results = Mapping[str, Any]


@dataclass(frozen=True)
class Concern:
    """Something about the rollouts that a reader must know before any number.

    `forbids` says that no claim about `models` can be made because of it; `models` is empty where
    it holds for all. `harmless` marks a note that changes no claim, such as how rows were numbered.
    """

    message: str
    forbids: bool = False
    models: tuple[str, ...] = ()
    harmless: bool = False


@dataclass(frozen=True, eq=False)
class Scope:
    """Problems taken together: a whole set, or one level of it.

    `k` is where claims are made and `n` the smallest number of samples of a problem in any model.
    `curves` holds model -> metric -> curve, `rates` one for each model; `differences` and `verdicts`
    one for each tuned model, against its base; `recipes` one for each tuned arm with training seeds.
    """

    name: str
    level: int | str | None
    problems: int
    n: int
    k: int
    curves: Mapping[str, Mapping[Metric, Curve]]
    rates: Mapping[str, Rates]
    differences: Mapping[str, Difference]
    verdicts: Mapping[str, BoundaryVerdict]
    recipes: Mapping[str, RecipeVerdict]


@dataclass(frozen=True, eq=False)
class ProblemSet:
    """One problem set: as a whole, level by level (empty where it has one level), and in detail.

    `measures` are those of the set, `models` those of each model, and `comparisons` those of each tuned
    model against the base.
    """

    name: str
    whole: Scope
    levels: tuple[Scope, ...]
    measures: Results
    models: Mapping[str, Results]
    comparisons: Mapping[str, Results]
    concerns: tuple[Concern, ...]


@dataclass(frozen=True, eq=False)
class Audit:
    """Result of an audit: verdicts, curves and measures of several models, the base first, on the same problems.

    `verdict` is that of the last arm, over all sets; `verdicts` holds every tuned model's, with a
    part for each set in the order of `sets`, at 1 - alpha / (tuned arms x sets). Levels are a family
    of their own. `counts` holds each model's problems, verified by `metric`.

    `recipes` holds the verdict of every arm that has training seeds, over all sets; its parts speak of new seeds, and
    those of `verdicts` of single checkpoints, each judged as if it were the only one. `seeds` names the model of each
    of its training seeds. `bases` names the base of each tuned model: all have one, or each training seed its own.

    `policy` holds what each rule of a policy came to for each tuned arm on each set; empty where none was asked for.
    """

    verdict: CombinedVerdict
    models: tuple[str, ...]
    metric: Metric
    verdicts: Mapping[str, CombinedVerdict]
    recipes: Mapping[str, CombinedVerdict]
    seeds: Mapping[str, Mapping[str, str]]
    bases: Mapping[str, str]
    sets: tuple[ProblemSet, ...]
    concerns: tuple[Concern, ...]
    policy: tuple[PolicyCheck, ...]
    counts: Mapping[str, Counts]
    alpha: float
    margin: float
    resamples: int
    seed: int

    @property
    def answers(self) -> Mapping[str, CombinedVerdict]:
        """The verdict of each tuned arm, in order: of its recipe where it has training seeds, else of its model."""
        arm_of = {model: arm for arm, of_seed in self.seeds.items() for model in of_seed.values()}
        arms = dict.fromkeys(arm_of.get(model, model) for model in self.verdicts)
        return {arm: self.recipes[arm] if arm in self.recipes else self.verdicts[arm] for arm in arms}

    def counts_of(self, name: str, model: str) -> Counts:
        """A model's counts of the problems of the set `name`."""
        counts = self.counts[model]
        return counts if counts.set is None else counts.select(counts.set == name)
