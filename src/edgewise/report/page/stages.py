"""What a page says of a stage: its totals, its time and its specification."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edgewise.study.record import StageRecord


def total_of(stage: StageRecord, name: str) -> float | None:
    totals = stage.provenance.get("totals")
    value = totals.get(name) if isinstance(totals, Mapping) else None
    return float(value) if isinstance(value, int | float) else None


def seconds_of(stage: StageRecord) -> float | None:
    """The sum over interruptions where the stage keeps one, else its last sitting."""
    summed = total_of(stage, "seconds")
    if summed is not None:
        return summed
    wall = stage.provenance.get("wall_seconds")
    return float(wall) if isinstance(wall, int | float) else None


def pretty(spec: Mapping[str, Any]) -> str:
    return json.dumps(spec, indent=2, sort_keys=True, default=str, allow_nan=False)


# What the templates of stages need.
STAGE_VALUES: Mapping[str, Any] = {"seconds": seconds_of, "total": total_of, "specification": pretty}
