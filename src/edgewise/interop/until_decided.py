"""Draw samples of a tuned model until its verdict against a base is decided, with alpha spent over the looks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from edgewise.boundary import Audit, audit
from edgewise.boundary.audit.looked_at import LookedAt, Why
from edgewise.boundary.verdict.looks import PlannedLook, is_decided, plan_looks
from edgewise.core.errors import InputError
from edgewise.interop.arms import read_arms
from edgewise.interop.planned_looks import look_concerns, remember_looks


def until_decided(
    base: Path,
    draw: Callable[[int], Path],
    n: int,
    *,
    k: int | None = None,
    alpha: float = 0.05,
    there: int = 0,
    seen: Callable[[PlannedLook, Audit], None] = lambda look, audit: None,
) -> LookedAt:
    """Draw until the label of the tuned model says what happened at k, at most n samples of each problem.

    `draw` brings the tuned model's file to a number of samples and returns its path; the file keeps the looks in its
    metadata (`planned_looks`). It may hold `there` samples of each problem already: looks at fewer are not taken. The
    looks and the k are fixed before the first sample (`plan_looks`). Where something but the number of samples forbids
    a claim, such as completions that were cut off, drawing stops as well. `seen` is told of each look.

    InputError where the base has too few samples for k or other problems than the tuned model, where the file holds
    more than n samples, or was grown by other looks.
    """
    plan = plan_looks(n, k, alpha=alpha)
    if there > n:
        raise InputError(f"-n: {n}; the file holds {there} samples of each problem, and a look needs as many")
    for number, look in enumerate(plan.looks, 1):
        if look.n < there:
            continue
        tuned = draw(look.n)
        remember_looks(tuned, plan)
        result = look_at(base, tuned, look, plan.k)
        seen(look, result)
        why = _why_no_more(result) or ("all samples are drawn" if look is plan.looks[-1] else None)
        if why is not None:
            return LookedAt(look, number, plan, why, result)
    raise AssertionError("the last look ends the drawing")


def look_at(base: Path, tuned: Path, look: PlannedLook, k: int) -> Audit:
    """The audit of the files at one look, without measures beside the verdict."""
    arms = read_arms([f"base={base}", f"tuned={tuned}"])
    counts = arms.counts(arms.base)
    if counts.n < 2 * k:
        raise InputError(f"--against: {base} has {counts.n} samples of a problem; a claim at k = {k} needs {2 * k}")
    concerns = (*arms.concerns, *look_concerns(arms.models, look.alpha))
    return audit(arms.by_arm, k=k, alpha=look.alpha, concerns=concerns, measures=[])


def _why_no_more(result: Audit) -> Why | None:
    if is_decided(result.verdict.facts):
        return "decided"
    forbidden = any(part.concerns for part in result.verdict.parts.values())
    return "more samples would not decide it" if forbidden else None
