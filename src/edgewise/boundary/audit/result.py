"""What an audit finds, as a tree: an audit has sets, a set has levels, models and comparisons with the base."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from edgewise.boundary.measures.budget import Efficiency
from edgewise.boundary.measures.certificates import Certificates
from edgewise.boundary.measures.changes import Changes
from edgewise.boundary.measures.crossover import Crossover
from edgewise.boundary.measures.curves import Curve, Difference
from edgewise.boundary.measures.expansion_rate import RedrawnExpansion
from edgewise.boundary.measures.extrapolation import Extrapolation
from edgewise.boundary.measures.guessing import AboveGuessing, ExcessCoverage
from edgewise.boundary.measures.max_at_k import Graded
from edgewise.boundary.measures.population import Backtest, Population
from edgewise.boundary.measures.solved import SolvedSets
from edgewise.boundary.measures.soundness import CorrectedCot, Sensitivity
from edgewise.boundary.measures.stability import Cover, Reliability
from edgewise.boundary.measures.support import Support
from edgewise.boundary.measures.voting import Diversity, Majority
from edgewise.boundary.verdict.verdict import BoundaryVerdict, CombinedVerdict
from edgewise.outcomes.counts import Counts, FloatArray, IntArray, Metric, Rates


@dataclass(frozen=True)
class Concern:
    """Something about the rollouts that a reader must know before any number.

    `forbids` says that no claim about `models` can be made because of it; `models` is empty where
    it holds for all.
    """

    message: str
    forbids: bool = False
    models: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Scope:
    """Problems taken together: a whole set, or one level of it.

    `k` is where claims are made and `n` the smallest number of samples of a problem in any model.
    `curves` holds model -> metric -> curve, `rates` one for each model; `differences` and `verdicts`
    one for each tuned model, against the base.
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


@dataclass(frozen=True, eq=False)
class ModelMeasures:
    """One model on one set of problems; None where its rollouts do not hold what is needed.

    `tokens` is the mean length of a completion and `entropy`, in nats a token, the mean surprise of
    the sampled tokens (minus log-prob over length).
    """

    tokens: float | None
    entropy: float | None
    reliability: Reliability
    cover: Cover
    population: Population
    backtest: Backtest | None
    extrapolation: Extrapolation
    majority: Majority | None
    diversity: Diversity | None
    graded: Graded | None
    sound: CorrectedCot | None


@dataclass(frozen=True, eq=False)
class Comparison:
    """A tuned model against the base on one set, beyond the verdict.

    `solved_at_n` holds the solved sets at all samples, as papers print them; no claim rests on it.
    None stands where there is one sample a problem, or, for `soundness`, no labelled chains of a verifier.
    """

    crossover: Crossover
    efficiency: Efficiency
    solved_at_n: SolvedSets
    support: Support
    changes: Changes
    certificates: Certificates | None
    redrawn: RedrawnExpansion | None
    soundness: Sensitivity | None


@dataclass(frozen=True, eq=False)
class Guessing:
    """What blind guessing reaches on one set, and each model beyond it.

    `source` says what the floor is made of; `known` problems have one, which is `floor_K` on average.
    """

    source: str
    known: int
    k_K: IntArray
    floor_K: FloatArray
    excess: Mapping[str, ExcessCoverage]
    above: Mapping[str, AboveGuessing]


@dataclass(frozen=True, eq=False)
class ProblemSet:
    """One problem set: as a whole, level by level (empty where it has one level), and in detail.

    `guessing` is None where no floor is known.
    """

    name: str
    whole: Scope
    levels: tuple[Scope, ...]
    models: Mapping[str, ModelMeasures]
    comparisons: Mapping[str, Comparison]
    guessing: Guessing | None
    concerns: tuple[Concern, ...]


@dataclass(frozen=True, eq=False)
class Audit:
    """What rollouts of several models (the base first) on the same problems say.

    `verdict` is that of the last model, over all sets; `verdicts` holds every tuned model's, with a
    part for each set, at 1 - alpha / (tuned models x sets). Levels are a family of their
    own. `counts` holds each model's problems, verified by `metric`.
    """

    verdict: CombinedVerdict
    models: tuple[str, ...]
    metric: Metric
    verdicts: Mapping[str, CombinedVerdict]
    sets: tuple[ProblemSet, ...]
    concerns: tuple[Concern, ...]
    counts: Mapping[str, Counts]
    alpha: float
    margin: float
    resamples: int
    seed: int
