"""Verdicts on rows of the released data: gold solutions are right, what a problem lacks is said, bad rows are named."""

from __future__ import annotations

from typing import Any

import pytest

from edgewise.core.errors import InputError
from edgewise.tasks import Score
from edgewise.tasks.graph.released import read_row
from edgewise.tasks.graph.released_verifier import verify_released
from tests.tasks.graph.rows import ROWS, Row, all_rows
from tests.tasks.verdicts import all_right

LACKING = [row for row in ROWS if read_row(row).lacking]


def lacks(row: Row) -> str:
    if not (lacking := read_row(row).lacking):
        return ""
    more = f" and {len(lacking) - 1} more" if len(lacking) > 1 else ""
    return f"problem lacks the definition of {lacking[0]}{more}"


def check(row: Row) -> None:
    """The gold solution, as a row has it and as a model writes it, is right by both rules."""
    body, _, answer = row["solution"].removesuffix(".").rpartition(" Answer: ")
    for solution in (row["solution"], f" {body} </solution> <answer> {answer} </answer>"):
        verdict = verify_released(row, solution)
        assert (verdict.answer_correct, verdict.process_correct, verdict.first_wrong_step) == (True, True, None)
        assert verdict.reason == lacks(row)
        assert verify_released(row, solution, "paper_compat") == all_right(answer)


def test_gold_solutions_are_right() -> None:
    for row in ROWS:
        check(row)


def test_gold_solutions_of_the_whole_reference_file_are_right() -> None:
    rows = all_rows()
    assert len(rows) == 300
    for row in rows:
        check(row)
    # The fault is that of reverse problems of op 10 and more.
    assert sum(bool(read_row(row).lacking) for row in rows) == 18


def test_a_wrong_solution_of_a_problem_that_lacks_a_definition_says_both() -> None:
    assert LACKING
    for row in LACKING:
        verdict = verify_released(row, row["solution"].replace("Isolate", "Divide"))
        assert verdict.answer_correct
        assert not verdict.process_correct
        assert "cannot read Divide" in verdict.reason
        assert verdict.reason.endswith(f"; {lacks(row)}")
        assert verify_released(row, "").reason.endswith(f"; {lacks(row)}")
        assert len(verdict.reason) < 200
        assert verify_released(row, "").answer is Score.UNSCORABLE


def test_the_solution_of_another_row_is_wrong() -> None:
    row = next(row for row in ROWS if row["mode"] == "normalforward" and row["op"] == 8)
    other = next(other for other in ROWS if other["mode"] == "normalforward" and other["op"] == 8 and other != row)
    assert not verify_released(row, other["solution"]).process_correct
    assert not verify_released(row, other["solution"], "paper_compat").process_correct


@pytest.mark.parametrize("mode", ["verified", "paper_compat"])
@pytest.mark.parametrize("row", [{}, {**ROWS[0], "solution": None}, {**ROWS[0], "solution": ["k = 3"]}])
def test_a_malformed_row_is_named(row: Any, mode: Any) -> None:
    with pytest.raises(InputError, match=r"^(template|problem|solution): "):
        verify_released(row, "Answer: 3.", mode)


def test_an_unknown_mode_is_named() -> None:
    with pytest.raises(InputError, match=r"^mode: must be verified or paper_compat, is 'strict'"):
        verify_released(ROWS[0], ROWS[0]["solution"], "strict")  # type: ignore[arg-type]
