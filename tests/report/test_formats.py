from __future__ import annotations

import math

import pytest

from edgewise.boundary import Estimate
from edgewise.report import formats
from edgewise.report.excerpts import bounded, excerpt


def test_numbers_as_people_read_them() -> None:
    assert formats.percent(0.7344) == "73.4%"
    assert formats.percent(math.nan) == "n/a"
    assert formats.points(-0.032) == "\u22123.2"
    assert formats.points(0.032) == "+3.2"
    assert formats.points(-0.0001) == formats.points(0.0) == "0.0"
    assert formats.points_interval(Estimate(0.03, -0.01, 0.054)) == "[\u22121.0, +5.4]"
    assert formats.tally_interval(Estimate(math.nan, math.nan, math.nan)) == ""
    assert formats.tally(12.34) == "12.3"
    assert formats.level(1 - 0.05 / 6) == "99.17%"
    assert formats.levels(range(1, 5)) == "op 1 to 4"
    assert formats.levels(range(3, 4)) == "op 3"


@pytest.mark.parametrize(
    ("number", "text"),
    [(5.42e10, "54.2 GFLOP"), (999.6, "1 kFLOP"), (12.0, "12 FLOP"), (0.0, "0 FLOP"), (None, "not recorded")],
)
def test_amounts(number: float | None, text: str) -> None:
    assert formats.amount(number, "FLOP") == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(2.53, "2.5 s"), (68.4, "1 min 8 s"), (4065.0, "1 h 7 min"), (3599.8, "1 h 0 min"), (None, "not recorded")],
)
def test_durations(seconds: float | None, text: str) -> None:
    assert formats.duration(seconds) == text


TEXT = "a = 3 ; b = 4 ; answer 5"


@pytest.mark.parametrize(
    ("step", "marked", "place"),
    [
        (0, "a = 3 ", "Step 1"),
        (1, " b = 4 ", "Step 2"),
        (2, " answer 5", "Answer"),
        (3, "", ""),
        (-1, "", ""),
        (None, "", ""),
    ],
)
def test_the_marked_part_is_the_wrong_step(step: int | None, marked: str, place: str) -> None:
    found = excerpt(TEXT, step)
    assert (found.marked, found.place) == (marked, place)
    assert found.before + found.marked + found.after == TEXT


@pytest.mark.parametrize("limit", [3, 8, 10, 100])
def test_an_excerpt_is_cut_at_its_limit(limit: int) -> None:
    found = excerpt(TEXT, 1, limit)
    assert found.before + found.marked + found.after == TEXT[:limit]
    assert found.omitted == max(0, len(TEXT) - limit)
    assert found.beyond == (limit <= TEXT.index(" b"))


def test_bounded() -> None:
    assert bounded("abc", 3) == "abc"
    assert bounded("abcd", 3) == "abc [... 1 more characters not shown]"
