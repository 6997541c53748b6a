"""The table of labels is complete, and its parts fit together."""

from __future__ import annotations

from itertools import combinations_with_replacement, product
from typing import get_args

from edgewise.boundary import LABELS, Label
from edgewise.boundary.verdict.facts import FACTS_1, FACTS_K, Fact1, FactK, Facts, combine_facts
from edgewise.boundary.verdict.labels import CANNOT_TELL, NAMES, label_of, shown_label

EVERY = [Facts(at_1, at_k) for at_1, at_k in product(FACTS_1, FACTS_K)]


def test_every_label_has_an_entry_and_is_given() -> None:
    assert set(LABELS) == set(get_args(Label)) == {label_of(facts) for facts in EVERY}
    assert set(FACTS_1) == set(get_args(Fact1)) and set(FACTS_K) == set(get_args(FactK))
    assert set(NAMES) <= set(EVERY)


def test_a_label_claims_a_change_exactly_where_a_fact_does() -> None:
    for facts in EVERY:
        changed = facts.at_1 in ("up", "down") or facts.at_k not in ("same", "open")
        entry = LABELS[label_of(facts)]
        assert entry.changed == changed
        assert entry.lost == (facts.at_k in ("both", "shrunk"))


def test_facts_over_several_sets_are_some_sets_facts() -> None:
    """A change on one set is a change; that there was none needs every set."""
    for parts in combinations_with_replacement(EVERY, 3):
        both = combine_facts(parts)
        at_1, at_k = {part.at_1 for part in parts}, {part.at_k for part in parts}
        assert both.at_1 == "open" or both.at_1 in at_1
        assert both.at_k in at_k | {"open"} or (both.at_k == "both" and "shrunk" in at_k)
        assert both.at_1 != "same" or at_1 == {"same"}
        assert both.at_k != "same" or at_k == {"same"}
        assert ("shrunk" in at_k or "both" in at_k) == (LABELS[label_of(both)].lost)
    assert all(combine_facts([facts]) == facts for facts in EVERY)


def test_entries_are_in_plain_sentences() -> None:
    for label, entry in LABELS.items():
        assert entry.meaning.endswith(".") and entry.sentence.endswith(".")
        assert entry.color != entry.dark_color and all(len(path) == 2 for path in entry.symbol)
        assert "32" in shown_label(label, 32)
    assert len({entry.color for entry in LABELS.values()}) == len(LABELS)
    assert shown_label(CANNOT_TELL, 16) == "cannot tell @16"
