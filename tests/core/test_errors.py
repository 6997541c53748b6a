"""Errors of the user's input: one line that can be printed, whatever names a file holds."""

from __future__ import annotations

import pickle

from hypothesis import given
from hypothesis import strategies as st

from edgewise.core.errors import InputError


@given(st.text())
def test_a_message_is_one_line_that_can_be_printed(text: str) -> None:
    error = InputError(f"scores: {text}; a number is needed")
    assert str(error).isprintable()
    assert str(pickle.loads(pickle.dumps(error))) == str(error), "a worker sends it as it was raised"
    if text.isprintable():
        assert str(error) == f"scores: {text}; a number is needed"


def test_what_cannot_be_printed_is_escaped() -> None:
    assert str(InputError("a\x1fb\nc")) == r"a\x1fb\nc"
