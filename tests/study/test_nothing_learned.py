"""Studies in which nothing was learned or solved say so in the first line of the terminal and of the page."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgewise.outcomes.io import read_outcomes
from edgewise.outcomes.outcomes import Outcomes
from edgewise.report.folder import write_report
from edgewise.report.terminal import print_audit
from edgewise.rl.recipe import Recipe
from edgewise.study.context import Context
from edgewise.study.measure import Findings, measure
from edgewise.study.nothing_learned import nothing_learned
from edgewise.study.run import run
from edgewise.study.stages import OUTCOMES, RL, Evaluate, Pretrain
from edgewise.study.study import Study
from tests.tiny import EASY, PARAMS, PRETRAIN

from .conftest import Finished

pytestmark = pytest.mark.usefixtures("in_this_process")

SAMPLING = {"prompts": 2, "samples": 4, "max_new_tokens": 36}


def evaluate(parent: Pretrain | RL) -> Evaluate:
    return Evaluate(parent=parent, world=EASY, problems=4, samples=4, sampling=PARAMS)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("stages")


def findings_of(root: Path, **sampling: Any) -> Findings:
    recipe = Recipe(steps=2, sampling=SAMPLING | sampling)
    study = Study(
        title="Nothing",
        question="Was anything learned?",
        base=evaluate(PRETRAIN),
        arms={"tuned": evaluate(RL(parent=PRETRAIN, world=EASY, recipe=recipe))},
        regions={"all": range(1, 2)},
    )
    return measure(study, run(study, Context(root, workers=1)))


def first_lines(findings: Findings, folder: Path, capsys: pytest.CaptureFixture[str]) -> tuple[str, str]:
    """The first line of the terminal, and the first alert of the page."""
    write_report(findings.audit, folder, examples=findings.examples, prompts=findings.prompts, study=findings)
    capsys.readouterr()
    print_audit(findings.audit, folder)
    page = (folder / "report.html").read_text()
    assert page.index('class="alerts"') < page.index('class="answers"')
    alert = page[page.index('class="alerts"') :]
    return capsys.readouterr().out.replace("\n", " "), alert[alert.index("<li") : alert.index("</li>")]


@pytest.mark.parametrize(
    ("at_zero", "messages", "forbids"),
    [
        ({"base"}, ["The base solves none of the 8 problems in 16 samples of each, so nothing"], False),
        ({"base", "tuned"}, ["No model solves any of the 8 problems in 16 samples of each: train"], True),
        ({"tuned"}, [], False),
        (set(), [], False),
    ],
)
def test_a_base_at_0_everywhere_is_told(
    finished: Finished, at_zero: set[str], messages: list[str], forbids: bool
) -> None:
    models: dict[str, Outcomes] = {}
    for name, evaluation in finished.study.evaluations.items():
        outcomes = read_outcomes(finished.store.folder(evaluation) / OUTCOMES)
        assert outcomes.process_S is not None
        models[name] = replace(outcomes, process_S=np.full_like(outcomes.process_S, name not in at_zero))
    found = list(nothing_learned(finished.study, finished.store, models))
    assert [(concern.forbids, concern.models) for concern in found] == [(forbids, ()) for _ in messages]
    assert all(concern.message.startswith(said) for concern, said in zip(found, messages, strict=True))


def test_rl_of_which_all_completions_are_cut_off_is_no_claim(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The base is fine and evaluated with room enough; RL gave its completions two tokens."""
    findings = findings_of(root, max_new_tokens=2)
    (concern,) = [concern for concern in findings.audit.concerns if concern.forbids]
    assert concern.models == ("tuned",) and concern.message == (
        "Nothing was learned: none of the 2 steps of rl had a gradient (0.0% of the samples were right, 100.0% of the"
        " samples were cut off). Train on problems that the parent solves now and then, or let completions be longer."
    )
    assert findings.audit.verdicts["tuned"].label == "cannot tell"
    terminal, page = first_lines(findings, tmp_path / "page", capsys)
    assert terminal.startswith("no claim: tuned: Nothing was learned") and "Nothing was learned" in page


def test_rl_whose_groups_are_all_filtered_is_no_claim(root: Path) -> None:
    findings = findings_of(root, filters={"zero_success_gate": 64})
    (concern,) = [concern for concern in findings.audit.concerns if concern.message.startswith("Nothing was learned")]
    assert concern.models == ("tuned",) and concern.forbids


def test_a_study_that_learns_says_nothing_of_it(root: Path) -> None:
    findings = findings_of(root, prompts=8)
    assert not any("learned" in c.message or "solves" in c.message for c in findings.audit.concerns)
