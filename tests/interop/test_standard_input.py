"""Rollouts that are piped in: `-` is standard input, plain or compressed, for whatever reads rollouts."""

from __future__ import annotations

import gzip
import io
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from edgewise.core.errors import InputError
from edgewise.interop import read_rollouts, standard_input
from edgewise.interop.arms import read_arms
from tests.interop.writing import jsonl, only, totals

ROWS: list[dict[str, Any]] = [
    {"problem_id": f"p{problem}", "correct": sample < problem, "completion": f"{problem} {sample}"}
    for problem in range(4)
    for sample in range(3)
]
TEXT = "".join(json.dumps(row) + "\n" for row in ROWS).encode()
TOTALS = {f"p{problem}": (3, problem) for problem in range(4)}


@pytest.fixture
def pipe(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Sets what standard input holds."""

    def hold(content: bytes, *, terminal: bool = False) -> None:
        held = SimpleNamespace(buffer=io.BytesIO(content), isatty=lambda: terminal)
        monkeypatch.setattr("sys.stdin", held)

    return hold


@pytest.mark.parametrize("content", [TEXT, gzip.compress(TEXT), json.dumps(ROWS, indent=1).encode()])
def test_it_is_read_as_a_file_is(pipe: Any, tmp_path: Path, content: bytes) -> None:
    pipe(content)
    (piped,) = read_rollouts("-")
    file = only(jsonl(tmp_path / "rows.jsonl", ROWS))
    assert totals(piped) == totals(file) == TOTALS
    assert (piped.notes, piped.warnings, piped.examples) == (file.notes, file.warnings, file.examples)
    assert piped.files == (Path("stdin"),)


def test_it_is_one_argument_among_others(pipe: Any, tmp_path: Path) -> None:
    file = jsonl(tmp_path / "rows.jsonl", ROWS)
    for arguments, names in ((["-", str(file)], ["stdin", "rows"]), ([f"base={file}", "tuned=-"], ["base", "tuned"])):
        pipe(TEXT)
        assert list(read_arms(arguments).models) == names
    pipe(b"".join(json.dumps(row | {"model": "m"}).encode() + b"\n" for row in ROWS))
    assert list(read_arms(["-", str(file)]).models) == ["m", "rows"]


def test_nothing_is_left_on_disk(pipe: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    for content in (TEXT, TEXT + b"{"):
        pipe(content)
        try:
            read_rollouts("-")
        except InputError as error:
            assert str(error).startswith("stdin: line 13: not JSON")
        assert not list(tmp_path.iterdir())


def test_what_cannot_be_read_is_named(pipe: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def error() -> str:
        with pytest.raises(InputError) as raised:
            read_rollouts("-")
        return str(raised.value)

    pipe(TEXT, terminal=True)
    assert error().startswith("stdin: a terminal; pipe rollouts in")
    pipe(TEXT)
    read_rollouts("-")
    assert error() == "stdin: nothing came; `-` is standard input, which can be read once"
    monkeypatch.setattr(standard_input, "MOST_BYTES", 100)
    pipe(TEXT)
    assert error() == "stdin: more than 100 bytes; give a file"
