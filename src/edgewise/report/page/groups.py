"""Groups of training for the page's script: every sample of a problem at a step, side by side."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from edgewise.report.excerpts import bounded, excerpt

if TYPE_CHECKING:
    from edgewise.rl.kept_groups import KeptGroup, KeptSample
    from edgewise.study.record import StageRecord

# All groups of a page together have about as many characters.
MOST_CHARACTERS = 3_000_000
# Of a sample, besides its text.
_MARKS = 150


def group_data(stages: Sequence[StageRecord]) -> list[dict[str, Any]]:
    """Each run that kept groups: its name, its steps with their groups, and of how many kept steps one is shown."""
    runs = [stage for stage in stages if stage.groups]
    return [_run(stage, MOST_CHARACTERS // len(runs)) for stage in runs]


def _run(stage: StageRecord, most_characters: int) -> dict[str, Any]:
    by_step: dict[int, list[KeptGroup]] = {}
    for group in stage.groups:
        by_step.setdefault(group.step, []).append(group)
    characters = sum(map(_characters, stage.groups))
    every = max(1, math.ceil(characters / most_characters))
    steps = list(by_step)
    shown = [step for i, step in enumerate(steps) if i % every == 0 or i == len(steps) - 1]
    return {
        "name": bounded(stage.name, 80),
        "folder": stage.folder,
        "every": every,
        "steps": [{"step": step, "groups": [_group(group) for group in by_step[step]]} for step in shown],
    }


def _characters(group: KeptGroup) -> int:
    return len(group.prompt) + sum(len(sample.text) + len(sample.reason) + _MARKS for sample in group.rollouts)


def _group(group: KeptGroup) -> dict[str, Any]:
    return {
        "problem": bounded(group.problem_id, 80),
        "level": group.level,
        "prompt": bounded(group.prompt),
        "sampled": group.sampled,
        "samples": [_sample(sample) for sample in group.rollouts],
    }


def _sample(sample: KeptSample) -> dict[str, Any]:
    has_steps = ";" in sample.text or "Define" in sample.text
    shown = excerpt(sample.text, sample.first_wrong_step if has_steps else None)
    return {
        "text": [shown.before, shown.marked, shown.after],
        "answer": sample.answer,
        "process": sample.process,
        "reward": _number(sample.reward),
        "advantage": _number(sample.advantage),
        "tokens": sample.tokens,
        "cut": not sample.finished,
        "reason": bounded(f"{shown.place}: {sample.reason}" if shown.place else sample.reason, 400),
    }


def _number(value: float | None) -> str:
    return "no number" if value is None else f"{value:.3g}".replace("-", "\u2212")
