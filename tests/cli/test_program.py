"""`edgewise --version`, and what shells need to complete its commands; none of it loads the laboratory."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from edgewise import __version__
from edgewise.cli import main
from tests.cli.running import exit_status, refusal
from tests.cli.test_audit import WITHOUT_LAB

SHELLS = {
    "bash": "complete -o default -F _edgewise_completion edgewise",
    "zsh": "#compdef edgewise",
    "fish": "complete --command edgewise",
    "powershell": "-CommandName edgewise",
    "pwsh": "-CommandName edgewise",
}


def started_as_module(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """`python -m edgewise words` as a process that cannot import torch."""
    run = f"import runpy; sys.argv = {['edgewise', *words]!r}; runpy.run_module('edgewise', None, '__main__')"
    program = f"{WITHOUT_LAB}{run}"
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=os.environ | environment)


def test_the_version(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_status(monkeypatch, "--version") == 0
    assert capsys.readouterr().out == f"edgewise {__version__}\n"


@pytest.mark.parametrize(("shell", "line"), SHELLS.items())
def test_the_script_of_a_shell_names_the_program(
    shell: str, line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_status(monkeypatch, "--show-completion", shell) == 0
    shown = capsys.readouterr().out
    assert line in shown and "_EDGEWISE_COMPLETE" in shown


@pytest.mark.parametrize("option", ["--show-completion", "--install-completion"])
def test_a_shell_that_is_not_known_is_one_line(
    option: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert refusal(monkeypatch, capsys, option, "bsh").startswith(
        f"error: {option}: 'bsh' is unknown (did you mean bash?)"
    )


def test_the_script_is_installed_in_the_home_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    assert exit_status(monkeypatch, "--install-completion", "bash") == 0
    script = tmp_path / ".bash_completions" / "edgewise.sh"
    assert SHELLS["bash"] in script.read_text() and str(script) in (tmp_path / ".bashrc").read_text()
    assert str(script) in capsys.readouterr().out.replace("\n", "")


def test_a_shell_completes_commands_and_options_without_torch() -> None:
    """As the script asks: the words so far, and which of them is to be completed."""
    script = started_as_module("--show-completion", "bash")
    assert script.returncode == 0 and SHELLS["bash"] in script.stdout, script.stderr
    for words, completed in (("edgewise au", "audit"), ("edgewise audit --resam", "--resamples")):
        asked = {"COMP_WORDS": words, "COMP_CWORD": str(len(words.split()) - 1)}
        done = started_as_module(_EDGEWISE_COMPLETE="complete_bash", **asked)
        assert done.stdout.split() == [completed], done.stderr


def test_letters_that_the_output_lacks_are_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on Windows, where the output is a file or a pipe."""
    app = typer.Typer()
    app.command()(lambda: typer.echo("2/16 \N{RIGHTWARDS ARROW} 12/16"))
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="cp1252"))
    monkeypatch.setattr(sys, "argv", ["edgewise", "--"])
    with pytest.raises(SystemExit, match="0"):
        main(app)
    assert written.getvalue().splitlines() == [b"2/16 ? 12/16"]
