"""Run a page of the documentation from top to bottom: its `edgewise` lines and Python blocks, in one folder, in order.

A block after `<!-- not run: REASON -->` is not run, because this machine lacks what it needs. A block of `text` after a
command shows a part of what the command prints.
"""

from __future__ import annotations

import glob
import re
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from edgewise import cli
from tests.study.in_process import compute_in_this_process

_NOT_RUN = r"(?:<!-- not run: ([^>]+) -->\n)?"
_BLOCK = re.compile(_NOT_RUN + r"^```(\w+)[^\n]*\n(.*?)^```|((?:^    edgewise [^\n]*\n)+)", re.S | re.M)


@dataclass(frozen=True)
class Block:
    """A block of a page: its language, its text, and why it is not run, where it is not."""

    language: str
    text: str
    not_run: str | None = None

    def commands(self) -> list[str]:
        """The lines of a shell block, or of a workflow, that run `edgewise`, without comments."""
        if self.language not in ("sh", "yaml"):
            return []
        lines = (re.sub(r"\s+#.*", "", line.strip()) for line in self.text.replace("\\\n", " ").splitlines())
        return [line for line in lines if re.match(r"(\S.* -m )?edgewise(?![\w.])", line)]


def blocks_of(page: Path) -> list[Block]:
    """The blocks of a page in their order; indented lines that begin with `edgewise` are a shell block."""
    found = _BLOCK.finditer(page.read_text(encoding="utf-8"))
    return [Block("sh", block[4]) if block[4] else Block(block[2], block[3], block[1]) for block in found]


class PageRun:
    """Runs the blocks of one page, in the working folder.

    `toy` has settings for each study that a command may name, which runs at that size in this process. Commands that
    begin as one of `not_run` are left out.
    """

    def __init__(
        self,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
        toy: Mapping[str, list[str]],
        not_run: tuple[str, ...],
    ) -> None:
        compute_in_this_process(monkeypatch)
        self._monkeypatch, self._capsys, self._toy = monkeypatch, capsys, toy
        self._not_run = not_run
        self._names: dict[str, Any] = {"__name__": "page"}
        self._shown = ""

    def run(self, block: Block) -> None:
        """Run a block, or compare a block of text with what the command before it printed."""
        if block.language == "sh":
            for line in block.commands():
                if not line.startswith(self._not_run):
                    self._command(line)
        elif block.language in ("py", "python"):
            exec(compile(block.text, "a block of a page", "exec", dont_inherit=True), self._names)
        elif block.language == "text" and self._shown:
            missing = [line for line in shown_lines(block.text) if line not in shown_lines(self._shown)]
            assert not missing, f"not printed: {missing}; printed:\n{self._shown}"

    def _command(self, line: str) -> None:
        line, _, out = line.partition(" > ")
        words = [path for word in shlex.split(line) for path in sorted(glob.glob(word)) or [word]]
        words = words[words.index("edgewise") + 1 :]
        settings = [setting for study, settings in self._toy.items() if study in words for setting in settings]
        self._capsys.readouterr()
        self._monkeypatch.setattr(sys, "argv", ["edgewise", *words, *settings])
        with pytest.raises(SystemExit) as stop:
            cli.main()
        self._shown, error = self._capsys.readouterr()
        assert stop.value.code in ((0, 1, 3) if "--policy" in words else (0,)), f"{line}: {error}"
        if out:
            Path(out.strip()).write_text(self._shown, encoding="utf-8")


def shown_lines(text: str) -> list[str]:
    """Lines without the space that depends on the width of a terminal."""
    return [" ".join(line.split()) for line in text.splitlines() if line.strip()]
