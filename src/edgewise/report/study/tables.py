"""Findings -> the rows of the page's tables: looked up and arranged, never computed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from edgewise.boundary import Curve, Estimate, Metric, Rates
from edgewise.boundary.inference.supported_k import SAMPLES_PER_K
from edgewise.report.excerpts import bounded
from edgewise.study.measure import Example, Findings, StageCard


@dataclass(frozen=True, slots=True)
class Passes:
    """pass@1 and pass@k of one model on one set of problems, by process and by answer."""

    model: str
    process_1: Estimate
    process_k: Estimate
    answer_1: Estimate
    answer_k: Estimate
    n: int
    problems: int
    confidence: float


@dataclass(frozen=True, slots=True)
class RegionRows:
    """One region of the summary: every model's passes at one k, and its rates."""

    region: str
    levels: range
    k: int
    passes: tuple[Passes, ...]
    rates: Mapping[str, Rates]


@dataclass(frozen=True, slots=True)
class LevelRow:
    """One level: every model's passes at one k."""

    level: int
    k: int
    passes: tuple[Passes, ...]


def summary(findings: Findings) -> list[RegionRows]:
    """Region by region, every model."""
    return [
        RegionRows(
            region=region,
            levels=levels,
            k=claim_k(findings, region),
            passes=_passes(findings, region, claim_k(findings, region)),
            rates={model: findings.rates[model][region] for model in findings.models},
        )
        for region, levels in findings.regions.items()
    ]


def by_level(findings: Findings) -> list[LevelRow]:
    """Level by level, every model, at the k of the region the level belongs to."""
    rows = []
    for level in findings.levels:
        regions = [name for name, levels in findings.regions.items() if level in levels]
        k = claim_k(findings, regions[0] if regions else level_name(level))
        rows.append(LevelRow(level, k, _passes(findings, level_name(level), k)))
    return rows


def claim_k(findings: Findings, where: str) -> int:
    """The k that claims on `where` are made at: the verdicts', else the largest up to n/4."""
    judged = [verdict.parts[where].k for verdict in findings.verdicts.values() if where in verdict.parts]
    if judged:
        return min(judged)
    curves = [c.curve for c in findings.curves if c.where == where]
    largest = min(curve.n for curve in curves) // SAMPLES_PER_K
    return max((int(k) for k in curves[0].k_K if k <= largest), default=1)


def level_name(level: int) -> str:
    """What Findings calls the set of problems at one level."""
    return f"op {level}"


def curve_of(findings: Findings, model: str, metric: Metric, where: str) -> Curve:
    """The one curve of a model on a set of problems; KeyError where Findings has none."""
    for one in findings.curves:
        if (one.model, one.metric, one.where) == (model, metric, where):
            return one.curve
    raise KeyError((model, metric, where))


def at(curve: Curve, k: int) -> Estimate:
    """The curve's value at k with its interval; NaN where the curve does not hold k."""
    (found,) = np.nonzero(curve.k_K == k)
    if not found.size:
        return Estimate(float("nan"), float("nan"), float("nan"))
    return Estimate(*(float(column[found[0]]) for column in (curve.value_K, curve.low_K, curve.high_K)))


def forest_reach(findings: Findings) -> float:
    """The largest difference or margin any verdict shows, so that all of them share one scale."""
    parts = [part for verdict in findings.verdicts.values() for part in verdict.parts.values()]
    ends = [abs(end) for part in parts for d in (part.delta_1, part.delta_k) for end in (d.low, d.high)]
    return 1.05 * max([*ends, *(part.margin for part in parts)], default=1.0)


def problem_table(findings: Findings) -> dict[str, Any]:
    """What the page's script needs to draw, sort and filter the table of problems."""
    return {
        "models": list(findings.models),
        "rows": [
            {
                "id": row.id,
                "level": row.level,
                "prompt": bounded(row.prompt),
                "n": row.samples,
                "process": [row.process[model] for model in findings.models],
                "answer": [row.answer[model] for model in findings.models],
            }
            for row in findings.problems
        ],
    }


def examples_by_level(findings: Findings) -> dict[int, list[Example]]:
    """Levels ascending, each with its examples in the order of the models."""
    order = {model: i for i, model in enumerate(findings.models)}
    ordered = sorted(findings.examples, key=lambda e: (e.level, order.get(e.model, len(order))))
    found: dict[int, list[Example]] = {}
    for example in ordered:
        found.setdefault(example.level, []).append(example)
    return found


def model_of(stage: StageCard, models: Sequence[str]) -> str | None:
    """The model a stage is named after ("edge: rl" -> "edge"), or None where it has no such name."""
    model = stage.name.rpartition(": ")[0]
    return model if model in models else None


def _passes(findings: Findings, where: str, k: int) -> tuple[Passes, ...]:
    def one(model: str) -> Passes:
        process, answer = (curve_of(findings, model, metric, where) for metric in ("process", "answer"))
        return Passes(
            model=model,
            process_1=at(process, 1),
            process_k=at(process, k),
            answer_1=at(answer, 1),
            answer_k=at(answer, k),
            n=process.n,
            problems=process.problems,
            confidence=process.bootstrap.confidence,
        )

    return tuple(one(model) for model in findings.models)
