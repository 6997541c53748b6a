"""The health of a study's RL runs: what the alarms say of each, and its groups without a signal by level."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from edgewise.rl.health import STEPS, Alarm, alarms, is_watched
from edgewise.study.record import StageRecord
from edgewise.training.metrics_file import Metrics

_OF_LEVEL = re.compile(r"all_wrong_level_(-?\d+)")


@dataclass(frozen=True, slots=True)
class LevelGroups:
    """Shares of a level's groups in which all samples are wrong, and in which all are right.

    Each is a pair: the mean over the first STEPS steps that asked the level, and over the last.
    """

    level: int
    all_wrong: tuple[float, float]
    all_right: tuple[float, float]


@dataclass(frozen=True, slots=True)
class StageHealth:
    """What there is to say of one RL run; `name` is that of its stage."""

    name: str
    alarms: tuple[Alarm, ...]
    levels: tuple[LevelGroups, ...]


def health_of(stages: Sequence[StageRecord]) -> tuple[StageHealth, ...]:
    """The health of every stage that trains on rollouts, as far as it has come."""
    return tuple(stage_health(stage.name, stage.metrics) for stage in stages if is_watched(stage.metrics))


def stage_health(name: str, metrics: Sequence[Metrics]) -> StageHealth:
    """The alarms and the groups of the run with these lines of metrics."""
    return StageHealth(name, alarms(metrics), tuple(_levels(metrics)))


def _levels(metrics: Sequence[Metrics]) -> Iterator[LevelGroups]:
    names = {name for line in metrics for name in line}
    for level in sorted(int(found[1]) for name in names if (found := _OF_LEVEL.fullmatch(name))):
        wrong, right = (_ends(metrics, f"{share}_level_{level}") for share in ("all_wrong", "all_right"))
        yield LevelGroups(level, wrong, right)


def _ends(metrics: Sequence[Metrics], name: str) -> tuple[float, float]:
    values = [line[name] for line in metrics if name in line]
    return float(np.mean(values[:STEPS])), float(np.mean(values[-STEPS:]))
