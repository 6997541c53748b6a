"""A command line that does not parse ends in one line with what is near, and every number that is none is refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import get_args, get_type_hints

import pytest
import typer
from typer.core import TyperGroup, TyperOption

from edgewise.cli.entry import app
from tests.cli.running import exit_status, refusal
from tests.cli.test_audit import rollouts


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["audti", "x"], "COMMAND: 'audti' is unknown (did you mean audit?); there are audit, edge, "),
        (["audit", "--thresold", "3"], "option: '--thresold' is unknown (did you mean --threshold?); `"),
        (["--nosuch"], "option: '--nosuch' is unknown; `"),
        (["audit", "--k"], "option '--k' requires an argument; `edgewise audit --help`"),
        (["audit", "--k", "x"], "invalid value for '--k'"),
        (["audit", "--plan=3"], "option '--plan' does not take a value"),
        (["edge"], "missing argument 'BASE'; `"),
        (["edge", "a", "b"], "got unexpected extra argument"),
        (["verify"], "verify: a TASK and a FILE"),
    ],
)
def test_usage_errors_are_one_line(
    words: list[str], said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    line = refusal(monkeypatch, capsys, *words)
    assert line.startswith(f"error: {said}")
    assert "--help" in line or "there are" in line


@pytest.mark.parametrize("words", [[], ["--help"], ["audit", "--help"]])
def test_help_is_no_error(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_status(monkeypatch, *words) == 0
    assert "Usage" in capsys.readouterr().out


def numeric_options() -> Iterator[tuple[str, str]]:
    """Every option of a command that takes a number."""
    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)
    for name, command in group.commands.items():
        for option in command.params:
            if isinstance(option, TyperOption) and _takes_a_number(command.callback, option.name):
                yield name, option.opts[0]


def _takes_a_number(function: Callable[..., object] | None, name: str | None) -> bool:
    hint = get_type_hints(function)[name or ""] if function else None
    return bool({int, float} & {hint, *get_args(hint)})


def curve(path: Path) -> Path:
    """Rewards against compute, which rise to 0.7."""
    rows = (f"{compute},{0.7 - 0.5 / (1 + compute / 20):.4f}" for compute in range(0, 200, 10))
    path.write_text("\n".join(["compute,reward", *rows]), encoding="utf-8")
    return path


def test_all_numeric_options_are_known() -> None:
    assert {("audit", "--alpha"), ("audit", "--k"), ("edge", "--group"), ("run", "--workers")} <= set(numeric_options())


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "-1", "0", "1e308", "9" * 30])
@pytest.mark.parametrize(("command", "option"), list(numeric_options()))
def test_a_number_that_cannot_be_is_refused_or_works(
    command: str,
    option: str,
    value: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    base, tuned = rollouts(tmp_path / "base.jsonl", 0.3), rollouts(tmp_path / "tuned.jsonl", 0.9)
    words = {
        "audit": [base, tuned, "--out", str(tmp_path / "out")] + ["--resamples", "100"] * (option != "--resamples"),
        "edge": [base, "--out", str(tmp_path / "set.jsonl")],
        "demo": [],
        "run": ["nosuch.py:study"],
        "plan": ["nosuch.py:study"],
        "problems": ["countdown"],
        "fit": [str(curve(tmp_path / "curve.csv"))],
        "watch": [str(tmp_path)],
        "rollouts": [str(tmp_path), "countdown", "--out", str(tmp_path / "new.parquet")],
    }[command]
    if command == "audit" and option == "--effect":
        words = ["--plan"]
    status = exit_status(monkeypatch, command, *words, f"{option}={value}")
    shown = capsys.readouterr()
    if status:
        lines = [line for line in shown.err.splitlines() if line.strip()]
        assert (status, len(lines)) == (2, 1) and lines[0].startswith("error: "), shown.err
    else:
        assert value in ("0", "-1", "9" * 30) and shown.out
