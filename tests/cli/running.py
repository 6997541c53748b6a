"""Run a command line in this process: its exit status, or the one line with which it refuses its input."""

from __future__ import annotations

import re
import sys

import pytest

from edgewise import cli


def exit_status(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    """Exit status of `edgewise words`."""
    monkeypatch.setattr(sys, "argv", ["edgewise", *words])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    assert isinstance(stop.value.code, int)
    return stop.value.code


def refusal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """The error of `edgewise words`, which must be one line on stderr, with status 2 and nothing on stdout."""
    status = exit_status(monkeypatch, *words)
    shown = capsys.readouterr()
    assert (status, shown.out) == (2, "")
    lines = [line for line in shown.err.splitlines() if line.strip()]
    assert len(lines) == 1 and lines[0].startswith("error: "), lines
    return lines[0]


def terminal(width: int) -> dict[str, str]:
    """The environment in which commands print as on a terminal of so many columns."""
    return {"TTY_COMPATIBLE": "1", "COLUMNS": str(width)}


def as_terminal(monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    """Let commands print as on a terminal of so many columns."""
    for name, value in terminal(width).items():
        monkeypatch.setenv(name, value)


def without_colors(text: str) -> str:
    """What a terminal shows of the text."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)


def broken_lines(text: str, width: int) -> list[str]:
    """The lines that a terminal of `width` columns breaks within a word that has room on a line of its own."""
    return [
        line
        for line in without_colors(text).splitlines()
        if any(
            word.start() // width < (word.end() - 1) // width and len(word[0]) <= width
            for word in re.finditer(r"\S+", line)
        )
    ]
