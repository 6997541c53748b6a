"""Peak memory, and what of it is required."""

from __future__ import annotations

import pytest

from benchmarks import memory
from benchmarks.findings import Measurement


def test_findings_are_the_worst_excess_and_the_growth_of_the_largest_points(monkeypatch: pytest.MonkeyPatch) -> None:
    def point(samples: int, repeats: int) -> dict[str, float]:
        return {"samples": float(samples), "above_mb": 3.0 * samples + 100, "required_mb": 2.0 * samples + 10}

    monkeypatch.setattr(memory, "point", point)
    found = memory.measure(1)
    excess, growth = found.measurements
    assert isinstance(excess, Measurement) and excess.value == pytest.approx(124 / 26) and excess.met is False
    assert 0 < growth.value < 1 and growth.met is True
    assert [one["samples"] for one in found.series[0].points] == list(memory.SAMPLES)
