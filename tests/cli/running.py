"""Run a command line in this process: its exit status, or the one line with which it refuses its input."""

from __future__ import annotations

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
