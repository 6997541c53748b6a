"""The metrics that a run has logged, for tests that compare two runs."""

from __future__ import annotations

import json
import math
from pathlib import Path


def lines(folder: Path) -> list[dict[str, float]]:
    """The lines of metrics.jsonl; NaN where a metric had no value."""
    logged = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [{name: math.nan if value is None else value for name, value in line.items()} for line in logged]
