"""Sentences of verdicts: at most 25 words, and no name or sentence beside an interval that contradicts it."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewise.boundary.inference.means import Estimate
from edgewise.boundary.verdict.evidence import DifferenceTest, Evidence, evidence_of
from edgewise.boundary.verdict.facts import FACTS_1, FACTS_K, Facts, combine_facts
from edgewise.boundary.verdict.labels import Label, label_of
from edgewise.boundary.verdict.rules import Decision
from edgewise.boundary.verdict.sentences import MOST_WORDS, combined_sentence, sentence
from edgewise.boundary.verdict.verdict import boundary_verdict
from edgewise.outcomes import Counts

EVERY = [Facts(at_1, at_k) for at_1, at_k in product(FACTS_1, FACTS_K)]
LONG = "a set whose name goes on and on and ends nowhere"


def evidence(k: int) -> Evidence:
    arm = Counts.of(2 * k, [0, 1, 2])
    found = evidence_of(arm, arm, k, margin=0.05, alpha=0.05, comparisons=1)
    wide = DifferenceTest(Estimate(-0.123, -0.456, 0.789), 0.5, 0.95, False)
    return Evidence(wide, wide, found.solved, found.strict, k, 0.05, 0.95, 3)


@pytest.mark.parametrize("k", [1, 2, 16, 1024])
def test_a_sentence_has_at_most_25_words(k: int) -> None:
    decisions = [Decision(facts, label_of(facts), "") for facts in EVERY]
    decisions += [Decision(Facts("open", "open"), "cannot tell", "", refused=label_of(facts)) for facts in EVERY]
    for decision in decisions:
        text = sentence(decision, evidence(k))
        assert text.endswith(".") and len(text.split()) <= MOST_WORDS, text
        assert f"pass@{k} -12.3 points [-45.6, +78.9]" in text or decision.refused or k == 1 or "once" in text


@pytest.mark.parametrize(
    "names", [("edge", "hard", "far"), ("in distribution", "at the edge", "hard"), (LONG, "b", "c")]
)
def test_so_has_one_over_several_sets(names: tuple[str, ...]) -> None:
    for parts in product(EVERY, repeat=2):
        named = dict(zip(names, (*parts, parts[0]), strict=True))
        text = combined_sentence(combine_facts(list(named.values())), named, [16, 64, 1024], 0.05)
        assert text.endswith(".") and LONG not in text
        directions = {part.at_1 for part in parts} >= {"up", "down"}
        changes = len({part.at_k for part in parts} - {"same", "open"})
        assert len(text.split()) <= MOST_WORDS + 8 * directions + 10 * max(changes - 1, 0), text


def test_it_names_the_sets_that_it_is_about() -> None:
    named = {"in distribution": Facts("open", "open"), "edge": Facts("up", "more"), "hard": Facts("open", "more")}
    assert combined_sentence(Facts("up", "more"), named, [16, 16, 16], 0.05) == (
        "Right more often at once on edge; more solved within 16 samples on edge and hard."
    )
    many = {f"set {i}": Facts("open", "more" if i < 4 else "same") for i in range(9)}
    assert "on 4 of 9 sets" in combined_sentence(Facts("open", "more"), many, [16], 0.05)
    alike = {name: Facts("up", "same") for name in "abc"}
    assert combined_sentence(Facts("up", "same"), alike, [16], 0.05) == (
        "Right more often at once on all sets; nothing beyond 5 points new or lost within 16 samples."
    )


@pytest.mark.parametrize(("label", "shown"), [("shrunk", "shrunk @16"), ("more within k", "more within 16 samples")])
def test_a_refusal_says_what_it_would_have_been(label: Label, shown: str) -> None:
    text = sentence(Decision(Facts("open", "open"), "cannot tell", "", refused=label), evidence(16))
    assert text.startswith(f"It looks like '{shown}', but how the samples were drawn")
    assert len(text.split()) <= MOST_WORDS


@settings(max_examples=150, deadline=None)
@given(
    problems=st.integers(10, 400),
    power=st.floats(0.5, 6),
    factor=st.floats(0.2, 3),
    lost=st.floats(0, 0.3),
    n=st.sampled_from([4, 16, 64]),
    seed=st.integers(0, 2**32 - 1),
)
def test_no_name_contradicts_the_intervals_beside_it(
    problems: int, power: float, factor: float, lost: float, n: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    base_P = rng.random(problems) ** power
    tuned_P = np.where(rng.random(problems) < lost, 0, np.minimum(1, factor * base_P))
    base, tuned = (Counts.of(n, rng.binomial(n, rates_P)) for rates_P in (base_P, tuned_P))
    verdict = boundary_verdict(base, tuned)
    for fact, delta in ((verdict.facts.at_1, verdict.delta_1), (verdict.facts.at_k, verdict.delta_k)):
        assert delta.low <= delta.value <= delta.high
        if fact in ("up", "extended", "more"):
            assert delta.low > 0
        if fact in ("down", "shrunk"):
            assert delta.high < 0
        if fact == "open" and verdict.k > 1:
            assert delta.low <= 0 <= delta.high
    if verdict.facts.at_1 == "same":
        assert verdict.delta_1.inside(verdict.margin)
    if verdict.facts.at_k == "same":
        assert verdict.delta_k.low > -verdict.margin
        assert verdict.solved.excess_expansion.high < verdict.margin * problems
    assert label_of(verdict.facts) == verdict.label
    assert len(verdict.sentence.split()) <= MOST_WORDS
