"""Medians, ratios, targets and fits of benchmarks."""

from __future__ import annotations

import math

import pytest

from benchmarks.findings import Alternated, Comparison, Measurement, Series, alternate, exponent
from edgewise.core.errors import InputError


def compared(better: str, target: float | None) -> Comparison:
    found = Alternated([2.0, 8.0, 4.0], [1.0, 2.0, 30.0], 0.1)
    return Comparison.of("n", "w", "u", found, "as it is", better=better, target=target)  # type: ignore[arg-type]


def test_a_ratio_is_of_medians_and_more_than_one_where_ours_is_better() -> None:
    rate, seconds = compared("more", 2.0), compared("less", 2.0)
    assert (rate.ours, rate.peer, rate.ratio, rate.met, rate.repeats) == (4.0, 2.0, 2.0, True, 3)
    assert (seconds.ratio, seconds.met) == (0.5, False)
    assert compared("more", 2.01).met is False and compared("more", None).met is None


@pytest.mark.parametrize(("better", "target", "met"), [("less", 3.0, True), ("less", 2.9, False), ("more", 3.1, False)])
def test_a_measurement_is_a_median_and_meets_its_target_on_the_better_side(
    better: str, target: float, met: bool
) -> None:
    one = Measurement.of("n", "w", "u", [9.0, 3.0, 1.0], better=better, target=target)  # type: ignore[arg-type]
    assert (one.value, one.met, one.repeats) == (3.0, met, 3)


def test_both_sides_run_in_turn_after_one_run_of_each_that_does_not_count() -> None:
    order = []

    def side(name: str) -> float:
        order.append(name)
        return float(len(order))

    found = alternate(lambda repeat: side(f"ours {repeat}"), lambda repeat: side(f"peer {repeat}"), 2)
    assert order == ["ours 0", "peer 0", "ours 1", "peer 1", "ours 2", "peer 2"]
    assert (found.ours_all, found.peer_all) == ([3.0, 5.0], [4.0, 6.0])


def test_no_repeats_are_refused_before_anything_runs() -> None:
    with pytest.raises(InputError, match="repeats: must be at least 1, is 0"):
        alternate(lambda _: pytest.fail("ran"), lambda _: pytest.fail("ran"), 0)


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0, 2.0])
def test_the_exponent_of_a_power_is_found(power: float) -> None:
    xs = [1.0, 3.0, 10.0, 16.0]
    assert exponent(xs, [5 * x**power for x in xs]) == pytest.approx(power)


def test_a_series_is_fitted_to_the_named_columns() -> None:
    points = [{"n": float(n), "other": 1.0, "s": math.sqrt(n)} for n in (1, 4, 9)]
    assert Series.of("a", "b", "n", "s", "s", points).exponent == pytest.approx(0.5)


@pytest.mark.parametrize(("xs", "ys"), [([1.0], [1.0]), ([2.0, 2.0], [1.0, 3.0]), ([1.0, 2.0], [0.0, 1.0])])
def test_what_has_no_slope_is_refused(xs: list[float], ys: list[float]) -> None:
    with pytest.raises(InputError, match="at least two"):
        exponent(xs, ys)
