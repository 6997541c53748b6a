"""Estimate what a study takes before it runs: stages, tokens, FLOPs and hours on this machine, with their error.

A stage that stands complete in the store at another training seed says best what one takes. For the others work is
expected from the spec (`study.work`) and time from a short measurement (`study.calibration`).
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from edgewise.core.spec import digest
from edgewise.study.calibration import ComputeRates, calibrate
from edgewise.study.context import Context
from edgewise.study.plan import longest_paths_first, ready, root, topological_order, without_seeds
from edgewise.study.stages import Evaluate, Pretrain, Stage
from edgewise.study.store import Store
from edgewise.study.work import expected_work


class Evaluated(Protocol):
    """What is estimated: a study, or several of them."""

    @property
    def evaluations(self) -> Mapping[str, Evaluate]: ...

    def names(self) -> Mapping[str, str]: ...


Source = Literal["there", "other seeds", "calibration", "not known"]


@dataclass(frozen=True, slots=True)
class StageEstimate:
    """What one stage takes: recorded where it is there, else expected. Numbers are NaN where nothing is known.

    `seconds` lies between `least_seconds` and `most_seconds`: of the seeds that are there, or of the calibration.
    """

    name: str
    folder: str
    source: Source
    tokens: float
    flops: float
    seconds: float
    least_seconds: float
    most_seconds: float


@dataclass(frozen=True, slots=True)
class StudyEstimate:
    """Every stage once, and the seconds that the missing ones take on so many workers; 0 where none is missing."""

    stages: tuple[StageEstimate, ...]
    workers: int
    seconds: float
    least_seconds: float
    most_seconds: float

    @property
    def missing(self) -> tuple[StageEstimate, ...]:
        return tuple(stage for stage in self.stages if stage.source != "there")


def calibrated_estimate(study: Evaluated, context: Context) -> StudyEstimate:
    """What a study takes in `context`, which is measured for some seconds where stages that are there do not say."""
    store = Store(context.root)
    bases = bases_to_calibrate(study, store)
    rates = {name: calibrate(base, context.execution, context.workers) for name, base in bases.items()}
    return estimate(study, store, context.workers, rates)


def estimate(study: Evaluated, store: Store, workers: int, rates: Mapping[str, ComputeRates]) -> StudyEstimate:
    """The estimate of a study. `rates` are those of each model, by the `root_digest` of its stages."""
    ordered, names = topological_order(study.evaluations.values()), study.names()
    recorded = _complete_by_spec(ordered, store)
    estimates = {
        digest(stage): _of_stage(stage, names[digest(stage)], store, recorded.get(without_seeds(stage), []), rates)
        for stage in ordered
    }
    missing = [stage for stage in ordered if estimates[digest(stage)].source != "there"]

    def whole(name: str) -> float:
        return makespan({digest(stage): getattr(estimates[digest(stage)], name) for stage in missing}, missing, workers)

    return StudyEstimate(
        tuple(estimates.values()), workers, whole("seconds"), whole("least_seconds"), whole("most_seconds")
    )


def bases_to_calibrate(study: Evaluated, store: Store) -> dict[str, Pretrain]:
    """`root_digest` -> the pre-training that began the models of stages of which none is there, at any seed."""
    ordered = topological_order(study.evaluations.values())
    recorded = _complete_by_spec(ordered, store)
    roots = {root_digest(stage): root(stage) for stage in ordered if without_seeds(stage) not in recorded}
    return {name: base for name, base in roots.items() if isinstance(base, Pretrain)}


def makespan(seconds: Mapping[str, float], stages: Sequence[Stage], workers: int) -> float:
    """Seconds until all stages are done on so many workers, taken in the order in which `study.run` takes them.

    `seconds` maps digests; a stage whose seconds are not known counts as none. Parents come first in `stages`.
    """
    missing = {digest(stage) for stage in stages}
    by_need = longest_paths_first(topological_order(stages))
    waiting = {digest(stage): stage for stage in by_need if digest(stage) in missing}
    running: list[tuple[float, str]] = []
    now = 0.0
    while waiting or running:
        free = workers - len(running)
        for name in ready(waiting, [name for _, name in running])[:free]:
            del waiting[name]
            heapq.heappush(running, (now + (0.0 if math.isnan(seconds[name]) else seconds[name]), name))
        now, _ = heapq.heappop(running)
    return now


def _complete_by_spec(stages: Sequence[Stage], store: Store) -> dict[str, list[Stage]]:
    """The complete stages, those that differ in their seeds alone together."""
    complete: dict[str, list[Stage]] = {}
    for stage in stages:
        if store.is_complete(stage):
            complete.setdefault(without_seeds(stage), []).append(stage)
    return complete


def _of_stage(
    stage: Stage, name: str, store: Store, alike: Sequence[Stage], rates: Mapping[str, ComputeRates]
) -> StageEstimate:
    folder = store.folder(stage).name
    there = store.is_complete(stage)
    if there or alike:
        made = [store.provenance(other) for other in ([stage] if there else alike)]
        seconds = [provenance.totals.seconds or provenance.wall_seconds for provenance in made]
        return StageEstimate(
            name=name,
            folder=folder,
            source="there" if there else "other seeds",
            tokens=float(np.mean([provenance.totals.tokens for provenance in made])),
            flops=float(np.mean([provenance.totals.flops for provenance in made])),
            seconds=float(np.mean(seconds)),
            least_seconds=min(seconds),
            most_seconds=max(seconds),
        )
    work, of_model = expected_work(stage), rates.get(root_digest(stage))
    if work is None or of_model is None:
        return StageEstimate(name, folder, "not known", *[float("nan")] * 5)
    seconds_ = of_model.seconds(work.training_flops, work.sampling_flops)
    return StageEstimate(name, folder, "calibration", work.tokens, work.flops, *seconds_)


def root_digest(stage: Stage) -> str:
    """What the shape of a stage's model is told by: the digest of the stage that began it, without its seed."""
    return without_seeds(root(stage))
