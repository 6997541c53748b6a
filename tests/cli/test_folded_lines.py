"""What commands print on a terminal of 80 or 60 columns has no word broken at its edge; pipes get whole lines.

tests/cli/test_examples.py looks at every command whose example runs, at 60 columns.
"""

from __future__ import annotations

import io
import itertools
import shlex
from pathlib import Path

import pytest
from rich.console import Console
from rich.text import Text

from edgewise.report.prose import print_prose
from tests.cli.running import as_terminal, broken_lines, exit_status
from tests.cli.test_audit import rollouts

SENTENCE = "To claim a change of +5.0 points of pass@16 with probability 0.80, at 95% intervals of the difference."
COMMANDS = (
    "audit base.jsonl --plan",
    "tasks",
    "tasks chain_sum",
    "recipes",
    "claims plan rl-sharpens --scale paper",
    "audit missing.jsonl tuned.jsonl",
    "audit base.jsonl tuned.jsonl --thresold 2",
    "recipes dapoo",
)


@pytest.mark.parametrize("line", COMMANDS)
def test_no_word_is_broken(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    rollouts(tmp_path / "base.jsonl", 0.3)
    as_terminal(monkeypatch, 80)
    exit_status(monkeypatch, *shlex.split(line))
    shown = capsys.readouterr()
    assert (shown.out + shown.err).strip() and broken_lines(shown.out + shown.err, 80) == []


def printed(text: str | Text, width: int, *, terminal: bool, indent: int = 0) -> list[str]:
    file = io.StringIO()
    print_prose(text, Console(file=file, width=width, force_terminal=terminal, color_system=None), indent)
    return file.getvalue().splitlines()


@pytest.mark.parametrize("width", [80, 60, 20])
@pytest.mark.parametrize("indent", [0, 4])
def test_a_sentence_is_folded_between_words(width: int, indent: int) -> None:
    lines = printed(SENTENCE, width, terminal=True, indent=indent)
    assert len(lines) > 1 and max(map(len, lines)) <= width and broken_lines("\n".join(lines), width) == []
    assert all(line.startswith(" " * indent) and line == line.rstrip() for line in lines)
    assert " ".join(line.strip() for line in lines) == SENTENCE
    # No line has room for the first word of the next.
    assert all(len(a) + 1 + len(b.split()[0]) > width for a, b in itertools.pairwise(lines))


def test_a_pipe_gets_whole_lines() -> None:
    assert printed(SENTENCE, 40, terminal=False) == [SENTENCE]
    assert printed(f"{SENTENCE}\n\n{SENTENCE}", 40, terminal=False, indent=2) == [f"  {SENTENCE}", "", f"  {SENTENCE}"]


def test_a_path_stays_whole_and_wide_letters_count_twice() -> None:
    path = f"runs/{'a' * 50}/report.html"
    assert printed(f"the report: {path}", 40, terminal=True) == ["the report:", path]
    assert printed("\u554f\u984c \u554f\u984c \u554f\u984c", 10, terminal=True) == [
        "\u554f\u984c \u554f\u984c",
        "\u554f\u984c",
    ]


def test_no_markup_is_read_and_styles_stay() -> None:
    assert printed("[bold]x[/bold] [0.1, 0.2]", 40, terminal=True) == ["[bold]x[/bold] [0.1, 0.2]"]
    file = io.StringIO()
    console = Console(file=file, width=12, force_terminal=True, color_system="standard")
    print_prose(Text("one two three four", "bold"), console)
    assert file.getvalue() == "\x1b[1mone two\x1b[0m\n\x1b[1mthree four\x1b[0m\n"
