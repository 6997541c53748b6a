"""A policy holds where what it asks for is shown, fails where the contrary is, and decides nothing else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgewise.boundary.verdict.policy import (
    CLAIMS,
    PolicyCheck,
    PolicyOutcome,
    decide_rule,
    decide_term,
    parse_policy,
    read_policy,
    worst,
)
from edgewise.boundary.verdict.verdict import BoundaryVerdict, boundary_verdict
from edgewise.core.errors import InputError
from edgewise.outcomes.counts import Counts, FloatArray


def draw(p_P: FloatArray, n: int, seed: int) -> Counts:
    return Counts.of(n, np.random.default_rng(seed).binomial(n, p_P))


def judged(base_P: FloatArray, tuned_P: FloatArray, k: int = 16, n: int = 64) -> BoundaryVerdict:
    return boundary_verdict(draw(base_P, n, 1), draw(tuned_P, n, 2), k=k)


RATES: FloatArray = np.random.default_rng(0).beta(0.4, 1.0, 600)
SHARPER = np.where(RATES > 0.05, RATES**0.5, RATES)
VERDICTS = {
    "same": judged(RATES, RATES),
    "sharper": judged(RATES, SHARPER),
    "lost": judged(RATES, np.where(RATES < 0.2, 0, RATES)),
    "new": judged(RATES, np.maximum(RATES, 0.2), k=32),
    "few": judged(RATES[:30], RATES[:30]),
}


def outcome(text: str, name: str) -> PolicyOutcome:
    (rule,) = parse_policy([text])
    return decide_rule([decide_term(term, VERDICTS[name]) for term in rule.terms])[0]


@pytest.mark.parametrize(
    ("text", "holds", "fails", "open"),
    [
        ("not shrunk@16", ("same", "sharper"), ("lost",), ("few",)),
        ("shrunk@16", ("lost",), ("same", "sharper"), ("few",)),
        ("extended@32", ("new",), (), ()),
        ("more@16", (), ("same", "lost", "sharper"), ("few",)),
        ("sharpened", ("sharper",), ("same", "lost", "new"), ("few",)),
        ("unchanged", ("same",), ("sharper", "lost"), ("few",)),
        ("surer", ("sharper",), ("same", "lost"), ("few",)),
        ("less sure", ("lost",), ("sharper",), ("few",)),
        ("pass@1 +2", ("sharper",), ("same", "lost"), ("few",)),
        ("pass@16 -5", ("same", "sharper"), ("lost",), ("few",)),
        ("not pass@1 +2", ("same", "lost"), ("sharper",), ("few",)),
        ("surer and not shrunk@16", ("sharper",), ("same", "lost"), ("few",)),
    ],
)
def test_what_is_shown_holds_and_the_contrary_fails(
    text: str, holds: tuple[str, ...], fails: tuple[str, ...], open: tuple[str, ...]
) -> None:
    wanted: dict[str, PolicyOutcome] = dict.fromkeys(holds, "holds")
    wanted.update(dict.fromkeys(fails, "fails"))
    wanted.update(dict.fromkeys(open, "cannot tell"))
    assert {name: outcome(text, name) for name in wanted} == wanted


def test_a_small_loss_that_is_shown_fails_though_it_is_within_the_margin() -> None:
    verdict = boundary_verdict(Counts.of(64, [64] * 970 + [8] * 30), Counts.of(64, [64] * 970 + [0] * 30), k=16)
    assert verdict.label == "shrunk" and verdict.delta_k.value > -0.05
    (rule,) = parse_policy(["not shrunk@16"])
    assert decide_term(rule.terms[0], verdict)[0] == "fails"


def test_what_forbids_a_claim_decides_nothing() -> None:
    base, tuned = draw(RATES, 64, 1), draw(SHARPER, 64, 2)
    refused = boundary_verdict(base, tuned, k=16, concerns=["Both come from one file."])
    for text in (*(f"{'not ' * n}{name}" for name in CLAIMS if name != "extended" for n in (0, 1)), "pass@1 +2"):
        (rule,) = parse_policy([text])
        assert decide_term(rule.terms[0], refused)[0] == "cannot tell", text
        assert "Both come from one file" in decide_term(rule.terms[0], refused)[1]


def test_a_difference_in_cut_off_samples_is_taken_off_the_size() -> None:
    """The base's samples that were cut off alone can have made +9 points: +2 is not shown of a rise by 11."""
    base = Counts.of(64, [32] * 400)
    tuned = Counts.of(64, [39] * 400)
    (rule,) = parse_policy(["pass@1 +2"])
    assert decide_term(rule.terms[0], boundary_verdict(base, tuned))[0] == "holds"
    cut = replace(base, truncated_P=np.full(400, 6))
    done = replace(tuned, truncated_P=np.full(400, 0))
    assert decide_term(rule.terms[0], boundary_verdict(cut, done))[0] == "cannot tell"


def test_never_does_the_same_model_fail_or_pass_a_change_more_often_than_alpha() -> None:
    """Two draws of one model, 80 and 500 problems: a policy that asks for no loss never fails, one that asks for a
    change never holds, but in at most 5% of runs."""
    wrong = 0
    for seed in range(60):
        p_P: FloatArray = np.random.default_rng(seed).beta(0.3, 1.0, 80 if seed % 2 else 500)
        verdict = boundary_verdict(draw(p_P, 64, 100 + seed), draw(p_P, 64, 900 + seed), k=16)
        for text in ("not shrunk@16", "not surer", "not less sure", "not pass@1 +1"):
            (rule,) = parse_policy([text])
            wrong += decide_term(rule.terms[0], verdict)[0] == "fails"
    assert wrong <= 3


def test_rules_and_their_sets() -> None:
    plain, of_set = parse_policy(["not shrunk@16 and pass@1 +2.5 points", "lighteval:AIME: pass@16 \u22121"])
    assert plain.set is None and [term.text for term in plain.terms] == ["not shrunk@16", "pass@1 +2.5 points"]
    assert [(term.k, term.points, term.negated) for term in plain.terms] == [(16, None, True), (1, 2.5, False)]
    assert of_set.set == "lighteval:AIME" and of_set.terms[0].points == -1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("not shrnk@16", "did you mean shrunk"),
        ("extended@16", "needs k of 32 or more, or more@K"),
        ("surer@16", "leave @16 out"),
        ("shrunk@1", "needs k of 2 or more"),
        ("pass@16", "says no points"),
        ("pass@0 +1", "k is at least 1"),
        ("pass@1 +200", "between -100 and 100"),
        ("", "is no term"),
        ("shrunk@16 and", "is no term"),
        (": shrunk", "no set before its colon"),
        ("!", "is no term"),
    ],
)
def test_a_rule_that_does_not_parse_is_refused(text: str, said: str) -> None:
    with pytest.raises(InputError, match=r"^policy: ") as refused:
        parse_policy([text])
    assert said in str(refused.value) and "\n" not in str(refused.value)


def test_files_of_rules(tmp_path: Path) -> None:
    text, toml = tmp_path / "policy.txt", tmp_path / "policy.toml"
    text.write_text("# what a release needs\nnot shrunk@16  # on every set\n\nAIME: pass@1 +2\n")
    toml.write_text('rules = ["not shrunk@16"]\n[sets]\nAIME = "pass@1 +2"\nMATH = ["unchanged", "surer"]\n')
    assert [(rule.set, rule.text) for rule in read_policy(text)] == [
        (None, "not shrunk@16"),
        ("AIME", "AIME: pass@1 +2"),
    ]
    assert [rule.set for rule in read_policy(toml)] == [None, "AIME", "MATH", "MATH"]
    for spoiled, said in (
        ("rulez = []", "did you mean rules"),
        ("rules = 3", "rules is no rule"),
        ("sets = 3", "sets is no table"),
        ("rules = [", "cannot be read"),
        ("", "no rule"),
    ):
        toml.write_text(spoiled)
        with pytest.raises(InputError, match=said):
            read_policy(toml)
    with pytest.raises(InputError, match="cannot be read"):
        read_policy(tmp_path / "absent.txt")


def test_a_policy_is_as_good_as_its_worst_check() -> None:
    def check(outcome: PolicyOutcome) -> PolicyCheck:
        return PolicyCheck("surer", "tuned", "AIME", outcome, "")

    assert worst([check("holds"), check("holds")]) == "holds"
    assert worst([check("holds"), check("cannot tell")]) == "cannot tell"
    assert worst([check("fails"), check("cannot tell")]) == "fails"
