"""Equal compute: declared, refused where specs cannot come to it, measured after the run and told where missed."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from edgewise.core.atomic import write_json
from edgewise.core.errors import InputError
from edgewise.core.provenance import Provenance, Totals
from edgewise.core.spec import override
from edgewise.report.folder import write_report
from edgewise.report.terminal import print_audit
from edgewise.sampling.params import PowerSamplingParams
from edgewise.scaling.compute import ArmCompute
from edgewise.study.arm_compute import measured_compute
from edgewise.study.context import Context
from edgewise.study.equal_compute import EqualCompute
from edgewise.study.measure import Findings, measure
from edgewise.study.run import run
from edgewise.study.stages import RL, SFT, Midtrain, ModelStage, Stage
from edgewise.study.store import Store
from edgewise.study.study import Study
from edgewise.study.work import expected_work
from tests.cli.running import as_terminal, without_colors
from tests.study.conftest import Finished
from tests.tiny import BASE_EVALUATION, EASY, PRETRAIN, RECIPE, STUDY, TUNED

pytestmark = pytest.mark.usefixtures("in_this_process")

TRAINING = PRETRAIN.training


def on(parent: ModelStage) -> Any:
    return BASE_EVALUATION.model_copy(update={"parent": parent})


def mid(steps: int, seed: int = 0) -> Midtrain:
    return Midtrain(parent=PRETRAIN, world=EASY, training=override(TRAINING, [f"steps={steps}"]), seed=seed)


def rl(steps: int, parent: ModelStage = PRETRAIN, seed: int = 0, *settings: str) -> RL:
    return RL(parent=parent, world=EASY, recipe=override(RECIPE, [f"steps={steps}", *settings]), seed=seed)


def study(arms: dict[str, ModelStage], declared: EqualCompute | None = None) -> Study:
    return dataclasses.replace(STUDY, arms={name: on(arm) for name, arm in arms.items()}, equal_compute=declared)


def refusal(arms: dict[str, ModelStage], declared: EqualCompute) -> str:
    with pytest.raises(InputError) as caught:
        study(arms, declared)
    return str(caught.value)


CHARGED = EqualCompute(account="charged")


def test_arms_of_another_charge_are_refused_with_their_numbers() -> None:
    """A rollout is charged 4/3 of 2,048 tokens without a reference model: 4 x 8 of them a step, 4 and 5 steps."""
    message = refusal({"four": rl(4), "five": rl(5)}, CHARGED)
    four, five = (4 / 3 * 2048 * 4 * 8 * steps for steps in (4, 5))
    assert message == (
        f"equal_compute: arm 'five' is charged {five:.4g} tokens and 'four' {four:.4g} (allowed 5.0%); change the steps"
        " of one, or the slack"
    )
    study({"four": rl(4), "five": rl(5)}, EqualCompute(account="charged", slack=0.26))
    study(
        {"four": rl(4), "five": rl(5), "four, again": rl(4, seed=1)}, EqualCompute(("four", "four, again"), "charged")
    )


def test_a_reference_model_and_shorter_rollouts_change_the_charge() -> None:
    pulled = rl(4, PRETRAIN, 0, "loss.kl.coefficient=0.1")
    assert "'pulled' is charged 4.369e+05 tokens and 'free' 3.495e+05" in refusal(
        {"free": rl(4), "pulled": pulled}, CHARGED
    )
    shorter = EqualCompute(account="charged", rollout_tokens=100)
    assert "'five' is charged 2.133e+04 tokens" in refusal({"four": rl(4), "five": rl(5)}, shorter)


def test_the_charge_of_training_is_its_tokens_and_of_an_arm_that_of_all_its_stages() -> None:
    """Parents beyond the base count: 10 updates and a step of RL are more than ten updates."""
    message = refusal({"mid": mid(10), "both": rl(1, mid(10))}, CHARGED)
    found = re.search(r"'both' is charged ([\d.e+]+) tokens and 'mid' ([\d.e+]+) ", message)
    assert found is not None
    both, alone = map(float, found.groups())
    assert both - alone == pytest.approx(4 / 3 * 2048 * 4 * 8, rel=1e-3)
    gold = SFT(parent=PRETRAIN, world=EASY)
    work = expected_work(gold)
    assert work is not None and work.gold_tokens > 0
    assert f"'gold' is charged {work.gold_tokens:.4g} tokens" in refusal({"gold": gold, "mid": mid(10)}, CHARGED)


def test_specs_that_cannot_come_to_equal_flops_are_refused() -> None:
    message = refusal({"short": mid(10), "long": mid(20)}, EqualCompute())
    assert re.fullmatch(
        r"equal_compute: arm 'long' cannot have the FLOPs of 'short': at least [\d.]+e\+\d\d by its specs, and 'short'"
        r" at most [\d.]+e\+\d\d \(allowed 5\.0%\); change the steps of one, or the slack",
        message,
    )
    study({"short": mid(10), "long": mid(20)}, EqualCompute(slack=1.5))
    assert "arm 'long' cannot have" in refusal({"short": rl(4), "long": rl(400)}, EqualCompute())
    study({"short": rl(4), "long": rl(5)}, EqualCompute())  # what RL writes is known after the run


def test_of_seeds_the_mean_counts() -> None:
    def at_seeds(**arms: Any) -> Study:
        return dataclasses.replace(STUDY, arms=arms, seeds=(0, 1), equal_compute=EqualCompute())

    at_seeds(a=lambda s: on(mid(10 + 20 * s, s)), b=lambda s: on(mid(30 - 20 * s, s + 2)))
    with pytest.raises(InputError, match=r"arm 'a' cannot have the FLOPs of 'b'"):
        at_seeds(a=lambda s: on(mid(10 + 20 * s, s)), b=lambda s: on(mid(10, s + 2)))


@pytest.mark.parametrize(
    ("declared", "wrong"),
    [
        ({"arms": ("a",)}, "arms must be two or more different ones, are a"),
        ({"arms": ("a", "a")}, "arms must be two or more different ones, are a, a"),
        ({"account": "tokens"}, "account must be one of charged, flops, is 'tokens'"),
        ({"rollout_tokens": 0}, "rollout_tokens must be 1 or more, is 0"),
        ({"slack": -0.1}, "slack: must be 0 or more, is -0.1"),
        ({"slack": float("nan")}, "slack: must be 0 or more, is nan"),
    ],
)
def test_a_declaration_that_says_nothing_is_refused(declared: dict[str, Any], wrong: str) -> None:
    with pytest.raises(InputError) as caught:
        EqualCompute(**declared)
    assert str(caught.value).removeprefix("equal_compute: ") == wrong


def test_arms_that_are_not_there_or_train_nothing_are_refused() -> None:
    arms: dict[str, ModelStage] = {"a": rl(4), "b": rl(4, seed=1)}
    assert refusal(arms, EqualCompute(("a", "c"))) == "equal_compute: arms: 'c' must be an arm of the study: a, b"
    assert refusal({"a": rl(4)}, EqualCompute()) == (
        "equal_compute: the study has one arm, 'a'; equal compute needs two"
    )
    sharpened = BASE_EVALUATION.model_copy(update={"sampling": PowerSamplingParams(max_new_tokens=36)})
    with pytest.raises(InputError, match=r"^equal_compute: arm 'power' has no training beyond its base"):
        dataclasses.replace(STUDY, arms={"a": on(rl(4)), "power": sharpened}, equal_compute=EqualCompute())


def record(store: Store, stage: Stage, totals: Totals) -> None:
    """Stand in for a finished stage: what was recorded of it."""
    made = Provenance(
        digest="0",
        parents=(),
        seed=stage.seed,
        finished="2026-01-02T03:04:05+00:00",
        wall_seconds=7.0,
        totals=totals,
        ranks=1,
        device="cpu",
        backend={"name": "torch"},
        versions={},
        machine="x86_64",
    )
    store.folder(stage).mkdir(parents=True)
    write_json(store.folder(stage) / "provenance.json", made.model_dump())


def test_what_arms_took_is_summed_over_stages_and_averaged_over_seeds(tmp_path: Path) -> None:
    """Counted by hand: `both` is a mid-training of 100 or 200 tokens, then RL; what both arms share counts in each."""
    store = Store(tmp_path)
    both = dataclasses.replace(
        STUDY, arms={"mid": lambda s: on(mid(10, s)), "both": lambda s: on(rl(4, mid(10, s), s))}, seeds=(0, 1)
    )
    for seed in (0, 1):
        record(store, mid(10, seed), Totals(tokens=100.0 + 100 * seed, flops=1000.0, seconds=3.0))
        took = Totals(tokens=40.0, prompt_tokens=12.0 + 4 * seed, flops=500.0, seconds=0.0)
        record(store, rl(4, mid(10, seed), seed), took)
    found = measured_compute(both, store)
    assert found is not None and not found.declared and found.compared == ("mid", "both")
    charged = 4 / 3 * 2048 * 4 * 8 * 4
    assert found.arms["mid"] == ArmCompute(150.0, 0.0, 0.0, 150.0, 1000.0, 3.0)
    in_both = found.arms["both"]
    assert in_both.charged_tokens == pytest.approx(150.0 + charged)
    assert dataclasses.replace(in_both, charged_tokens=0.0) == ArmCompute(150.0, 14.0, 40.0, 0.0, 1500.0, 3.0 + 7.0)
    assert found.sentence == "both took 50.0% more FLOPs than mid (1.5e+03 and 1e+03)."
    assert found.equal is None and found.slack is None, "nothing was declared"
    declared = dataclasses.replace(both, equal_compute=EqualCompute(slack=0.6))
    told = measured_compute(declared, store)
    assert told is not None and told.equal and told.declared


def test_prompt_tokens_that_were_not_counted_are_not_told_as_none(tmp_path: Path) -> None:
    store = Store(tmp_path)
    arms: dict[str, ModelStage] = {"old": rl(4), "gold": SFT(parent=PRETRAIN, world=EASY)}
    record(store, arms["old"], Totals(tokens=40.0, flops=500.0))
    record(store, arms["gold"], Totals(flops=500.0, gold_tokens=60.0))
    found = measured_compute(study(arms), store)
    assert found is not None
    assert str(found.arms["old"].prompt_tokens) == "nan"
    gold = found.arms["gold"]
    assert (gold.training_tokens, gold.prompt_tokens, gold.charged_tokens) == (60.0, 0.0, 60.0)


def test_one_arm_is_compared_with_nothing(finished: Finished) -> None:
    assert measured_compute(STUDY, finished.store) is None
    assert measure(STUDY, finished.store).compute is None


@pytest.fixture(scope="module")
def missed(finished: Finished, tmp_path_factory: pytest.TempPathFactory) -> Findings:
    """RL of four steps beside one of five, declared equal to 1 in 1,000, which nobody can know before the run."""
    root = tmp_path_factory.mktemp("missed") / "store"
    shutil.copytree(finished.store.root, root)
    unequal = study({"four": TUNED, "five": rl(5)}, EqualCompute(slack=0.001))
    return measure(unequal, run(unequal, Context(root, workers=1)))


def test_missed_compute_is_the_first_thing_told(
    missed: Findings, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "400")
    compute = missed.compute
    assert compute is not None and compute.declared and not compute.equal
    told = f"Equal compute was declared, and missed. {compute.sentence} Change the steps of one arm."
    page = write_report(
        missed.audit, tmp_path, examples=missed.examples, prompts=missed.prompts, study=missed
    ).read_text("utf-8")
    alerts = page[page.index('class="alerts"') : page.index('class="answers"')]
    assert told in alerts and alerts.index("Equal compute") < alerts.index("</li>")
    print_audit(missed.audit, None, compute)
    assert capsys.readouterr().out.startswith(f"take care: {told}\n")


def test_the_page_the_record_and_the_terminal_have_the_numbers_of_each_arm(
    missed: Findings, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    as_terminal(monkeypatch, 120)
    compute = missed.compute
    assert compute is not None
    page = write_report(
        missed.audit, tmp_path, examples=missed.examples, prompts=missed.prompts, study=missed
    ).read_text("utf-8")
    section = page[page.index('id="compute"') : page.index('id="made"')]
    assert '<a href="#compute">' in page
    assert compute.sentence in section
    rows = re.findall(r"<tr><th scope=\"row\" class=\"edge\"><bdi>(\w+)</bdi></th>(.*?)</tr>", section)
    assert [arm for arm, _ in rows] == ["four", "five"]
    assert [len(re.findall("<td>", row)) for _, row in rows] == [6, 6] and "not recorded" not in section
    written = json.loads((tmp_path / "boundary.json").read_text("utf-8"))["compute"]
    assert written["arms"]["five"]["flops"] == compute.arms["five"].flops
    assert (written["sentence"], written["equal"], written["declared"]) == (compute.sentence, False, True)
    print_audit(missed.audit, None, compute)
    text = without_colors(capsys.readouterr().out)
    assert compute.sentence in " ".join(text.split()) and "charged" in text and max(map(len, text.splitlines())) <= 120
