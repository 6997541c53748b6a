"""Measure a finished study: one audit of its arms over regions, with examples and how each stage was made.

The audit is the one that `edgewise audit` makes of rollouts from elsewhere. Its problem sets are the study's regions,
and its metric is the process; problems at levels outside every region are left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from edgewise.boundary import Audit, Outcomes, audit
from edgewise.boundary.audit.arms import model_name
from edgewise.boundary.measures.changes import CHANGES
from edgewise.core.spec import digest, plain
from edgewise.outcomes.example import Example
from edgewise.outcomes.io import read_outcomes
from edgewise.rl.kept_groups import read_groups
from edgewise.rollouts.table import read_rollout_table
from edgewise.scaling.compute import ComputeOfArms
from edgewise.study.arm_compute import measured_compute, missed
from edgewise.study.health import StageHealth, health_of
from edgewise.study.nothing_learned import nothing_learned
from edgewise.study.plan import topological_order
from edgewise.study.record import StageRecord
from edgewise.study.stages import OUTCOMES, ROLLOUTS
from edgewise.study.store import Store
from edgewise.study.study import Study

# The set of problems at levels that no region holds.
OUTSIDE = "outside every region"


@dataclass(frozen=True, eq=False)
class Findings:
    """What a study found: the audit of its arms, a set for each region, and what only a laboratory knows.

    `prompts` holds the prompt of each problem and `examples` completions of each model. `compute` is what the arms
    took, where there are several.
    """

    title: str
    question: str
    audit: Audit
    prompts: Mapping[str, str]
    examples: Mapping[str, tuple[Example, ...]]
    stages: tuple[StageRecord, ...]
    compute: ComputeOfArms | None = None

    @property
    def health(self) -> tuple[StageHealth, ...]:
        """The health of every stage that trained on rollouts."""
        return health_of(self.stages)


def measure(study: Study, store: Store) -> Findings:
    """Read a finished study's outcomes and audit every arm against the base on every region.

    With several training seeds the audit speaks of recipes, and of each seed's models beside them.
    All verdicts share alpha = .05: were every arm a second, independent draw of the base, judged alike, any of them
    would get a false change in at most 5% of studies. Raises InputError where a file cannot be read or was altered.
    """
    for evaluation in study.evaluations.values():
        store.check_unaltered(evaluation)
    folders = {name: store.folder(evaluation) for name, evaluation in study.evaluations.items()}
    models = outcomes_by_region(study, store)
    compute = measured_compute(study, store)
    concerns = (*missed(compute), *nothing_learned(study, store, models))
    arms = {
        arm: models[arm] if None in of_seed else {str(seed): models[model_name(arm, seed)] for seed in of_seed}
        for arm, of_seed in study.by_seed.items()
    }
    result = audit(arms, k=study.k, metric="process", sets=list(study.regions), concerns=concerns)
    moved = _moved(result)
    return Findings(
        title=study.title,
        question=study.question,
        audit=result,
        prompts=_prompts(next(iter(folders.values())) / ROLLOUTS),
        examples={name: examples_of(name, path / ROLLOUTS, moved) for name, path in folders.items()},
        stages=_stage_records(study, store),
        compute=compute,
    )


def outcomes_by_region(study: Study, store: Store) -> dict[str, Outcomes]:
    """The outcomes of each model of a finished study, the base first; a problem's set is its region."""
    return {
        name: _by_region(read_outcomes(store.folder(evaluation) / OUTCOMES), study)
        for name, evaluation in study.evaluations.items()
    }


def _by_region(outcomes: Outcomes, study: Study) -> Outcomes:
    """The outcomes of problems in a region, which is their set."""
    regions = np.full(len(outcomes.problem), OUTSIDE, dtype=object)
    for name, levels in study.regions.items():
        regions[np.isin(outcomes.level, list(levels))] = name
    return replace(outcomes, set=regions.astype(np.str_)).select(regions != OUTSIDE)


def _prompts(rollouts: Path) -> dict[str, str]:
    table = read_rollout_table(rollouts, ["problem_id", "prompt"])
    return dict(zip(table["problem_id"].to_pylist(), table["prompt"].to_pylist(), strict=True))


def _moved(result: Audit) -> list[str]:
    """The problems that an audit names because they significantly went down or up."""
    found = [CHANGES.result(results) for one_set in result.sets for results in one_set.comparisons.values()]
    return sorted({p.problem for changes in found if changes for p in (*changes.losses, *changes.gains)})


def examples_of(model: str, path: Path, moved: Sequence[str]) -> tuple[Example, ...]:
    """The first right and the first wrong completion of the first problem of each level that has one, and of the
    problems that moved."""
    columns = ["problem_id", "level", "text", "answer", "process", "first_wrong_step", "reason"]
    table = read_rollout_table(path, columns)
    rows: list[dict[str, Any]] = []
    for level in sorted(set(table["level"].to_pylist())):
        at_level = pc.field("level") == level
        right = pc.field("process") == "correct"
        for kind in (at_level & right, at_level & ~right):
            rows += table.filter(kind).slice(0, 1).to_pylist()
    shown = {(row["problem_id"], row["process"] == "correct") for row in rows}
    for row in table.filter(pc.field("problem_id").isin(pa.array(moved, pa.string()))).to_pylist():
        kind_of_row = (row["problem_id"], row["process"] == "correct")
        if kind_of_row not in shown:
            shown.add(kind_of_row)
            rows.append(row)
    return tuple(
        Example(
            model=model,
            problem_id=row["problem_id"],
            text=row["text"],
            answer=row["answer"],
            process=row["process"],
            first_wrong_step=row["first_wrong_step"],
            reason=row["reason"],
        )
        for row in rows
    )


def _stage_records(study: Study, store: Store) -> tuple[StageRecord, ...]:
    names = study.names()
    return tuple(
        StageRecord(
            name=names.get(digest(stage), stage.kind),
            folder=store.folder(stage).name,
            spec=plain(stage),
            provenance=store.provenance(stage).model_dump(),
            metrics=store.metrics(stage),
            groups=read_groups(store.folder(stage)),
        )
        for stage in topological_order(study.evaluations.values())
    )
