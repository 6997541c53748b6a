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

from edgewise import RL, Evaluate, Pretrain
from edgewise.cli.entry import app
from edgewise.cli.loading import study_of, world_of
from edgewise.model.decoder import Decoder, DecoderSpec
from edgewise.model.hf import save_pretrained
from edgewise.model.tokenizer import Tokenizer
from edgewise.rl.advantages.base import ADVANTAGES
from edgewise.rl.recipes.registry import named_recipe
from edgewise.tasks import ModularArithmetic
from tests.cli import test_study as demo_study
from tests.examples import test_my_study as own_study
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
ONE_STEP = ["pretraining.steps=3", "pretraining.documents=4", "rl.steps=1", "rl.sampling.prompts=2", "problems=2"]
TOY = {
    "demo": demo_study.TINY,
    "examples/my_study.py:my_study": own_study.TINY,
    "examples/my_algorithm.py:median_against_mean": [*ONE_STEP, "rl.sampling.samples=2", "samples=8"],
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
    assert len(command_lines()) > 15 and len(python_blocks()) > 3


@pytest.mark.parametrize("line", command_lines())
def test_a_command_line_is_accepted(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its options parse, and its settings fit what it names; nothing is run."""
    monkeypatch.chdir(ROOT)
    words = shlex.split(line)
    name, *arguments = words[words.index("edgewise") + 1 :]
    command = typer.main.get_command(app).commands[name]  # type: ignore[attr-defined]
    parsed = command.make_context(name, list(arguments)).params
    if name == "demo":
        study_of("edgewise.study.demo:demo", parsed["settings"] or [])
    elif name == "run" and parsed["study"]:
        study_of(parsed["study"], parsed["settings"] or [])
    elif name in ("problems", "verify"):
        world_of(parsed["task"], parsed["knobs"] or [])
    elif name == "recipes":
        for recipe in (parsed["names"] or [])[-2:]:
            assert recipe == "diff" or named_recipe(recipe)


def prepare(folder: Path) -> None:
    """What the pages presume: rollouts of two models, a trained model, the examples, dumps of verl's validations."""
    for model, step in (("base", 3), ("tuned", 4)):
        samples = [
            {"problem_id": f"p{p}", "correct": (7 * p + step * s) % 5 == 0} for p in range(20) for s in range(16)
        ]
        (folder / f"{model}.jsonl").write_text("".join(json.dumps(sample) + "\n" for sample in samples))
    tokenizer = Tokenizer(ModularArithmetic().words())
    save_pretrained(Decoder(DecoderSpec(), len(tokenizer)), tokenizer, folder / "model")
    shutil.copytree(ROOT / "examples", folder / "examples", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "tests" / "interop" / "files" / "verl_dapo", folder / "validation")


@pytest.mark.parametrize("block", python_blocks(), ids=lambda block: block.split("\n")[0])
def test_a_python_block_runs(block: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    prepare(tmp_path)
    row: dict[str, Any] = all_rows()[0]
    exec(block, NAMES | {"row": row, "completion": row["solution"]})


@pytest.mark.parametrize("page", GUIDES, ids=lambda page: page.stem)
def test_a_guide_runs_from_top_to_bottom(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    ours = {kind: spec for kind, spec in ADVANTAGES.specs().items() if spec.__module__.startswith("edgewise.")}
    monkeypatch.setattr(ADVANTAGES, "_specs", ours)
    prepare(tmp_path)
    run = PageRun(monkeypatch, capsys, TOY)
    for block in blocks_of(page):
        if not block.not_run:
            run.run(block)


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
