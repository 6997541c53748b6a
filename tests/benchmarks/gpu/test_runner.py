"""Parts are run once, stopped at their limit with all that they started, and gone on with where they were."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path

import pytest

from benchmarks.gpu.parts import Part
from benchmarks.gpu.runner import Outcome, run_parts

WHERE = "tests.benchmarks.gpu.pretended"
QUICK = Part("quick", "a quick one", f"{WHERE}:quick", 60)
BROKEN = Part("broken", "one that fails", f"{WHERE}:broken", 60)
ENDLESS = Part("endless", "one that never ends", f"{WHERE}:endless", 8)
ABSENT = Part("absent", "one that needs a package", f"{WHERE}:quick", 60, ("no_such_package",))


@pytest.fixture
def trace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "trace"
    path.touch()
    monkeypatch.setenv("EDGEWISE_TEST_TRACE", str(path))
    return path


def run(
    parts: list[Part], folder: Path, seconds: float = 100.0, device_name: str = "cpu", scale: str = "tiny"
) -> tuple[dict[str, Outcome], list[str]]:
    said: list[str] = []
    return run_parts(parts, scale, "cpu", device_name, folder / "kept", seconds, said.append), said


def alive(process: int) -> bool:
    status = Path(f"/proc/{process}/status")
    return status.exists() and "State:\tZ" not in status.read_text()


def all_end(processes: list[int]) -> bool:
    """Whether they have ended, within some seconds."""
    end = time.monotonic() + 5
    while any(map(alive, processes)) and time.monotonic() < end:
        time.sleep(0.05)
    return not any(map(alive, processes))


@pytest.mark.slow
def test_a_part_that_is_done_is_kept_for_its_scale_and_device_and_one_that_failed_is_not(
    trace: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    parts = [BROKEN, ABSENT, QUICK]
    first, said = run(parts, tmp_path)
    assert {name: outcome.status for name, outcome in first.items()} == {
        "broken": "failed",
        "absent": "left out",
        "quick": "done",
    }
    assert first["quick"].values == {"rows": [256.0, 1.0]} and first["quick"].seconds > 0 and first["quick"].date
    assert first["broken"].note == "ended with status 1" and first["absent"].note == "no_such_package is not installed"
    assert said[0] == "[1/3] broken: one that fails, at most 60 s" and said[1].startswith("  failed in ")
    shown = capfd.readouterr()
    assert "quick says so" in shown.out and "RuntimeError: as it should" in shown.err
    again, said = run(parts, tmp_path)
    assert again["quick"] == first["quick"] and said[-1] == f"[3/3] quick: a quick one: kept from {first['quick'].date}"
    assert trace.read_text().split() == ["broken", "quick", "broken"]
    run([QUICK], tmp_path, device_name="another")
    assert trace.read_text().split()[3:] == ["quick"]


@pytest.mark.slow
def test_a_part_ends_at_its_limit_with_all_that_it_started(trace: Path, tmp_path: Path) -> None:
    outcomes, _ = run([ENDLESS], tmp_path)
    assert outcomes["endless"].status == "failed" and outcomes["endless"].note == "no result within 8 s"
    (line,) = trace.read_text().splitlines()
    processes = [int(word) for word in line.split()[1:]]
    assert len(processes) == 2 and all_end(processes)
    assert not list((tmp_path / "kept" / "tiny").iterdir())


def test_ctrl_c_ends_the_part_with_all_that_it_started(
    trace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wait = subprocess.Popen.wait

    def interrupted(process: subprocess.Popen[bytes], timeout: float | None = None) -> int:
        if timeout is None:
            return wait(process)
        while not trace.read_text().endswith("\n"):
            time.sleep(0.05)
        raise KeyboardInterrupt

    monkeypatch.setattr(subprocess.Popen, "wait", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run([ENDLESS], tmp_path)
    processes = [int(word) for word in trace.read_text().split()[1:]]
    assert len(processes) == 2 and all_end(processes)


def test_what_the_time_is_too_short_for_waits_for_the_next_call(trace: Path, tmp_path: Path) -> None:
    outcomes, said = run([QUICK, BROKEN], tmp_path, seconds=29.0)
    assert [outcome.status for outcome in outcomes.values()] == ["waiting", "waiting"]
    assert said[0].endswith("the time is up; run it again to go on") and trace.read_text() == ""


@pytest.mark.slow
def test_an_interrupted_call_goes_on_with_the_part_that_was_running(trace: Path, tmp_path: Path) -> None:
    def stop(line: str) -> None:
        if line.startswith("[2/2]"):
            raise KeyboardInterrupt

    seen: list[dict[str, str]] = []

    def watch(outcomes: dict[str, Outcome]) -> None:
        seen.append({name: outcome.status for name, outcome in outcomes.items()})

    second = Part("second", "another", f"{WHERE}:quick", 60)
    with pytest.raises(KeyboardInterrupt):
        run_parts([QUICK, second], "tiny", "cpu", "cpu", tmp_path / "kept", 100.0, stop, watch)
    assert seen == [{"quick": "done", "second": "waiting"}]
    kept = json.loads((tmp_path / "kept" / "tiny" / "quick.json").read_text())
    outcomes, _ = run([QUICK, second], tmp_path)
    assert outcomes["quick"].date == kept["date"] and outcomes["second"].status == "done"
    assert trace.read_text().split() == ["quick", "quick"]
