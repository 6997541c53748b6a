"""Cores that others used."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks import load

_BUSY = "import time\nend = time.process_time() + 0.3\nwhile time.process_time() < end: pass"


def test_others_are_what_is_busy_less_our_own() -> None:
    assert load.others(busy=5.0, ours=2.0, seconds=2.0) == 1.5
    assert load.others(busy=1.0, ours=1.1, seconds=2.0) == 0.0


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(load, "PROC", tmp_path)
    monkeypatch.setattr(os, "getpid", lambda: 10)
    monkeypatch.setattr(os, "sysconf", lambda _: 100)
    return tmp_path


def process(folder: Path, pid: int, parent: int, ticks: tuple[int, int, int, int]) -> None:
    (folder / str(pid)).mkdir()
    middle = " ".join("0" * 9)
    text = f"{pid} (a name) with (brackets) S {parent} {middle} {' '.join(map(str, ticks))} 20 0"
    (folder / str(pid) / "stat").write_text(text)


def test_our_own_seconds_are_those_of_all_descendants_and_nobody_else(system: Path) -> None:
    (system / "stat").write_text("cpu  100 20 30 9000 5 0 0 0 0 0\ncpu0 1 1 1 1\n")
    process(system, 10, 1, (100, 10, 5, 5))
    process(system, 11, 10, (200, 0, 0, 0))
    process(system, 12, 11, (0, 0, 50, 0))
    process(system, 13, 1, (10_000, 0, 0, 0))
    (system / "14").mkdir()  # ended while it was looked at
    assert load.own_seconds() == pytest.approx(3.7)
    assert load.busy_seconds() == 1.5


def test_without_proc_nothing_is_known_of_others(system: Path) -> None:
    with load.Load() as found:
        time.sleep(0.001)
    assert (found.others, found.seconds > 0) == (0.0, True)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs Linux's /proc")
def test_what_children_do_is_our_own() -> None:
    before = load.own_seconds()
    subprocess.run([sys.executable, "-c", _BUSY], check=True)
    assert load.own_seconds() - before >= 0.25  # ticks are whole
