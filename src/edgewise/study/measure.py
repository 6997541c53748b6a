"""From a finished study to what it found: every number a report shows, computed once, here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from edgewise.boundary import (
    CombinedVerdict,
    Curve,
    Metric,
    Outcomes,
    Rates,
    align,
    boundary_verdict,
    combine,
    curve,
    k_grid,
)
from edgewise.core.spec import digest, plain
from edgewise.outcomes.io import read_outcomes
from edgewise.rollouts.table import read_rollout_table
from edgewise.study.plan import topological_order
from edgewise.study.stages import OUTCOMES, ROLLOUTS
from edgewise.study.store import Store
from edgewise.study.study import Study

METRICS: tuple[Metric, ...] = ("process", "answer")


@dataclass(frozen=True, slots=True)
class ModelCurve:
    """pass@k of one model on one set of problems, judged by the process or by the answer."""

    model: str
    metric: Metric
    where: str
    curve: Curve


@dataclass(frozen=True, slots=True)
class ProblemRow:
    """One problem and how many of `samples` each model got right, by process and by answer."""

    id: str
    level: int
    prompt: str
    samples: int
    process: Mapping[str, int]
    answer: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Example:
    """One completion. Marks are "correct", "wrong" or "unscorable"; text is untrusted."""

    model: str
    level: int
    problem_id: str
    prompt: str
    text: str
    answer: str
    process: str
    first_wrong_step: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class StageCard:
    """How one stage was made: its spec and what its provenance.json records."""

    name: str
    folder: str
    spec: Mapping[str, Any]
    provenance: Mapping[str, Any]
    metrics: list[dict[str, float]]


@dataclass(frozen=True, slots=True)
class Findings:
    """What a study found. `models` are named in order, "base" first; `where` values of curves are
    the region names, then "op 1", "op 2", ... for single levels. Verdicts are by process, one per
    arm, with a part per region."""

    title: str
    question: str
    models: tuple[str, ...]
    regions: Mapping[str, range]
    levels: tuple[int, ...]
    verdicts: Mapping[str, CombinedVerdict]
    curves: tuple[ModelCurve, ...]
    rates: Mapping[str, Mapping[str, Rates]]
    problems: tuple[ProblemRow, ...]
    examples: tuple[Example, ...]
    stages: tuple[StageCard, ...]


def measure(study: Study, store: Store) -> Findings:
    """Read a finished study's outcomes and judge every arm on every region.

    Intervals of the verdicts are at 1 - .05 / (arms x regions), so that all verdicts together
    are false in at most 5% of studies; curves have pointwise 95% intervals over problems.
    """
    outcomes = {name: read_outcomes(store.folder(e) / OUTCOMES) for name, e in study.evaluations.items()}
    comparisons = max(1, len(study.arms) * len(study.regions))
    verdicts = {
        arm: combine(
            {
                region: boundary_verdict(
                    *align(
                        outcomes["base"].select_levels(levels), outcomes[arm].select_levels(levels), metric="process"
                    ),
                    comparisons=comparisons,
                )
                for region, levels in study.regions.items()
            }
        )
        for arm in study.arms
    }
    levels = tuple(study.base.world.levels)
    where = {**study.regions, **{f"op {level}": range(level, level + 1) for level in levels}}
    curves = tuple(
        ModelCurve(model, metric, name, curve(counts, k_grid(counts.n)))
        for model, table in outcomes.items()
        for metric in METRICS
        for name, some in where.items()
        for counts in [table.select_levels(some).counts(metric)]
    )
    rollouts = {name: store.folder(e) / ROLLOUTS for name, e in study.evaluations.items()}
    return Findings(
        title=study.title,
        question=study.question,
        models=tuple(outcomes),
        regions=dict(study.regions),
        levels=levels,
        verdicts=verdicts,
        curves=curves,
        rates={
            model: {region: table.select_levels(some).rates() for region, some in study.regions.items()}
            for model, table in outcomes.items()
        },
        problems=_problem_rows(outcomes, rollouts["base"]),
        examples=tuple(e for model, path in rollouts.items() for e in _examples(model, path)),
        stages=_stage_cards(study, store),
    )


def _problem_rows(outcomes: Mapping[str, Outcomes], rollouts: Path) -> tuple[ProblemRow, ...]:
    table = read_rollout_table(rollouts, ["problem_id", "level", "prompt"])
    prompts = dict(zip(table["problem_id"].to_pylist(), table["prompt"].to_pylist(), strict=True))
    counts = {(model, metric): table.counts(metric) for model, table in outcomes.items() for metric in METRICS}
    first = counts["base", "process"]
    right = {key: c.c_P.tolist() for key, c in counts.items()}
    rows = [
        ProblemRow(
            id=str(problem),
            level=int(first.level[i]),
            prompt=prompts[str(problem)],
            samples=int(first.n_P[i]),
            process={model: right[model, "process"][i] for model in outcomes},
            answer={model: right[model, "answer"][i] for model in outcomes},
        )
        for i, problem in enumerate(first.problem)
    ]
    return tuple(sorted(rows, key=lambda row: (row.level, row.id)))


def _examples(model: str, path: Path) -> list[Example]:
    """The first right and the first wrong completion of the first problem of each level that has one."""
    columns = ["problem_id", "level", "prompt", "text", "answer", "process", "first_wrong_step", "reason"]
    table = read_rollout_table(path, columns)
    found = []
    for level in sorted(set(table["level"].to_pylist())):
        here = pc.field("level") == level
        right = pc.field("process") == "correct"
        for kind in (here & right, here & ~right):
            found += table.filter(kind).slice(0, 1).to_pylist()
    return [
        Example(
            model=model,
            level=row["level"],
            problem_id=row["problem_id"],
            prompt=row["prompt"],
            text=row["text"],
            answer=row["answer"],
            process=row["process"],
            first_wrong_step=row["first_wrong_step"],
            reason=row["reason"],
        )
        for row in found
    ]


def _stage_cards(study: Study, store: Store) -> tuple[StageCard, ...]:
    names = study.names()
    return tuple(
        StageCard(
            name=names.get(digest(stage), stage.kind),
            folder=store.folder(stage).name,
            spec=plain(stage),
            provenance=store.provenance(stage).model_dump(),
            metrics=store.metrics(stage),
        )
        for stage in topological_order(study.evaluations.values())
    )
