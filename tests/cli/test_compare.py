"""`edgewise verify --compare`: agreement of two verifiers, and the label under each."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from edgewise import cli
from edgewise.boundary import Outcomes
from edgewise.boundary.measures.agreement import verifier_agreement
from edgewise.core.errors import InputError
from tests.cli.running import refusal


def outcomes(answer: list[int], problem: str = "aabb") -> Outcomes:
    return Outcomes.of(problem=list(problem), sample=[0, 1, 0, 1], answer=answer)


def test_agreement_counts_samples_that_both_graded() -> None:
    found = verifier_agreement(outcomes([1, 1, 0, 0]), outcomes([1, 0, 0, -1]))
    assert (found.both, found.only_first, found.only_second, found.neither, found.ungraded) == (1, 1, 0, 1, 1)
    assert found.graded == 3
    # 2 of 3 agree; by chance 2/3 x 1/3 + 1/3 x 2/3 = 4/9 would.
    assert found.kappa == pytest.approx((2 / 3 - 4 / 9) / (1 - 4 / 9))
    assert [(one.problem, one.only_first, one.only_second, one.samples) for one in found.problems] == [("a", 1, 0, 2)]
    assert np.isnan(verifier_agreement(outcomes([1] * 4), outcomes([1] * 4)).kappa)


def test_rows_may_stand_in_another_order_and_must_be_the_same_samples() -> None:
    first = outcomes([1, 0, 0, 1])
    turned = Outcomes.of(problem=list("bbaa"), sample=[1, 0, 1, 0], answer=[1, 0, 0, 1])
    assert verifier_agreement(first, turned).kappa == 1
    with pytest.raises(InputError, match="graded other samples"):
        verifier_agreement(first, Outcomes.of(problem=list("aabb"), sample=[0, 2, 0, 1], answer=[1, 0, 0, 1]))
    with pytest.raises(InputError, match="graded other problems"):
        verifier_agreement(first, outcomes([1, 0, 0, 1], "aacc"))
    with pytest.raises(InputError, match="process was not verified by both"):
        verifier_agreement(first, first, "process")


def verdicts(path: Path, lenient: float) -> str:
    """Two models of one skill, graded by a verifier that passes a share of the wrong answers of the tuned one."""
    rng = np.random.default_rng(0)
    right = rng.random((2, 150, 32)) < np.repeat(rng.beta(0.3, 1.5, 150), 32).reshape(150, 32)
    passed = rng.random((150, 32)) < lenient
    rows = [
        {
            "model": model,
            "problem_id": f"p{i}",
            "sample_id": s,
            "completion": f"{model} {i} {s}",
            "correct": bool(right[m, i, s] or (m == 1 and passed[i, s])),
        }
        for m, model in enumerate(("base", "tuned"))
        for i in range(150)
        for s in range(32)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def compare(*words: str) -> str:
    done = CliRunner().invoke(cli.app, ["verify", "--compare", *words], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def test_two_verifiers_and_the_label_under_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    verdicts(Path("strict.jsonl"), 0.0)
    verdicts(Path("lenient.jsonl"), 0.1)
    shown = " ".join(compare("strict.jsonl", "lenient.jsonl").split())
    assert "base" in shown and "1.000" in shown
    assert "tuned by strict.jsonl: unchanged @8" in shown
    assert "tuned by lenient.jsonl: more within 8 samples" in shown
    assert "tuned: they differ on" in shown and "base: they differ" not in shown


def test_bad_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    verdicts(Path("a.jsonl"), 0.0)
    Path("b.jsonl").write_text(Path("a.jsonl").read_text().replace('"tuned"', '"rl"'))
    for words, message in (
        (["--compare", "a.jsonl", "b.jsonl"], "has the models base, tuned and b.jsonl base, rl"),
        (["--compare", "a.jsonl", "a.jsonl"], "a.jsonl twice"),
        (["modular", "x.jsonl", "--compare", "a.jsonl", "b.jsonl"], "leave TASK, FILE and --out out"),
        (["modular"], "a TASK and a FILE are needed"),
    ):
        assert message in refusal(monkeypatch, capsys, "verify", *words)
