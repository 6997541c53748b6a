from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from edgewise.core.errors import InputError
from edgewise.report import document
from edgewise.report.document import embedded_json
from tests.report.hostile import HOSTILE


def test_embedded_json_survives_and_cannot_end_its_element() -> None:
    data = {"a": HOSTILE, "b": ["</SCRIPT >", "<!--", 1.5]}
    text = embedded_json(data)
    assert "<" not in text
    assert json.loads(text) == data


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "new" / "report.html"
    document.write("lone \ud800 surrogate", path)
    assert path.read_text("utf-8") == "lone ? surrogate", "what has no UTF-8 form is replaced"

    def full(self: Path, data: bytes) -> int:
        with self.open("wb") as file:
            file.write(data[:3])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(InputError, match=r"report\.html: cannot be written \(No space left"):
        document.write("something else", path)
    assert path.read_text("utf-8") == "lone ? surrogate"
    assert [p.name for p in path.parent.iterdir()] == ["report.html"]


_INTERRUPTED = """
import signal, time
from edgewise.report import document
def stop(number, frame):
    raise SystemExit(f"{time.monotonic() - start < 0.9}")
signal.signal(signal.SIGALRM, stop)
signal.setitimer(signal.ITIMER_REAL, 0.1)
start = time.monotonic()
document._bundle()
"""


def test_making_the_bundle_answers_an_interrupt_at_once() -> None:
    """The converter computes for a second or more without giving Python a turn."""
    done = subprocess.run([sys.executable, "-c", _INTERRUPTED], capture_output=True, text=True, check=False)
    assert done.stderr == "True\n"


def test_only_the_lab_needs_torch() -> None:
    """A reader of rollouts from elsewhere has no torch, and nothing of the laboratory may be imported."""
    code = "import edgewise.report.folder, edgewise.report.terminal, sys; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "edgewise.report.page.page" in loaded
    assert [m for m in loaded if m in ("torch", "edgewise.study", "edgewise.model", "edgewise.report.progress")] == []
