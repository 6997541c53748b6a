"""The table of labels is complete, and its parts fit together."""

from __future__ import annotations

from itertools import chain, combinations
from typing import get_args

from edgewise.boundary import LABELS, Label


def test_every_label_has_an_entry() -> None:
    assert set(LABELS) == set(get_args(Label))
    assert [label for label, entry in LABELS.items() if entry.claim is None] == ["cannot tell"]


def test_a_label_over_several_sets_is_one_of_theirs_or_mixed() -> None:
    every = chain.from_iterable(combinations(LABELS, size) for size in range(1, len(LABELS) + 1))
    for labels in map(frozenset, every):
        label = next(label for label, entry in LABELS.items() if entry.combined(labels))
        apart = label == "mixed" and labels >= {"extended", "shrunk"}
        assert label in labels or apart
        # A claim that something did not happen needs every part.
        assert not LABELS[label].absence or all(LABELS[part].absence for part in labels)


def test_entries_are_in_plain_sentences() -> None:
    for entry in LABELS.values():
        assert entry.meaning.endswith(".") and entry.condition.endswith(".") and entry.sentence.endswith(".")
        assert entry.color != entry.dark_color and all(len(path) == 2 for path in entry.symbol)
