"""Command lines, Python blocks and links of README and docs/ work as they are printed."""

from __future__ import annotations

import json
import re
import shlex
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
from edgewise.rl.recipes.registry import named_recipe
from edgewise.tasks import ModularArithmetic
from tests.tasks.graph.rows import all_rows

ROOT = Path(__file__).parents[2]
NAMES: dict[str, Any] = {
    "Pretrain": Pretrain,
    "RL": RL,
    "Evaluate": Evaluate,
    "ModularArithmetic": ModularArithmetic,
    "named_recipe": named_recipe,
}
PAGES = [*ROOT.glob("*.md"), *(path for path in (ROOT / "docs").glob("*.md") if path.name != "LOG.md")]


def command_lines() -> list[str]:
    """Every line of a shell block that runs `edgewise`, without its comment and redirection."""
    lines = []
    for page in PAGES:
        text = page.read_text("utf-8")
        blocks = re.findall(r"^```sh\n(.*?)^```|((?:^    edgewise .*\n)+)", text, re.S | re.M)
        lines += [line.strip() for pair in blocks for block in pair for line in block.splitlines()]
    commands = (re.sub(r"\s+[#>].*", "", line) for line in lines)
    return sorted({line for line in commands if re.match(r"(\S.* -m )?edgewise\b", line)})


def python_blocks() -> list[str]:
    """Blocks of Python: `python` is complete, `py` leaves out the imports that `NAMES` stands for."""
    texts = (page.read_text("utf-8") for page in PAGES)
    return [block for text in texts for block in re.findall(r"^```py(?:thon)?\n(.*?)^```", text, re.S | re.M)]


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


@pytest.mark.parametrize("block", python_blocks(), ids=lambda block: block.split("\n")[0])
def test_a_python_block_runs(block: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for model, step in (("base", 3), ("tuned", 4)):
        samples = [
            {"problem_id": f"p{p}", "correct": (7 * p + step * s) % 5 == 0} for p in range(20) for s in range(16)
        ]
        (tmp_path / f"{model}.jsonl").write_text("".join(json.dumps(sample) + "\n" for sample in samples))
    tokenizer = Tokenizer(ModularArithmetic().words())
    save_pretrained(Decoder(DecoderSpec(), len(tokenizer)), tokenizer, tmp_path / "model")
    row: dict[str, Any] = all_rows()[0]
    exec(block, NAMES | {"row": row, "completion": row["solution"]})


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", page.read_text("utf-8"))
    assert not [target for target in targets if not (page.parent / target).exists()]
