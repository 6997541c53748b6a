from __future__ import annotations

import math
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewise.boundary import Estimate
from edgewise.core.words import counted
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
    assert formats.confidence(1 - 0.05 / 6) == "99.17%"


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0.012345, "0.0123"),
        (12.34, "12.3"),
        (1234.5, "1,230"),
        (9.996, "10"),
        (100.0, "100"),
        (5.0, "5"),
        (0.0, "0"),
        (-0.25, "\u22120.25"),
        (1.5e-7, "1.50e\u221207"),
        (math.inf, "\u221e"),
        (-math.inf, "\u2212\u221e"),
        (math.nan, "n/a"),
        (None, "n/a"),
    ],
)
def test_three_significant_digits(number: float | None, text: str) -> None:
    assert formats.number(number) == text


def test_other_numbers() -> None:
    assert formats.number_interval(Estimate(1, 0.5, math.inf)) == "[0.5, \u221e]"
    assert formats.ratio(-0.0004) == "0.000" and formats.ratio(0.7344) == "0.734"
    assert formats.ratio_interval(Estimate(0.1, -0.05, 0.2)) == "[\u22120.050, 0.200]"
    assert [formats.p_value(p) for p in (0.0004, 0.0134, 1.0, math.nan)] == ["< 0.001", "0.013", "1.000", "n/a"]
    assert formats.points_size(-0.032) == formats.points_size(0.032) == "3.2"
    assert formats.interval(0.1, 0.25, formats.percent) == "10.0% to 25.0%"
    assert formats.interval(None, 0.25, formats.percent) == "n/a"


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


@pytest.mark.parametrize(
    ("step", "marked", "place"),
    [
        (0, "Define owl as k ; so k = 3 . ", "Step 1"),
        (1, "Define crow as x ; we don't know its value yet . ", "Step 2"),
        (2, "We know k = 3 , so we have x = 3 . ", "Step 3"),
        (3, "Answer : 3 .", "Answer"),
        (4, "", ""),
    ],
)
def test_steps_of_a_worded_solution_begin_with_define(step: int, marked: str, place: str) -> None:
    text = (
        "Let us see . Define owl as k ; so k = 3 . Define crow as x ; we don't know its value yet . "
        "We know k = 3 , so we have x = 3 . Answer : 3 ."
    )
    found = excerpt(text, step)
    assert (found.marked, found.place) == (marked, place)
    assert found.before + found.marked + found.after == text


def test_bounded() -> None:
    assert bounded("abc", 3) == "abc"
    assert bounded("abcd", 3) == "abc [... 1 more characters not shown]"


@settings(max_examples=300, deadline=None)
@given(number=st.floats(-1e9, 1e9) | st.floats(-1e-3, 1e-3) | st.just(math.nan))
def test_no_number_is_written_as_a_negative_zero(number: float) -> None:
    estimate = Estimate(number, number, number)
    for shown in (
        *(f(number) for f in (formats.percent, formats.points, formats.tally, formats.signed_tally, formats.excess)),
        *(f(number) for f in (formats.count, formats.number, formats.ratio)),
        *(f(estimate) for f in (formats.percent_interval, formats.points_interval, formats.tally_interval)),
        *(f(estimate) for f in (formats.excess_interval_text, formats.number_interval, formats.ratio_interval)),
    ):
        assert not re.search(r"[-\u2212+]0(\.0+)?(?![\d.,])", shown), shown
    assert "\u2212" not in formats.excess(number) + formats.excess_interval_text(estimate)


def test_things_are_counted_in_the_right_number() -> None:
    assert [counted(n, "problem") for n in (0, 1, 2, 1234)] == [
        "0 problems",
        "1 problem",
        "2 problems",
        "1,234 problems",
    ]
