"""Sentences of verdicts: at most 25 words, and none beside an interval that contradicts it."""

from __future__ import annotations

from itertools import product
from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewise.boundary.verdict.labels import Label
from edgewise.boundary.verdict.rules import Decision
from edgewise.boundary.verdict.sentences import MOST_WORDS, combined_sentence, sentence
from edgewise.boundary.verdict.verdict import BoundaryVerdict, boundary_verdict
from edgewise.outcomes import Counts

LABELS: tuple[Label, ...] = get_args(Label)
LONG = "a set whose name goes on and on and ends nowhere"


@pytest.mark.parametrize(("label", "k"), list(product(LABELS, (1, 2, 16, 1 << 20))))
def test_a_sentence_has_at_most_25_words(label: Label, k: int) -> None:
    refusals = [Decision("cannot tell", "", power, refused=label) for power in (0.1, 0.9)]
    directions = [Decision("cannot tell", "", 0.9, direction="up"), Decision("cannot tell", "", 0.9, direction="down")]
    for decision in (Decision(label, "", 0.9), *refusals, *directions):
        text = sentence(decision, k, 0.05)
        assert text.endswith(".") and len(text.split()) <= MOST_WORDS
        assert k < 2 or str(k) in text or decision.refused


@pytest.mark.parametrize(
    "names", [("edge", "hard", "far"), ("in distribution", "at the edge", "hard"), (LONG, "b", "c")]
)
def test_so_has_one_over_several_sets(names: tuple[str, ...]) -> None:
    for label, *parts in product(LABELS, repeat=1 + len(names)):
        labels: dict[str, Label] = dict(zip(names, parts, strict=True))
        if label not in parts and not (label == "mixed" and {"extended", "shrunk"} <= set(parts)):
            continue
        text = combined_sentence(label, labels, [16, 64, 1 << 20], 0.05)
        assert text.endswith(".") and len(text.split()) <= MOST_WORDS, text
        assert LONG not in text


def test_it_names_the_sets_that_it_is_about() -> None:
    labels: dict[str, Label] = {"in distribution": "cannot tell", "edge": "extended", "hard": "extended"}
    assert combined_sentence("extended", labels, [16, 16, 16], 0.05) == (
        "On edge and hard, within 16 samples the tuned model solves problems that the base does not."
    )
    many: dict[str, Label] = {f"set {i}": "extended" if i < 4 else "unchanged" for i in range(9)}
    assert "On 4 of 9 sets" in combined_sentence("extended", many, [16], 0.05)


def test_a_refusal_says_what_it_would_have_been() -> None:
    weak, explained = (Decision("cannot tell", "", power, refused="shrunk") for power in (0.5, 0.9))
    assert "looks shrunk, but there are too few" in sentence(weak, 16, 0.05)
    assert "looks shrunk, but how the samples were drawn" in sentence(explained, 16, 0.05)


def verdict(base_P: np.ndarray, tuned_P: np.ndarray, n: int, seed: int) -> BoundaryVerdict:
    rng = np.random.default_rng(seed)
    base, tuned = (Counts.of(n, rng.binomial(n, rates_P)) for rates_P in (base_P, tuned_P))
    return boundary_verdict(base, tuned, resamples=200)


@settings(max_examples=60, deadline=None)
@given(problems=st.integers(20, 150), power=st.floats(0.5, 6), factor=st.floats(0.2, 3), seed=st.integers(0, 2**32 - 1))
def test_no_sentence_denies_a_change_that_the_interval_beside_it_shows(
    problems: int, power: float, factor: float, seed: int
) -> None:
    base_P = (np.arange(problems) / problems) ** power
    result = verdict(base_P, np.minimum(1, factor * base_P), 32, seed)
    low, high = result.delta_k.low, result.delta_k.high
    if result.sentence.startswith("Neither a change within"):
        assert low <= 0 <= high
    if result.sentence.startswith("More is solved"):
        assert low > 0
    if result.sentence.startswith("Less is solved"):
        assert high < 0


def test_a_rise_that_is_no_label_is_said() -> None:
    base_P = (np.arange(120) / 120) ** 4
    result = verdict(base_P, np.minimum(1, 1.8 * base_P), 32, seed=1)
    assert (result.label, result.delta_k.low > 0) == ("cannot tell", True)
    assert result.sentence.startswith("More is solved within 8 samples")
