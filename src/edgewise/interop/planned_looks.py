"""The looks that a file of rollouts was grown by: kept in its metadata, so that an audit knows which alpha is left.

A file that was drawn until its verdict was decided is no sample of fixed size: who audits it at 5% looks once more than
was paid for. The file says so itself, and an audit at a larger alpha than the look's own forbids a claim.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from edgewise.boundary.audit.result import Concern
from edgewise.boundary.verdict.looks import LookPlan, PlannedLook
from edgewise.core.atomic import atomic_write
from edgewise.core.errors import InputError
from edgewise.core.parquet_metadata import parquet_metadata
from edgewise.interop.model_rollouts import ModelRollouts
from edgewise.outcomes.counts import Counts

_KEY = b"edgewise.looks"
# Two alphas are one where they differ by the rounding of a number that was typed.
_ROUNDING = 1e-4


def planned_looks(path: Path) -> LookPlan | None:
    """The plan by which a Parquet file was grown; None where it is no such file.

    InputError where its metadata are damaged.
    """
    try:
        text = parquet_metadata(path, _KEY)
        if text is None:
            return None
        plan = json.loads(text)
        looks = tuple(PlannedLook(int(look["n"]), float(look["alpha"])) for look in plan["looks"])
        return LookPlan(int(plan["k"]), looks)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: the looks in its metadata cannot be read ({type(error).__name__})") from None


def remember_looks(path: Path, plan: LookPlan) -> None:
    """Write the plan into the metadata of a Parquet file. InputError where the file was grown by another plan."""
    before = planned_looks(path)
    if before == plan:
        return
    if before is not None:
        alpha = sum(look.alpha for look in before.looks)
        raise InputError(
            f"{path}: was grown by looks at n = {_numbers(before)} and k = {before.k}; give -n {before.looks[-1].n}"
            f" --k {before.k} --alpha {alpha:.6g}, or name another --out"
        )
    looks = [{"n": look.n, "alpha": look.alpha} for look in plan.looks]
    table = pq.read_table(path)
    metadata = {**(table.schema.metadata or {}), _KEY: json.dumps({"k": plan.k, "looks": looks}).encode()}
    with atomic_write(path) as unfinished:
        pq.write_table(table.replace_schema_metadata(metadata), unfinished, compression="zstd")


def look_concerns(models: Mapping[str, ModelRollouts], alpha: float) -> Iterator[Concern]:
    """A concern about each model whose samples were drawn until a verdict was decided, where `alpha` is not left.

    It forbids a claim: with several looks at `alpha` each, two draws of one model are told apart more often than that.
    """
    for name, model in models.items():
        for plan in filter(None, map(planned_looks, model.files)):
            samples = model.samples
            n_P = samples.n_P if isinstance(samples, Counts) else np.bincount(samples.problem_S)
            n = int(n_P.max())
            left = plan.alpha_at(n)
            if left is not None and alpha <= left * (1 + _ROUNDING):
                continue
            grown = f"Drawn until a verdict was decided, by looks at n = {_numbers(plan)} samples of each problem"
            if left is None:
                yield Concern(f"{grown}: no look at n = {n} was planned, so draw on to one of these.", True, (name,))
            else:
                yield Concern(
                    f"{grown}: the look at n = {n} has alpha {left:.4g} and not {alpha:g}: give --alpha {left:.4g}.",
                    True,
                    (name,),
                )


def _numbers(plan: LookPlan) -> str:
    return ", ".join(str(look.n) for look in plan.looks)
