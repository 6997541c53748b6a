"""Registry of measures: finds every measure that a module of this package declares, by name and in page order.

A module declares its measures in a constant `MEASURES`, a tuple of `Measure`. `measures()` imports every module of the
package and collects them. A measure of your own is one that you register:

    register_measure(Measure("mine", "Mine", "What it says.", "model", 900, compute_mine, panel_of_mine))

An audit computes the measures, boundary.json holds their results, and page, tables and terminal show their panels; none
of these names a single measure.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Generic, Literal, TypeVar, get_args, get_type_hints

from edgewise.boundary.inference.resampling import Bootstrap
from edgewise.boundary.measures.panel import Panel
from edgewise.boundary.measures.verifier_errors import VerifierLabels
from edgewise.core.errors import InputError
from edgewise.outcomes.counts import Counts
from edgewise.outcomes.outcomes import Outcomes

Unit = Literal["model", "comparison", "set"]
Need = Literal["answers", "scores", "process", "verifier labels", "guesses", "two samples"]
R = TypeVar("R")

# What to tell somebody who looks for a measure that could not be computed.
NEEDS: Mapping[Need, str] = {
    "answers": "the answer of every sample, as text",
    "scores": "a graded score of every sample",
    "process": "verdicts on the process",
    "verifier labels": "how often the verifier errs (--verifier-fpr, --verifier-fnr)",
    "guesses": "the answer of every sample, the number of possible answers (--answers), or a run without reasoning "
    "(--no-reasoning)",
    "two samples": "at least two samples of every problem",
}


@dataclass(frozen=True, eq=False)
class Arm:
    """One model on the problems of one set: its counts, and its samples where they are known one by one."""

    name: str
    counts: Counts
    samples: Outcomes | None = None


@dataclass(frozen=True)
class Terms:
    """What all measures of one set share.

    `k` is where claims are made and `n` the smallest number of samples of a problem in any model. `guess` is what the
    guess floor is made of: a number of possible answers, counts of a run without reasoning, or None for the answers
    given to other problems. `alpha`, `margin` and `comparisons` are those of the verdicts. `forbidden` are the reasons
    why no claim can be made of the models that are compared.
    """

    k: int
    n: int
    alpha: float
    bootstrap: Bootstrap
    guess: int | Counts | None = None
    verifier: VerifierLabels | None = None
    margin: float = 0.05
    comparisons: int = 1
    forbidden: tuple[str, ...] = ()

    @property
    def refits(self) -> Bootstrap:
        """For measures that fit again in every resample, which costs about as much as ten resampled means."""
        return replace(self.bootstrap, resamples=max(20, self.bootstrap.resamples // 10))


@dataclass(frozen=True)
class Measure(Generic[R]):
    """One measure: its name in boundary.json, what it is, what it needs, how it is computed and how it is shown.

    `compute` takes the arms as positional arguments and `terms` as the last one: (arm, terms) for a measure of each
    "model", (base, tuned, terms) for one of each "comparison", (arms, terms) for one of a whole "set". It returns a
    frozen dataclass, or None where the numbers do not suffice. It is called only where `needs` are met. `panel` turns
    the result into titled columns and cells and computes no statistics.

    `explanation` is one plain sentence, and `source` names the paper or method it comes from. Pages show measures
    by ascending `rank`. A `slow` measure takes seconds and is left out unless it is asked for by name or all are.
    """

    name: str
    title: str
    explanation: str
    unit: Unit
    rank: int
    compute: Callable[..., R | None]
    panel: Callable[[R], Panel]
    needs: tuple[Need, ...] = ()
    source: str = ""
    slow: bool = False

    def result(self, results: Mapping[str, Any]) -> R | None:
        """This measure's result among `results`; None where it was not computed."""
        result: R | None = results.get(self.name)
        return result

    @property
    def result_type(self) -> type[R]:
        """The dataclass that `compute` returns."""
        hint = get_type_hints(self.compute)["return"]
        kind: type[R] = next((part for part in get_args(hint) if part is not type(None)), hint)
        return kind

    @property
    def missing(self) -> str:
        """One sentence for where there is no result: "Needs the answer of every sample, as text."."""
        return f"Needs {' and '.join(NEEDS[need] for need in self.needs) or 'more samples'}."


_REGISTERED: dict[str, Measure[Any]] = {}


def register_measure(measure: Measure[R]) -> Measure[R]:
    """Add a measure from outside this package to every audit of this process; InputError where its name is taken."""
    if measure.name in _ours() or _place(_REGISTERED.get(measure.name, measure)) != _place(measure):
        raise InputError(f"measure {measure.name!r}: there is one of this name already; choose another")
    _REGISTERED[measure.name] = measure
    return measure


def _place(measure: Measure[Any]) -> tuple[str, str]:
    return measure.compute.__module__, measure.compute.__qualname__


def measures() -> Mapping[str, Measure[Any]]:
    """All measures by name, in the order in which pages show them."""
    known = [*_ours().values(), *_REGISTERED.values()]
    return {measure.name: measure for measure in sorted(known, key=lambda measure: (measure.rank, measure.name))}


@cache
def _ours() -> Mapping[str, Measure[Any]]:
    from edgewise.boundary import measures as package

    modules = [
        importlib.import_module(f"{package.__name__}.{info.name}") for info in pkgutil.iter_modules(package.__path__)
    ]
    declared = [measure for module in modules for measure in getattr(module, "MEASURES", ())]
    return {measure.name: measure for measure in declared}


def of_unit(unit: Unit) -> tuple[Measure[Any], ...]:
    """The measures of each model, of each comparison, or of a whole set."""
    return tuple(measure for measure in measures().values() if measure.unit == unit)


def quick() -> frozenset[str]:
    """The names of the measures that are not slow."""
    return frozenset(name for name, measure in measures().items() if not measure.slow)


def check_names(names: Collection[str] | None) -> frozenset[str]:
    """The names to compute: all where `names` is None. Raises InputError for an unknown name."""
    if names is None:
        return frozenset(measures())
    unknown = sorted(set(names) - set(measures()))
    if unknown:
        raise InputError(f"measures: {unknown[0]!r} is unknown; there are {', '.join(measures())}")
    return frozenset(names)


def compute(unit: Unit, arms: tuple[Arm, ...], terms: Terms, names: Collection[str]) -> dict[str, Any]:
    """The results of the measures of `unit` among `names`, by name; None where `arms` do not hold what one needs."""
    results = {}
    for measure in of_unit(unit):
        if measure.name in names:
            met = all(_holds(need, arms, terms) for need in measure.needs)
            results[measure.name] = _compute(measure, arms, terms) if met else None
    return results


def _compute(measure: Measure[R], arms: tuple[Arm, ...], terms: Terms) -> R | None:
    return measure.compute(arms, terms) if measure.unit == "set" else measure.compute(*arms, terms)


def _holds(need: Need, arms: tuple[Arm, ...], terms: Terms) -> bool:
    """Whether every arm holds what a measure needs."""
    samples = [arm.samples for arm in arms]
    match need:
        case "answers":
            return all(arm is not None and arm.predicted_S is not None for arm in samples)
        case "scores":
            return all(arm is not None and arm.score_S is not None for arm in samples)
        case "process":
            return all(arm is not None and arm.process_S is not None for arm in samples)
        case "verifier labels":
            return terms.verifier is not None
        case "guesses":
            return terms.guess is not None or (samples[0] is not None and samples[0].predicted_S is not None)
        case "two samples":
            return min(arm.counts.n for arm in arms) > 1
