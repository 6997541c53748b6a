"""`edgewise watch` on a real process: the address, a study that runs, and its end."""

from __future__ import annotations

import re
import shutil
import signal
import urllib.request
from pathlib import Path

import pytest

from edgewise.study.outline import outline_of, write_outline
from edgewise.study.store import Store
from tests.cli.running import refusal
from tests.cli.test_interrupt import SECONDS, started, stop
from tests.tiny import PRETRAIN, STUDY, TUNED, interrupt


def test_a_study_is_served_until_ctrl_c(tmp_path: Path) -> None:
    store = Store(tmp_path / "runs")
    store.compute(PRETRAIN)
    interrupt(store, TUNED, at=2)
    write_outline(outline_of(STUDY), store.root / "tiny")
    process = started("watch", str(store.root))
    assert process.stdout is not None
    said = re.fullmatch(r"watching (.+): (http://127\.0\.0\.1:\d+/)\n", process.stdout.readline())
    assert said is not None and said[1] == str(store.root)
    page = urllib.request.urlopen(said[2], timeout=60).read().decode()
    assert re.findall(r'data-status="(\w+)"', page) == ["finished", "waiting", "interrupted", "waiting"]
    shutil.rmtree(store.root)
    status, told, seconds = stop(process, signal.SIGINT)
    assert (status, told) == (130, f"interrupted; start again with: edgewise watch {store.root}\n")
    assert seconds < SECONDS


def test_a_folder_without_a_study_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "holds no study and no stage" in refusal(monkeypatch, capsys, "watch", str(tmp_path))
    assert "is no folder" in refusal(monkeypatch, capsys, "watch", str(tmp_path / "absent"))
