"""Running a claim: its digest is that before the run, and numbers that are so by construction are noted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from edgewise.claims.ledger import identity
from edgewise.claims.ledger.identity import claim_digest
from edgewise.claims.ledger.run import claim_record, studies_of_claim
from edgewise.core.spec import override
from edgewise.study.context import Context
from edgewise.study.run import run
from edgewise.study.stages import RL, Evaluate
from edgewise.study.study import Study
from tests.study.in_process import compute_in_this_process
from tests.tiny import EASY, PRETRAIN, RECIPE

from .toy_claim import CLAIM, evaluated


def studies(scale: str, seeds: tuple[int, ...]) -> Mapping[str, Study]:
    """RL beside RL whose completions are all cut off after a token: none is right, so that there is no gradient.

    The second study reads the same models; the third has another model of the same name.
    """

    def tuned(*settings: str) -> Evaluate:
        return evaluated(RL(parent=PRETRAIN, world=EASY, recipe=override(RECIPE, settings)))

    def study(hard: Evaluate, temperature: float = 1.0) -> Study:
        def at(evaluation: Evaluate) -> Evaluate:
            return override(evaluation, [f"sampling.temperature={temperature}"])

        return Study(
            title="Tiny",
            question="Does it run?",
            base=at(evaluated(PRETRAIN)),
            arms={"tuned": at(tuned()), "hard": at(hard)},
            regions={"inside": range(1, 2), "outside": range(2, 3)},
        )

    cut_off = tuned("reward.function=process", "sampling.max_new_tokens=1")
    longer = tuned("reward.function=process", "sampling.max_new_tokens=1", "steps=3")
    if scale == "toy":
        return {"T=1": study(cut_off), "T=0.6": study(cut_off, 0.6)}
    return {"T=1": study(cut_off), "longer": study(longer)}


def test_an_arm_without_a_gradient_is_noted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    compute_in_this_process(monkeypatch)
    claim = replace(CLAIM, studies=studies)
    of_claim = studies_of_claim(claim, "nano", (0,))
    store = run(of_claim.stages, Context(tmp_path))
    notes = claim_record(claim, "nano", (0,), of_claim, store).notes
    assert [note.split(" steps")[0] for note in notes] == [
        "T=1: hard: Nothing was learned: none of the 4",
        "longer: hard: Nothing was learned: none of the 3",
    ]


def test_a_model_under_two_decodings_is_noted_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    compute_in_this_process(monkeypatch)
    claim = replace(CLAIM, studies=studies)
    of_claim = studies_of_claim(claim, "toy", (0,))
    store = run(of_claim.stages, Context(tmp_path))
    (note,) = claim_record(claim, "toy", (0,), of_claim, store).notes
    assert note.startswith("hard: Nothing was learned: none of the 4 steps of rl had a gradient")


def test_the_digest_is_that_before_the_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An edit of the claim's file while it runs must not be taken for what was registered."""
    compute_in_this_process(monkeypatch)
    of_claim = studies_of_claim(CLAIM, "nano", (0,))
    before = claim_digest(CLAIM, "nano", of_claim.by_name)
    store = run(of_claim.stages, Context(tmp_path))
    monkeypatch.setattr(identity, "source_digest", lambda module: "edited")
    assert claim_digest(CLAIM, "nano", of_claim.by_name) != before
    assert claim_record(CLAIM, "nano", (0,), of_claim, store).digest == before
