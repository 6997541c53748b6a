"""Arithmetic without running anything: Python's results, or none."""

from __future__ import annotations

import re
import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewise.tasks.graph.arithmetic import evaluate_text
from tests.bounded import bounded

_SUMS = st.recursive(
    st.sampled_from(["0", "7", "12", "007", "00", "2.5", "3.", ".5", "1e3"]),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["+", "-", "*", "/", "//", "**", " - ", "* ", "/ ", " "]), inner).map("".join),
        st.tuples(st.sampled_from(["(", "( ", "-", "+", "- ("]), inner, st.sampled_from([")", " )", "", "\n)"])).map(
            "".join
        ),
    ),
    max_leaves=7,
)


@given(_SUMS)
@settings(deadline=None, max_examples=400)
def test_arithmetic_is_that_of_python(text: str) -> None:
    if re.search(r"\*\*[^*]*\*\*", text):
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            expected: float | None = float(eval(text)) if re.fullmatch(r"[0-9+\-*/().\s]+", text) else None
        except (ArithmeticError, SyntaxError, TypeError, ValueError):
            expected = None
    found = evaluate_text(text.strip())
    assert found == expected or (found is None and expected is not None and abs(expected) > 1e300), text


@pytest.mark.parametrize(
    "text", ["9**9**9", "2**99999999999", "9" * 5000, "*".join(["9" * 300] * 300), "(" * 300 + "1" + ")" * 300]
)
def test_arithmetic_refuses_what_would_take_for_ever(text: str) -> None:
    with bounded(0.3):
        assert evaluate_text(text) is None
