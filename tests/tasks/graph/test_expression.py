"""Expressions of solutions: read as Python would read them, or not at all."""

from __future__ import annotations

import re
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewise.tasks.graph.expression import Wrong, read_combination

ATOMS = st.one_of(st.integers(0, 30).map(str), st.sampled_from(["x", "k", "B1"]))
EXPRESSIONS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from("+-*/"), inner).map("".join),
        inner.map(lambda text: f"({text})"),
        inner.map(lambda text: f"-{text}"),
    ),
    max_leaves=8,
)


@given(EXPRESSIONS)
@settings(deadline=None, max_examples=300)
def test_expressions_are_read_as_python_reads_them(text: str) -> None:
    places = [{"x": x, "k": k, "B1": b} for x, k, b in ((0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1), (5, 7, -11))]
    fractions = re.sub(r"(?<!B)(\d+)", r"Fraction(\1)", text)
    try:
        found = read_combination(text)
    except Wrong:
        return
    for place in places:
        letters = {name: Fraction(value) for name, value in place.items()}
        expected = eval(fractions, {"Fraction": Fraction, **letters})
        assert found.number + sum(coefficient * place[letter] for letter, coefficient in found.letters) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2*",
        "*2",
        "2x",
        "x2x",
        "(x",
        "x)",
        "()",
        "2**3",
        "x*x",
        "1/x",
        "3/2",
        "x/0",
        "+3",
        "\u0663",
        "\u00e9",
        "3.5",
    ],
)
def test_what_is_no_linear_form_is_not_read(text: str) -> None:
    with pytest.raises(Wrong):
        read_combination(text)


def test_letters_that_cancel_are_still_mentioned() -> None:
    assert read_combination("k+m-m").letters == (("k", 1), ("m", 0))
    assert read_combination("0*k").letters == (("k", 0),)


@pytest.mark.parametrize("text", ["7", "-7", "x", "2*x+3", "5-x", "x-4", "-x-1"])
def test_a_value_is_plain_when_nothing_is_left_to_work_out(text: str) -> None:
    assert read_combination(text).plain


@pytest.mark.parametrize("text", ["(7)", "3+4", "2*3", "6/2", "x+x", "x+1+2", "2*(x+1)", "2*3*x"])
def test_a_value_is_not_plain_when_something_is_left(text: str) -> None:
    assert not read_combination(text).plain
