"""examples/interplay.py: the toy pipeline runs whole by its command, and every scale is a study that can be run."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgewise.cli.loading import study_of
from edgewise.study.plan import topological_order
from edgewise.study.stages import RL, Midtrain
from examples.interplay import SCALES
from tests.examples.by_command import ROOT, boundary_of

INTERPLAY = f"{ROOT / 'examples' / 'interplay.py'}:interplay"


@pytest.mark.slow
def test_the_toy_pipeline_runs_and_compares_the_splits(tmp_path: Path) -> None:
    record = boundary_of("interplay.py:interplay", ["rl_shares=[0,0.5,1]"], tmp_path, scale="toy")
    assert record["models"] == ["base", "mid-training alone", "50% RL", "RL alone"]
    assert [part["name"] for part in record["sets"]] == ["in distribution", "rarely seen", "edge", "hard"]


def steps_by_arm(scale: str, account: str) -> dict[str, list[int]]:
    study = study_of(INTERPLAY, [f"account={account}"], None, scale)
    lines = {arm: topological_order([evaluation]) for arm, evaluation in study.evaluations.items()}
    return {
        arm: [
            stage.recipe.steps if isinstance(stage, RL) else stage.training.steps
            for stage in line
            if isinstance(stage, RL | Midtrain)
        ]
        for arm, line in lines.items()
    }


def test_half_of_the_charged_tokens_buy_half_of_the_steps() -> None:
    steps = steps_by_arm("nano", "charged")
    (midtraining,) = steps["mid-training alone"]
    assert steps["base"] == []
    assert steps["RL alone"] == [60]
    assert steps["50% RL"] == [midtraining // 2, 30]
    assert [steps[f"{share}% RL"][1] for share in (20, 80)] == [12, 48]


def test_flops_that_rl_does_not_take_buy_more_steps_of_it() -> None:
    steps, taken = steps_by_arm("nano", "flops"), SCALES["nano"]().taken
    (midtraining,) = steps["mid-training alone"]
    assert steps["RL alone"] == [60]
    for share in (0.2, 0.5, 0.8):
        mine = steps[f"{share:.0%} RL"]
        assert mine[0] == pytest.approx((1 - share) * midtraining, abs=1)
        assert mine[1] * taken[share] == pytest.approx(share * 60 * taken[1.0], abs=taken[share])


@pytest.mark.slow
def test_the_account_of_the_paper_gives_about_the_steps_of_its_table_3() -> None:
    steps = steps_by_arm("paper", "charged")
    table = {"20% RL": (6400, 40), "50% RL": (4000, 100), "80% RL": (1600, 160)}
    for arm, (midtraining, rl) in table.items():
        assert steps[arm] == [pytest.approx(midtraining, rel=0.01), rl]


@pytest.mark.slow
def test_the_small_pipeline_is_a_study_that_can_be_run() -> None:
    assert steps_by_arm("small", "flops")["RL alone"] == [100]
