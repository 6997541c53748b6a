"""The command line as its user meets it: bad input is one line and exit status 2."""

from __future__ import annotations

import errno
import os
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from edgewise.cli import study
from edgewise.cli.loading import study_of
from edgewise.cli.options import StudyChoice
from edgewise.core.errors import InputError
from edgewise.study.outline import read_outline
from edgewise.study.plan import topological_order
from edgewise.study.store import Store
from tests.cli.running import exit_status, refusal
from tests.tiny import identity

TINY = [
    "pretraining.steps=3",
    "pretraining.documents=4",
    "rl.steps=1",
    "rl.sampling.prompts=2",
    "rl.sampling.samples=2",
    "rl.sampling.max_new_tokens=16",
    "problems=2",
    "samples=8",
    "covered=2",
    "rare=3",
    "edge=3",
    "hard=4",
]


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["demo", "rl.stepz=3"], "'stepz'"),
        (["demo", "rl.steps"], "rl.steps"),
        (["demo", "rl.steps=none"], "rl.steps"),
        (["demo", "rl.sampling.samples=1"], "rl: sampling.samples: advantage grpo compares"),
        (["demo", "rl.advantage=best"], "rl.advantage"),
        (["demo", "edge=99"], "edge 99"),
        (["demo", "world.letters=3"], "letters"),
        (["demo", "world.modulus=1"], "modulus"),
        (["demo", "samples=4"], "samples"),
        (["demo", "model.heads=5"], "heads 5"),
        (["demo", "--device", "abacus"], "device"),
        (["demo", "--backend", "abacus"], "backend: must be auto, torch, native"),
        (["run", "edgewise.study.demo:demo", "--shard"], "shard: divides a model among ranks, and there is one"),
        (["run", "edgewise.study.demo"], "MODULE:FUNCTION"),
        (["run", "edgewise.nothing:demo"], "edgewise.nothing"),
        (["run", "edgewise.study.demo:nothing"], "'nothing'"),
        (["run", "absent.py:demo"], "absent.py"),
        (["run", "edgewise.core.keyed:key"], "Spec"),
        (["run"], "STUDY: must be given"),
        (["run", "--verify", "."], "holds no finished stage"),
        (["run", "--verify", "absent"], "absent: holds no finished stage"),
        (["run", "edgewise.nothing:demo", "--verify", "."], "edgewise.nothing"),
        (["demo", "seed=1"], "seed=1: edgewise.study.demo:demo has no field `seed`; give training seeds as --seeds"),
        (["demo", "--seeds", "none"], "--seeds: 'none'; write 5 for the seeds 0 to 4"),
        (["demo", "--seeds", "17"], "102 stages to compute, more than 100"),
        (["run", "edgewise.study.demo:demo", "--scale", "nano"], "--scale: edgewise.study.demo:demo has no field"),
    ],
)
def test_bad_input_is_one_line_that_names_it(
    words: list[str], named: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert named in refusal(monkeypatch, capsys, *words)
    assert not list(tmp_path.iterdir()), "nothing may be written before the input is known to be good"


def test_a_full_disk_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "rollouts.parquet")

    monkeypatch.setattr(study, "_run", full)
    assert exit_status(monkeypatch, "demo", "--out", str(tmp_path)) == 2
    assert capsys.readouterr().err == (
        "error: rollouts.parquet: No space left on device; what is complete is kept, run again to go on\n"
    )


def stage_folders(root: Path) -> list[Path]:
    """The folders of a run that are not a report's."""
    return [path for path in root.iterdir() if path.is_dir() and not (path / "report.html").exists()]


def test_demo_end_to_end_then_from_the_store(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """A tiny demo writes a report with a verdict per arm; a second run reuses every stage, and needs to write nothing.

    Where nothing can be written the verdict is printed, with a line that says so.
    """
    command = [sys.executable, "-m", "edgewise", "demo", *TINY, "--out", str(tmp_path)]
    first = subprocess.run(command, capture_output=True, text=True, check=False)
    assert first.returncode == 0, first.stderr
    assert "in-distribution RL: " in first.stdout
    assert "edge RL: " in first.stdout
    folder = tmp_path / StudyChoice("edgewise.study.demo:demo", TINY).report_name()
    assert (folder / "report.html").stat().st_size > 100_000
    assert (folder / "boundary.json").exists() and any((folder / "tables").iterdir())
    outline = read_outline(folder / "study.json")
    assert {stage.folder for stage in outline.stages} == {path.name for path in stage_folders(tmp_path)}
    assert outline.command == shlex.join(["edgewise", *command[3:]])
    assert f"report: {folder / 'report.html'}" in first.stdout
    made = {folder.name: folder.stat().st_mtime_ns for folder in stage_folders(tmp_path)}
    assert len(made) == 6, "a base, two arms, and an evaluation of each"
    before = identity(tmp_path)
    monkeypatch.setattr(study, "_is_writable", lambda _: False)
    assert exit_status(monkeypatch, *command[3:]) == 0
    shown = capfd.readouterr()
    assert "edge RL: " in shown.out and "report: " not in shown.out
    assert shown.err == f"warning: the report is not written: {folder} cannot be written to\n"
    assert identity(tmp_path) == before
    assert {folder.name: folder.stat().st_mtime_ns for folder in stage_folders(tmp_path)} == made


@pytest.mark.parametrize(
    ("name", "settings", "folder"),
    [
        ("edgewise.study.demo:demo", [], "demo"),
        ("edgewise.study.demo:demo", ["samples=8", "rl.steps=100"], "demo,rl.steps=100,samples=8"),
        ("edgewise.study.demo:demo", ["rl.steps=100", "samples=8"], "demo,rl.steps=100,samples=8"),
        ("some/where/my_study.py:my_study", ["samples=8"], "my_study,samples=8"),
        ("my_study.py:other", [], "my_study.other"),
        ("package.studies:long", [], "studies.long"),
    ],
)
def test_each_study_and_each_setting_of_it_has_a_folder_for_its_report(
    name: str, settings: list[str], folder: str
) -> None:
    assert StudyChoice(name, settings).report_name() == folder


@pytest.mark.parametrize(
    ("seeds", "scale", "folder"),
    [
        ("5", None, "demo,samples=8,seeds=0-4"),
        ("0-4", None, "demo,samples=8,seeds=0-4"),
        ("0,3,7", None, "demo,samples=8,seeds=0,3,7"),
        (None, "nano", "demo,samples=8,scale=nano"),
    ],
)
def test_seeds_and_scale_stand_in_the_name_of_the_folder(seeds: str | None, scale: str | None, folder: str) -> None:
    assert StudyChoice("edgewise.study.demo:demo", ["samples=8"], seeds, scale).report_name() == folder


SCALED = """
from typing import Literal

from edgewise.core.spec import Spec
from edgewise.study.demo import DemoSpec, demo


class Scaled(Spec):
    scale: Literal["nano", "paper"] = "paper"
    samples: int = 8


def study(spec: Scaled):
    return demo(DemoSpec(problems=2 if spec.scale == "nano" else 50, samples=spec.samples))
"""


def test_a_scale_is_set_before_the_settings_and_must_be_one_that_the_spec_knows(tmp_path: Path) -> None:
    (tmp_path / "scaled.py").write_text(SCALED)
    name = f"{tmp_path / 'scaled.py'}:study"
    found = study_of(name, ["samples=16"], "2", "nano").evaluations
    assert list(found)[:2] == ["base/0", "base/1"]
    assert {(e.problems, e.samples) for e in found.values()} == {(2, 16)}
    assert {e.problems for e in study_of(name, [], None, "paper").evaluations.values()} == {50}
    with pytest.raises(InputError, match=r"^--scale: scale: Input should be 'nano' or 'paper'[^\n]*$"):
        study_of(name, [], None, "huge")


def test_many_stages_are_started_where_that_is_meant(tmp_path: Path) -> None:
    whole, store = study_of("edgewise.study.demo:demo", TINY, "17"), Store(tmp_path)
    with pytest.raises(InputError, match=r"^102 stages to compute, more than 100: [^\n]*--yes$"):
        study.check_stages_to_compute(whole, store, yes=False)
    study.check_stages_to_compute(whole, store, yes=True)
    for stage in list(topological_order(whole.evaluations.values()))[:2]:
        store.folder(stage).mkdir(parents=True)
        (store.folder(stage) / "provenance.json").touch()
    study.check_stages_to_compute(whole, store, yes=False)


def test_settings_that_make_no_name_of_a_folder_are_told_apart_by_a_digest() -> None:
    settings = ["rl=dapo/small", "rl=dapo-small/", "a=" + "1" * 90, "a= b"]
    names = [StudyChoice("x:x", [setting]).report_name() for setting in settings]
    assert len(set(names)) == 4 and all(re.fullmatch(r"x-[0-9a-f]{8}", name) for name in names)


def test_a_folder_that_cannot_be_written_to_is_known() -> None:
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        assert study._is_writable(root) and study._is_writable(root / "not" / "there")
        root.chmod(0o555)
        # The superuser may write anywhere, so this is done as nobody.
        superuser = os.geteuid() == 0
        if superuser:
            os.seteuid(65534)
        try:
            assert not study._is_writable(root) and not study._is_writable(root / "not" / "there")
        finally:
            if superuser:
                os.seteuid(0)
            root.chmod(0o755)


MINE = """
from typing import ClassVar, Literal

from edgewise.core.spec import Spec
from edgewise.sampling.params import SamplingParams
from edgewise.study.stages import Evaluate, ModelStage, Pretrain, Stage, register_stage
from edgewise.study.stages.artifacts import load_parent, save_model
from edgewise.study.study import Study
from edgewise.tasks import AnyWorld, ModularArithmetic
from edgewise.training.next_token import NextTokenSpec
from edgewise.core.provenance import Totals


class Small(ModularArithmetic):
    world: Literal["small"] = "small"


@register_stage
class Unchanged(Stage):
    produces: ClassVar[Literal["model", "rollouts"]] = "model"
    kind: Literal["unchanged"] = "unchanged"
    version: Literal[1] = 1
    parent: ModelStage
    world: AnyWorld

    def run(self, parents, folder, execution):
        folder.path.mkdir(exist_ok=True)
        save_model(*load_parent(parents[0], self.world, execution), folder)
        return Totals()


class Mine(Spec):
    steps: int = 2


def study(spec: Mine) -> Study:
    world = Small(max_op=2, modulus=5, letters=4)
    base = Pretrain(world=world, training=NextTokenSpec(steps=spec.steps, documents=4))
    evaluate = lambda parent: Evaluate(
        parent=parent, world=world, problems=2, samples=8, sampling=SamplingParams(max_new_tokens=16)
    )
    return Study("Mine", "Is it?", evaluate(base), {"arm": evaluate(Unchanged(parent=base, world=world))},
                 {"all": range(1, 3)})
"""


@pytest.mark.slow
def test_a_study_in_a_file_brings_its_own_stage_and_world_to_the_workers(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(MINE)
    command = [sys.executable, "-m", "edgewise", "run", f"{tmp_path / 'mine.py'}:study", "steps=3"]
    out = tmp_path / "runs"
    done = subprocess.run([*command, "--workers", "1", "--out", str(out)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (out / "mine.study,steps=3" / "report.html").exists()
    kinds = sorted(folder.name.rpartition("-")[0] for folder in stage_folders(out))
    assert kinds == ["evaluate", "evaluate", "pretrain", "unchanged"]


IMPOSSIBLE = """
from edgewise import RL, Evaluate, Pretrain, Study
from edgewise.core.spec import Spec
from edgewise.model.decoder import DecoderSpec
from edgewise.rl.recipe import Recipe
from edgewise.sampling.params import SamplingParams
from edgewise.tasks import ModularArithmetic, StringFunctions
from edgewise.training.next_token import NextTokenSpec

WORLD = ModularArithmetic(max_op=2, modulus=5, letters=4)
RECIPE = Recipe(steps=6, sampling={"prompts": 4, "samples": 4, "max_new_tokens": 48})


class S(Spec):
    tokens: int = 48
    problems: int = 4


def pretrained(steps):
    return Pretrain(world=WORLD, model=DecoderSpec(max_positions=96), training=NextTokenSpec(steps=steps, documents=8))


def study_of(spec, arms, **fields):
    def ev(parent):
        return Evaluate(parent=parent, world=WORLD, problems=spec.problems, samples=4,
                        sampling=SamplingParams(max_new_tokens=spec.tokens), **fields)
    base = pretrained(30)
    arms = {name: ev(parent or base) for name, parent in arms.items()}
    return Study(title="t", question="q", base=ev(base), arms=arms, regions={"all": range(1, 3)})


def tuned(base, world=WORLD):
    return RL(parent=base, world=world, recipe=RECIPE)


def foreign(spec: S):
    return study_of(spec, {"rl": tuned(pretrained(60))})


def same(spec: S):
    return study_of(spec, {"a": None, "b": None})


def none(spec: S):
    return study_of(spec, {})


def wordless(spec: S):
    return study_of(spec, {"x": tuned(pretrained(30), StringFunctions())})


def train(spec: S):
    return study_of(spec, {"x": tuned(pretrained(30))}, split="train")


def possible(spec: S):
    return study_of(spec, {"x": tuned(pretrained(30))})


def noreturn(spec: S):
    pass
"""


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["foreign"], "arm 'rl': its model was not made from the base's"),
        (["same"], "arm 'a': is the same evaluation of the same model as 'base'"),
        (["none"], "arms: the study has none"),
        (["wordless"], "x: rl: world: the parent's model has no word"),
        (["train"], "'base': evaluates on split 'train', on which its pretrain stage trains"),
        (["possible", "tokens=90"], "base: evaluate: max_new_tokens: prompt of "),
        (["possible", "problems=1000"], "base: evaluate: problems: only "),
        (["noreturn"], "impossible.py:noreturn: must return a Study, returned NoneType"),
        (["S"], "impossible.py:S: must take one argument annotated with its Spec"),
        (["RECIPE"], "impossible.py:RECIPE: must be a function"),
    ],
)
def test_a_study_that_cannot_be_is_one_line_before_anything_is_computed(
    words: list[str], message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "impossible.py").write_text(IMPOSSIBLE)
    said = refusal(monkeypatch, capsys, "run", f"impossible.py:{words[0]}", *words[1:], "--out", "runs")
    assert said.startswith(f"error: {message}")
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("def study(spec: Mine) -> None: ...", "must return a Study, returned NoneType"),
        ("class study(Mine): ...", "must take one argument annotated with its Spec"),
        ('def study(spec: "Absent") -> None: ...', "its annotations cannot be resolved"),
    ],
)
def test_a_function_that_returns_no_study_is_refused_in_one_line(body: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "wrong_study.py"
    file.write_text(f"from edgewise.core.spec import Spec\n\n\nclass Mine(Spec): ...\n\n\n{body}\n", encoding="utf-8")
    with pytest.raises(InputError, match=message):
        study_of(f"{file}:study", [])


@pytest.mark.slow
def test_recorded_stages_are_verified_and_code_of_one_s_own_is_brought_by_its_study(tmp_path: Path) -> None:
    """Equal: 0, different: 1, own code unknown or edited: 2; one line each time, and the store is not touched."""
    (tmp_path / "mine.py").write_text(MINE)
    out, words = tmp_path / "runs", [f"{tmp_path / 'mine.py'}:study", "steps=3"]

    def edgewise_run(*arguments: str) -> tuple[int, str, str]:
        command = [sys.executable, "-m", "edgewise", "run", *arguments, "--workers", "1"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout, done.stderr

    assert edgewise_run(*words, "--out", str(out))[0] == 0
    before = identity(out)
    status, said, _ = edgewise_run(*words, "--verify", str(out))
    assert (status, said) == (0, "equal: 4 stages, 15 outputs, recomputed from specs alone\n")
    status, said, error = edgewise_run("--verify", str(out))
    assert (status, said) == (2, "") and "what a study of your own brings is known with it" in error
    assert error.count("\n") == 1
    assert identity(out) == before
    (evaluation, *_) = out.glob("evaluate-*")
    (evaluation / "outcomes.parquet").rename(evaluation / "verdicts.parquet")
    status, said, _ = edgewise_run(*words, "--verify", str(evaluation))
    assert status == 1 and said.startswith(f"differs: {evaluation.name}: ") and said.count("\n") == 1
    (tmp_path / "mine.py").write_text(MINE.replace("    return Totals()", "    return Totals(tokens=2.0)"))
    status, said, error = edgewise_run(*words, "--verify", str(out))
    assert (status, said) == (2, "") and re.match(r"error: .*unchanged-\w{16}: the code of its class was edited", error)
