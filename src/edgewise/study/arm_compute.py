"""Compute of a finished study: what each arm's own training took, and whether it was equal where that is declared."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import astuple

from edgewise.boundary.audit.result import Concern
from edgewise.scaling.compute import CHARGED_TOKENS, ArmCompute, ComputeOfArms, compute_of_arms
from edgewise.study.budget import charged_tokens, recipe_of, tokens_trained_on
from edgewise.study.stages import Stage
from edgewise.study.store import Store
from edgewise.study.study import Study


def measured_compute(study: Study, store: Store) -> ComputeOfArms | None:
    """What the arms of a finished study took; None where it has one arm."""
    if len(study.arms) < 2:
        return None
    declared = study.equal_compute
    rollout_tokens = CHARGED_TOKENS if declared is None else declared.rollout_tokens
    arms = {
        arm: _mean([_sum([_of_stage(stage, store, rollout_tokens) for stage in stages]) for stages in by_seed])
        for arm, by_seed in study.own_stages_by_arm.items()
    }
    if declared is None:
        return compute_of_arms(arms)
    compared = declared.compared(list(study.arms))
    return compute_of_arms(arms, declared.account, compared, declared.slack)


def missed(compute: ComputeOfArms | None) -> list[Concern]:
    """The concern of a study whose arms were declared to have equal compute, and had not."""
    if compute is None or not compute.declared or compute.equal:
        return []
    return [Concern(f"Equal compute was declared, and missed. {compute.sentence} Change the steps of one arm.")]


def _of_stage(stage: Stage, store: Store, rollout_tokens: int) -> ArmCompute:
    made = store.provenance(stage)
    totals = made.totals
    trained, completions = tokens_trained_on(stage, totals), 0.0 if recipe_of(stage) is None else totals.tokens
    return ArmCompute(
        training_tokens=trained,
        prompt_tokens=math.nan if completions and not totals.prompt_tokens else totals.prompt_tokens,
        completion_tokens=completions,
        charged_tokens=charged_tokens(stage, trained, rollout_tokens),
        flops=totals.flops,
        seconds=totals.seconds or made.wall_seconds,
    )


def _sum(parts: Sequence[ArmCompute]) -> ArmCompute:
    return ArmCompute(*(math.fsum(numbers) for numbers in zip(*map(astuple, parts), strict=True))) if parts else _NONE


def _mean(parts: Sequence[ArmCompute]) -> ArmCompute:
    return ArmCompute(*(number / len(parts) for number in astuple(_sum(parts))))


_NONE = ArmCompute(0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
