"""Cells of imported files: every spelling of a verdict, a number and an empty cell."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgewise.interop.ingest.cells import (
    to_flag,
    to_group_name,
    to_integer,
    to_name,
    to_number,
    to_sample_number,
    to_text,
    to_verdict,
)

NAN = math.nan


@pytest.mark.parametrize("word", ["true", "yes", "1", "1.0", "correct", "right", "pass", "passed", "success", "solved"])
def test_right_is_written_in_many_ways(word: str) -> None:
    assert {to_verdict(word), to_verdict(word.upper()), to_verdict(f" {word.title()} ")} == {1}


@pytest.mark.parametrize(
    "word", ["false", "no", "0", "0.0", "incorrect", "wrong", "fail", "failed", "failure", "timeout"]
)
def test_wrong_is_written_in_many_ways(word: str) -> None:
    assert {to_verdict(word), to_verdict(word.upper()), to_verdict(f" {word.title()} ")} == {0}


@pytest.mark.parametrize("cell", [None, NAN, "", "nan", "None", "null", "N/A", "unscorable"])
def test_no_verdict_is_written_in_many_ways(cell: object) -> None:
    assert to_verdict(cell) is None


@pytest.mark.parametrize("cell", [2, -1, 0.5, "2", "maybe", "-1", "1.5", [1], math.inf])
def test_any_other_cell_is_no_verdict(cell: object) -> None:
    with pytest.raises(ValueError, match="use true, false, 1 or 0, and null for unscorable"):
        to_verdict(cell)


def test_flags_are_written_as_texts() -> None:
    assert [to_flag(cell) for cell in ("True", "no", "1.0", 0, "", NAN)] == [True, False, True, False, None, None]
    with pytest.raises(ValueError, match="'pass'; use true or false"):
        to_flag("pass")


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_as_a_text_is_the_number(number: float) -> None:
    assert to_number(str(number)) == to_number(number) == number


@given(st.integers(-(10**17), 10**17))
def test_a_whole_number_as_a_text_is_the_number(number: int) -> None:
    assert to_integer(str(number)) == number
    assert to_sample_number(str(number)) == to_sample_number(number) == (number, False)


def test_empty_cells_are_no_numbers_and_no_names() -> None:
    for cell in (None, NAN, "", "nan"):
        assert to_number(cell) is None
        assert to_integer(cell) is None
    assert to_name(NAN) is None
    assert to_text(NAN) is None
    assert to_group_name("") is None
    for text in ("inf", "1_000", "0x10", "many", "1" * 50):
        with pytest.raises(ValueError, match="use a finite number"):
            to_number(text)
