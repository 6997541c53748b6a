"""One final answer is read or the reason why there is none; numbers are exact."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgewise.tasks.answers import final_answer, gold_completion, number_in
from edgewise.tasks.verdict import MAX_CHARACTERS, Score, Verdict, unreadable
from tests.bounded import bounded


def reason(completion: str, *, truncated: bool = False) -> str:
    verdict = unreadable(completion, truncated=truncated) or final_answer(completion)
    assert isinstance(verdict, Verdict), verdict
    assert verdict.answer is verdict.process is Score.UNSCORABLE
    return verdict.reason


@pytest.mark.parametrize(
    ("completion", "answer"),
    [
        ("7", "7"),
        (" a long line \n", "a long line"),
        ("First this.\nThen that.\n<answer> 7 </answer>\n", "7"),
        ("<answer>1 2\n3 4</answer>", "1 2\n3 4"),
        ("so\nAnswer: 7", "7"),
        ("so\nthe final ANSWER : 1\n2", "1\n2"),
        ("Answer: 6, no: <answer>7</answer>", "7"),
        ("unanswer: 7", "unanswer: 7"),
    ],
)
def test_the_answer_stands_between_the_marks_after_the_mark_or_alone(completion: str, answer: str) -> None:
    assert final_answer(completion) == answer


@pytest.mark.parametrize(
    ("completion", "why"),
    [
        ("", "no final answer"),
        (" \n ", "no final answer"),
        ("<answer> </answer>", "no final answer"),
        ("Answer:", "no final answer"),
        ("one line\nand another", "no final answer: several lines"),
        ("<answer>7</answer><answer>8</answer>", "two answers"),
        ("<answer>7</answer> or 8</answer>", "two answers"),
        ("Answer: 7\nAnswer: 7", "two answers"),
        ("<answer>7", "unparsable: an answer is opened and not closed"),
        ("7</answer>", "unparsable: an answer is opened and not closed"),
        ("</answer>7<answer>", "unparsable: an answer is opened and not closed"),
        ("<answer>7</answer> I hope", "unparsable: text after the answer"),
        ("7" * (MAX_CHARACTERS + 1), "unparsable: over 100000 characters"),
    ],
)
def test_where_no_one_answer_can_be_read_the_reason_is_given(completion: str, why: str) -> None:
    assert reason(completion).startswith(why)


def test_a_text_that_was_cut_off_has_no_answer() -> None:
    assert reason("<answer>7</answer>", truncated=True) == "truncated"


@given(st.text(), st.text(alphabet="ab 1:.<>/\n", max_size=20))
def test_a_gold_completion_is_read_as_its_answer(before: str, answer: str) -> None:
    if "answer>" not in before and answer.strip():
        assert final_answer(before + gold_completion(answer)) == answer.strip()


@given(st.text() | st.lists(st.sampled_from(["<answer>", "</answer>", "Answer:", "7", "\n", " "])).map("".join))
def test_an_answer_is_a_stripped_part_of_the_text(text: str) -> None:
    answer = final_answer(text)
    assert isinstance(answer, Verdict) or (answer and answer == answer.strip() and answer in text)


@pytest.mark.parametrize("text", ["answer" * 16_000, "answer " + " " * 99_000, "<answer>" * 12_000, "answer:" * 14_000])
def test_time_is_linear(text: str) -> None:
    with bounded(0.5):
        final_answer(text)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("12", "12"),
        ("-0012.50", "-12.5"),
        ("+.5", "1/2"),
        ("3.", "3"),
        ("1,234,567.8", "12345678/10"),
        ("1e3", "1000"),
        ("2.5E-1", "1/4"),
        ("3/4", "3/4"),
        (" -6 / 08 ", "-3/4"),
        ("50%", "1/2"),
        ("-12.5%", "-1/8"),
    ],
)
def test_numbers_are_exact(text: str, number: str) -> None:
    assert number_in(text) == Fraction(number)


@pytest.mark.parametrize(
    "text",
    ["-", ".", "e5", ".e5", "%", "1,5", "12,34", "1,2345", "1 2", "--1", "1e1000", "1e", "1/0", "1/-2", "1/2/3", "nan"],
)
def test_what_is_nearly_a_number_is_none(text: str) -> None:
    assert number_in(text) is None


@pytest.mark.parametrize(
    "text", ["", "1_000", "0x10", "inf", "\u0661", "12a", "$5", "5 apples", "1/2%", "9" * 1001, "1e99999999999"]
)
def test_other_texts_are_no_numbers(text: str) -> None:
    assert number_in(text) is None


@given(st.fractions())
def test_a_written_fraction_is_read_back(number: Fraction) -> None:
    assert number_in(str(number)) == number
