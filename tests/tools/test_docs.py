"""Command lines, Python blocks and links of README and docs/ work as printed; guides run from top to bottom."""

from __future__ import annotations

import ast
import importlib
import json
import re
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from edgewise import RL, Evaluate, Pretrain
from edgewise.cli.entry import app
from edgewise.cli.loading import study_of
from edgewise.model.decoder import Decoder, DecoderSpec
from edgewise.model.hf import save_pretrained
from edgewise.model.tokenizer import Tokenizer
from edgewise.rl.advantages.base import ADVANTAGES
from edgewise.rl.recipes.registry import named_recipe
from edgewise.study import run as study_run
from edgewise.study.context import Context
from edgewise.study.store import folder_name
from edgewise.tasks import ModularArithmetic
from edgewise.tasks.named import world_of
from tests import tiny
from tests.cli import test_study as demo_study
from tests.examples import test_my_study as own_study
from tests.scaling.curves import planted
from tests.study.in_process import compute_in_this_process
from tests.tasks.graph.rows import all_rows
from tests.tools.documents import Block, PageRun, blocks_of

ROOT = Path(__file__).parents[2]
NAMES: dict[str, Any] = {
    "Pretrain": Pretrain,
    "RL": RL,
    "Evaluate": Evaluate,
    "ModularArithmetic": ModularArithmetic,
    "named_recipe": named_recipe,
}
DOCS = ROOT / "docs"
PAGES = [*ROOT.glob("*.md"), *(path for path in DOCS.rglob("*.md") if path.name != "LOG.md")]
# Their blocks build on each other.
GUIDES = [DOCS / f"{name}.md" for name in ("start", "report", "write_a_world", "write_an_algorithm", "hand_over")]
# Each of their commands stands for itself.
OTHERS = [page for page in PAGES if page not in GUIDES and any(block.commands() for block in blocks_of(page))]
ONE_STEP = ["pretraining.steps=3", "pretraining.documents=4", "rl.steps=1", "rl.sampling.prompts=2", "problems=2"]
TOY = {
    "demo": [*demo_study.TINY, "rl.optimizer.minibatches=1"],
    "examples/my_study.py:my_study": own_study.TINY,
    "examples/my_algorithm.py:median_against_mean": [*ONE_STEP, "rl.sampling.samples=2", "samples=8"],
}
# Commands that no test runs as printed, by how they begin; they are still parsed.
NOT_RUN = {
    "torchrun": "several processes: tests/training/test_sharding.py",
    "edgewise rollouts": "a model of gigabytes: tests/cli/test_rollouts.py",
    "edgewise watch": "it serves until it is stopped: tests/cli/test_watch.py",
    "edgewise claims run": "hours: tests/claims runs every claim at toy size",
    "edgewise claims verify": "hours: tests/claims",
    "edgewise claims plan": "a minute: tests/cli/test_claims.py",
    "edgewise fit runs/": "RL of many steps: tests/cli/test_fit.py",
    "edgewise run examples/my_study.py:my_study --on ray": "Ray: tests/study/test_elsewhere.py",
    "edgewise run --verify": "names of stages that only their reader has: tests/cli/test_study.py",
    "edgewise run examples/my_study.py:my_study --verify": "the same",
    "edgewise run examples/interplay.py": "minutes: tests/examples/test_interplay.py",
    "edgewise runs compare": "names of stages that only their reader has: tests/cli/test_study.py",
    "edgewise runs unused --remove": "it asks: tests/cli",
    "edgewise export verl runs/rl-": "names of stages that only their reader has: tests/interop/writers",
    "edgewise export trl runs/rl-": "the same",
    "edgewise claims": "records of the repository: tests/cli/test_claims.py",
}


def blocks(pages: list[Path]) -> list[Block]:
    return [block for page in pages for block in blocks_of(page)]


def command_lines() -> list[str]:
    """Every line of a shell block that runs `edgewise`, without its comment and redirection."""
    lines = {line.partition(" > ")[0] for block in blocks(PAGES) for line in block.commands()}
    return sorted(lines)


def python_blocks() -> list[str]:
    """Blocks of Python that stand alone: `python` is complete, `py` leaves out the imports that `NAMES` stands for."""
    pages = [page for page in PAGES if page not in GUIDES]
    return [block.text for block in blocks(pages) if block.language in ("py", "python") and not block.not_run]


def test_there_are_commands_and_python_to_check() -> None:
    assert len(command_lines()) > 55 and len(python_blocks()) > 10
    audit = blocks_of(DOCS / "audit.md")
    assert [block.language for block in audit].count("python") == 2 and audit[0].text.count("\n") == 1


@pytest.fixture(autouse=True)
def advantages_of_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a page or an example registers is gone after the test, as other tests import the same example."""
    ours = {kind: spec for kind, spec in ADVANTAGES.specs().items() if spec.__module__.startswith("edgewise.")}
    monkeypatch.setattr(ADVANTAGES, "_specs", ours)


@pytest.mark.parametrize("line", command_lines())
def test_a_command_line_is_accepted(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its options parse, and its settings fit what it names; nothing is run."""
    monkeypatch.chdir(ROOT)
    words = shlex.split(line)
    name, *arguments = words[words.index("edgewise") + 1 :]
    command = typer.main.get_command(app).commands[name]  # type: ignore[attr-defined]
    if arguments and arguments[0] in getattr(command, "commands", {}):
        command = command.commands[arguments.pop(0)]
    parsed = command.make_context(name, list(arguments)).params
    if name == "demo":
        study_of("edgewise.study.demo:demo", parsed["settings"] or [])
    elif name == "run" and parsed["study"]:
        study_of(parsed["study"], parsed["settings"] or [])
    elif name in ("problems", "verify") and parsed["task"]:
        world_of(parsed["task"], parsed["knobs"] or [])
    elif name == "recipes":
        for recipe in (parsed["names"] or [])[-2:]:
            assert recipe == "diff" or named_recipe(recipe)


def prepare(folder: Path) -> None:
    """What the pages presume: rollouts of two models, a trained model, the examples, dumps of verl's validations."""
    for model, step in (("base", 3), ("tuned", 4)):
        # The base never solves half of the problems.
        samples = [
            {"problem_id": f"p{p}", "correct": (7 * p + step * s) % 5 == 0 and (p % 2 == 0 or model == "tuned")}
            for p in range(20)
            for s in range(16)
        ]
        (folder / f"{model}.jsonl").write_text("".join(json.dumps(sample) + "\n" for sample in samples))
    tokenizer = Tokenizer(ModularArithmetic().words())
    save_pretrained(Decoder(DecoderSpec(), len(tokenizer)), tokenizer, folder / "model")
    shutil.copytree(ROOT / "examples", folder / "examples", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "tests" / "interop" / "files" / "verl_dapo", folder / "validation")
    for name in ("s1", "s2", "s3", "b1", "b2", "b3"):
        rows = (folder / ("base.jsonl" if name.startswith("b") else "tuned.jsonl")).read_text().splitlines()
        # Another run: one problem turns out otherwise.
        rows[int(name[1])] = json.dumps({"problem_id": "p0", "correct": name.startswith("b")})
        (folder / f"{name}.jsonl").write_text("\n".join(rows) + "\n")
    places = {"runs/base": "base", "a": "s1", "b": "s2", "runs/s1": "s1", "runs/s2": "s2", "runs/s3": "s3"}
    for place, name in places.items():
        (folder / place).mkdir(parents=True)
        shutil.copy(folder / f"{name}.jsonl", folder / place / "rollouts.jsonl")
    (folder / "curve.csv").write_text(curve_rows("compute,reward,seed"), encoding="utf-8")
    columns = {"gpu_hours": 0, "pass_rate": 1, "run": 2}
    lines = [line.split(",") for line in curve_rows("").splitlines()[1:]]
    rows = [json.dumps({name: float(line[place]) for name, place in columns.items()}) for line in lines]
    (folder / "evaluations.jsonl").write_text("\n".join(rows) + "\n", encoding="utf-8")


def prepare_study(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the page on handing over presumes: the report of a study with an arm of RL, as small as can be."""
    compute_in_this_process(monkeypatch)
    training = tiny.PRETRAIN.training.model_copy(update={"steps": 2})
    base = tiny.PRETRAIN.model_copy(update={"training": training})
    tuned = RL(parent=base, world=tiny.EASY, recipe=tiny.RECIPE)
    study_run.run([tuned], Context(root=folder / "runs"))
    (folder / "runs/demo").mkdir()
    record = {"stages": [{"name": "edge RL: rl", "folder": folder_name(tuned)}]}
    (folder / "runs/demo/boundary.json").write_text(json.dumps(record), encoding="utf-8")


def curve_rows(head: str) -> str:
    """A CSV of a sigmoid in compute over three training seeds."""
    points = planted(4.6, seeds=3, points=24, rng=0)
    rows = zip(points.x_N, points.y_N, points.seed_N, strict=True)
    return "\n".join([head, *(f"{compute:.6g},{reward:.5f},{seed}" for compute, reward, seed in rows)]) + "\n"


def completed(world: str, *knobs: str) -> str:
    """What `edgewise verify` reads: printed problems, each with its gold solution or an answer that is wrong."""
    printed = CliRunner().invoke(app, ["problems", world, *knobs, "--split", "test", "--count", "20", "--json"])
    rows = [json.loads(line) for line in printed.output.splitlines()]
    return "".join(json.dumps(row | {"completion": row["solution"], "sample": s}) + "\n" for row in rows for s in "01")


@pytest.mark.parametrize("block", python_blocks(), ids=lambda block: block.split("\n")[0])
def test_a_python_block_runs(block: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    prepare(tmp_path)
    row: dict[str, Any] = all_rows()[0]
    exec(block, NAMES | {"row": row, "completion": row["solution"]})


# The start runs a demonstration, which has tests of its own.
@pytest.mark.parametrize(
    "page",
    [pytest.param(page, marks=pytest.mark.slow if page.stem == "start" else [], id=page.stem) for page in GUIDES],
)
def test_a_guide_runs_from_top_to_bottom(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    prepare(tmp_path)
    if page.stem == "hand_over":
        prepare_study(tmp_path, monkeypatch)
    run = PageRun(monkeypatch, capsys, TOY, tuple(NOT_RUN))
    for block in blocks_of(page):
        if not block.not_run:
            run.run(block)


@pytest.mark.slow
@pytest.mark.parametrize("page", OTHERS, ids=lambda page: page.stem)
def test_the_commands_of_a_page_run(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    prepare(tmp_path)
    world = ["strings", "max_calls=4"] if page.stem == "worlds" else ["graph"]
    (tmp_path / "done.jsonl").write_text(completed(*world), encoding="utf-8")
    if page.stem == "worlds":
        CliRunner().invoke(app, ["verify", world[0], "done.jsonl", *world[1:], "--out", "base.jsonl"])
    run = PageRun(monkeypatch, capsys, TOY, tuple(NOT_RUN))
    for block in blocks_of(page):
        if block.language == "sh":
            run.run(block)


def test_a_command_that_is_not_run_is_in_a_page() -> None:
    for beginning in NOT_RUN:
        assert [line for line in command_lines() if line.startswith(beginning)], beginning


def test_tests_that_stand_for_what_is_not_run_exist() -> None:
    reasons = [*NOT_RUN.values(), *(block.not_run or "" for block in blocks(PAGES))]
    named = [name for reason in reasons for name in re.findall(r"tests/[\w/.]+", reason)]
    assert named and not [name for name in named if not (ROOT / name).exists()]


@pytest.mark.parametrize("block", [block for block in blocks(PAGES) if block.not_run], ids=lambda block: block.not_run)
def test_a_block_that_is_not_run_names_what_edgewise_has(block: Block) -> None:
    if block.language != "python":
        return
    tree = ast.parse(block.text)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "edgewise":
            module = importlib.import_module(node.module or "")
            assert all(hasattr(module, name.name) for name in node.names), ast.unparse(node)


def test_the_world_of_the_guide_is_the_example() -> None:
    text = (DOCS / "write_a_world.md").read_text(encoding="utf-8")
    assert f"```python\n{(ROOT / 'examples' / 'my_world.py').read_text(encoding='utf-8')}```\n" in text


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", page.read_text("utf-8"))
    assert not [target for target in targets if not (page.parent / target).exists()]
