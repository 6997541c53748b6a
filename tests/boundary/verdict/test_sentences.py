from __future__ import annotations

from itertools import product
from typing import get_args

import pytest

from edgewise.boundary.verdict.labels import Label
from edgewise.boundary.verdict.rules import Decision
from edgewise.boundary.verdict.sentences import MOST_WORDS, combined_sentence, sentence

LABELS: tuple[Label, ...] = get_args(Label)
LONG = "a set whose name goes on and on and ends nowhere"


@pytest.mark.parametrize(("label", "k"), list(product(LABELS, (1, 2, 16, 1 << 20))))
def test_a_sentence_has_at_most_25_words(label: Label, k: int) -> None:
    refusals = [Decision("cannot tell", "", power, refused=label) for power in (0.1, 0.9)]
    for decision in (Decision(label, "", 0.9), *refusals):
        text = sentence(decision, k, 0.05)
        assert text.endswith(".") and len(text.split()) <= MOST_WORDS
        assert k < 2 or str(k) in text or decision.refused


@pytest.mark.parametrize(
    "names", [("edge", "hard", "far"), ("in distribution", "at the edge", "hard"), (LONG, "b", "c")]
)
def test_so_has_one_over_several_sets(names: tuple[str, ...]) -> None:
    for label, *given in product(LABELS, repeat=1 + len(names)):
        labels: dict[str, Label] = dict(zip(names, given, strict=True))
        if label not in given and not (label == "mixed" and {"extended", "shrunk"} <= set(given)):
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
