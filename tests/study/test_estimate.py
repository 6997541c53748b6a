"""What a study takes is said before it runs: work from the spec, time from other seeds or a measurement."""

from __future__ import annotations

import dataclasses
import math
import shutil
from pathlib import Path

import pytest

from edgewise.core.spec import digest, override
from edgewise.report.study_plan import print_study_plan
from edgewise.rl.recipe import Recipe
from edgewise.sampling.params import PowerSamplingParams
from edgewise.study.calibration import ComputeRates, calibrate
from edgewise.study.estimate import estimate, makespan, root_digest
from edgewise.study.stages import Midtrain, RollOut, Stage
from edgewise.study.store import Store
from edgewise.study.study import Study
from edgewise.study.work import expected_work
from edgewise.training.execution import Execution
from tests.cli.running import exit_status
from tests.study.conftest import Finished
from tests.study.other_stages import Shrink
from tests.tiny import BASE_EVALUATION, EASY, PRETRAIN, RECIPE, STUDY, TUNED, TUNED_EVALUATION

ASKED = ("parent", "world", "split", "problems", "samples", "sampling")
RATES = ComputeRates(training=(2e9, 1e9, 3e9), sampling=(1e9, 1e9))


def at_seeds(*seeds: int) -> Study:
    """The tiny study with an RL run at each seed, from its one base."""
    return dataclasses.replace(
        STUDY,
        arms={"tuned": lambda s: BASE_EVALUATION.model_copy(update={"parent": TUNED.model_copy(update={"seed": s})})},
        seeds=seeds,
    )


@pytest.mark.parametrize(
    ("stage", "within"), [(PRETRAIN, 0.1), (TUNED, 0.35), (BASE_EVALUATION, 0.35), (TUNED_EVALUATION, 0.35)]
)
def test_expected_work_is_near_what_was_recorded(finished: Finished, stage: Stage, within: float) -> None:
    work, totals = expected_work(stage), finished.store.provenance(stage).totals
    assert work is not None
    assert work.tokens == pytest.approx(totals.tokens, rel=within)
    if stage is TUNED:  # groups without a signal are not trained on, and how many those are nobody knows before
        assert work.sampling_flops * (1 - within) < totals.flops < work.flops * (1 + within)
    else:
        assert work.flops == pytest.approx(totals.flops, rel=within)


def test_work_follows_what_the_spec_asks_for() -> None:
    work = expected_work(TUNED)
    assert work is not None

    def of(*settings: str) -> tuple[float, float, float]:
        recipe: Recipe = override(RECIPE, settings)
        changed = expected_work(TUNED.model_copy(update={"recipe": recipe}))
        assert changed is not None
        return (
            changed.tokens / work.tokens,
            changed.training_flops / work.training_flops,
            changed.sampling_flops / work.sampling_flops,
        )

    assert of("steps=8") == pytest.approx((2, 2, 2))
    assert of("optimizer.epochs=2") == pytest.approx((1, 7 / 3, 1)), "and one pass for old log-probabilities"
    assert of("loss.kl.coefficient=0.1") == pytest.approx((1, 4 / 3, 1))
    sharpened = expected_work(BASE_EVALUATION.model_copy(update={"sampling": PowerSamplingParams(max_new_tokens=36)}))
    plain = expected_work(BASE_EVALUATION)
    assert sharpened is not None and plain is not None and sharpened.flops > 5 * plain.flops


def test_work_ends_at_the_cut_and_rollouts_are_those_of_an_evaluation() -> None:
    whole = Midtrain(parent=PRETRAIN, world=EASY, training=PRETRAIN.training)
    cut = whole.model_copy(update={"training": PRETRAIN.training.model_copy(update={"stop": 30})})
    all_of_it, some = expected_work(whole), expected_work(cut)
    assert all_of_it is not None and some is not None
    assert (some.tokens, some.flops) == pytest.approx((all_of_it.tokens / 5, all_of_it.flops / 5)), "30 of 150 updates"
    drawn = RollOut.parse({name: getattr(BASE_EVALUATION, name) for name in ASKED})
    assert expected_work(drawn) == expected_work(BASE_EVALUATION)


def test_a_stage_of_another_kind_is_not_known() -> None:
    assert expected_work(Shrink(parent=PRETRAIN, world=EASY)) is None


def test_what_is_there_is_as_recorded_and_another_seed_takes_as_long(finished: Finished) -> None:
    found = estimate(at_seeds(0, 1), finished.store, 2, {})
    assert [(stage.name, stage.source) for stage in found.stages] == [
        ("base: pretrain", "there"),
        ("base: evaluate", "there"),
        ("tuned/0: rl", "there"),
        ("tuned/0: evaluate", "there"),
        ("tuned/1: rl", "other seeds"),
        ("tuned/1: evaluate", "other seeds"),
    ]
    *_, rl, evaluation = found.stages
    totals = [finished.store.provenance(stage).totals for stage in (TUNED, TUNED_EVALUATION)]
    assert (rl.tokens, rl.flops) == (totals[0].tokens, totals[0].flops)
    assert found.seconds == pytest.approx(totals[0].seconds + totals[1].seconds), "the second waits for the first"
    assert [stage.name for stage in found.missing] == [rl.name, evaluation.name]
    assert estimate(at_seeds(0), finished.store, 2, {}).seconds == 0


def test_what_nothing_is_there_of_is_calibrated(tmp_path: Path) -> None:
    unknown = estimate(STUDY, Store(tmp_path), 1, {})
    assert {stage.source for stage in unknown.stages} == {"not known"}
    assert all(math.isnan(stage.seconds) for stage in unknown.stages) and unknown.seconds == 0
    found = estimate(STUDY, Store(tmp_path), 1, {root_digest(PRETRAIN): RATES})
    assert {stage.source for stage in found.stages} == {"calibration"}
    work = expected_work(PRETRAIN)
    assert work is not None
    pretrain = found.stages[0]
    assert pretrain.seconds == pytest.approx(work.flops / 2e9)
    assert (pretrain.least_seconds, pretrain.most_seconds) == pytest.approx((work.flops / 3e9, work.flops / 1e9))
    assert found.seconds == pytest.approx(sum(stage.seconds for stage in found.stages)), "one after the other"
    assert found.least_seconds < found.seconds < found.most_seconds


def test_makespan_of_a_tree_by_hand() -> None:
    """pretrain 4; then its evaluation 3 beside rl 5; then the evaluation of rl 2."""
    stages = [PRETRAIN, BASE_EVALUATION, TUNED, TUNED_EVALUATION]
    seconds = {digest(stage): time for stage, time in zip(stages, (4.0, 3.0, 5.0, 2.0), strict=True)}
    assert makespan(seconds, stages, 1) == 14
    assert makespan(seconds, stages, 2) == 11
    assert makespan(seconds, stages[1:], 2) == 7, "what is there takes no time"
    assert makespan({}, [], 2) == 0


def test_a_calibration_measures_every_process() -> None:
    one = calibrate(PRETRAIN, Execution(), 1, seconds=0.01)
    assert len(one.training) == len(one.sampling) == 4
    assert min(*one.training, *one.sampling) > 1e6, "FLOP/s"
    two = calibrate(PRETRAIN, Execution(), 2, seconds=0.01)
    assert len(two.training) == len(two.sampling) == 8


def test_the_plan_names_each_stage_once_and_what_it_is_from(
    finished: Finished, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    print_study_plan(estimate(at_seeds(0, 1), finished.store, 2, {}))
    text = capsys.readouterr().out
    for name in at_seeds(0, 1).names().values():
        assert len([line for line in text.splitlines() if line.strip().startswith(f"{name} ")]) == 1
    assert "6 stages, 4 of them there." in text and "To compute: 2 stages, " in text
    assert text.count("as other seeds") == 2 and "Calibrated" not in text and "Not known" not in text
    assert max(map(len, text.splitlines()[:10])) <= 80


def test_plan_says_the_hours_and_writes_nothing(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert exit_status(monkeypatch, "plan", "edgewise.study.demo:demo", "--seeds", "2", "--workers", "1") == 0
    text = capfd.readouterr().out
    assert "12 stages, 0 of them there." in text
    assert "To compute: 12 stages, " in text and "on this machine with 1 stage at a time." in text
    assert "Calibrated: " in text
    assert not list(tmp_path.iterdir())


def test_a_store_of_other_settings_says_nothing(finished: Finished, tmp_path: Path) -> None:
    shutil.copytree(finished.store.root, tmp_path / "copied")
    longer = TUNED.model_copy(update={"recipe": RECIPE.model_copy(update={"steps": 5})})
    other = dataclasses.replace(STUDY, arms={"t": BASE_EVALUATION.model_copy(update={"parent": longer})})
    sources = {stage.name: stage.source for stage in estimate(other, Store(tmp_path / "copied"), 1, {}).stages}
    assert sources == {
        "base: pretrain": "there",
        "base: evaluate": "there",
        "t: rl": "not known",
        "t: evaluate": "not known",
    }
