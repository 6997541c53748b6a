"""Ctrl-C and SIGTERM, sent to a real process: one line that says how to go on, at once, and nothing left running."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from edgewise.core.atomic import write_json
from edgewise.core.spec import digest, plain
from edgewise.study.outputs import output_digests
from edgewise.study.store import Store
from tests.tiny import PRETRAIN

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="what processes do is read from /proc")
# Interrupting takes a tenth of a second on an idle machine, and is cut off after 0.7; a busy one schedules late.
SECONDS = 5.0

LONG = ["covered=2", "rare=3", "edge=3", "hard=4", "pretraining.steps=100000", "pretraining.documents=4",
        "problems=20"]  # fmt: skip


def started(*words: str, **environment: str) -> subprocess.Popen[str]:
    """`edgewise words` in a group of its own, as a shell starts it, once its handlers are installed."""
    process = subprocess.Popen(
        [sys.executable, "-c", "import sys; from edgewise import cli; sys.argv[0] = 'edgewise'; cli.main()", *words],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        env=os.environ | environment,
    )  # fmt: skip
    wait_until(lambda: catches(process.pid, signal.SIGTERM))
    return process


def catches(process: int, number: signal.Signals) -> bool:
    """Whether the process has a handler for a signal."""
    fields = dict(line.split(":\t", 1) for line in Path(f"/proc/{process}/status").read_text().splitlines())
    return bool(int(fields["SigCgt"], 16) >> (number - 1) & 1)


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def stop(process: subprocess.Popen[str], number: signal.Signals) -> tuple[int, str, float]:
    """Send a signal to the whole group, as a terminal does: exit status, what stands on stderr, seconds."""
    start = time.monotonic()
    os.killpg(process.pid, number)
    process.wait(60)
    seconds = time.monotonic() - start
    return process.returncode, process.communicate(timeout=60)[1], seconds


def alive_in_group(group: int) -> list[int]:
    """Processes of a group that have not ended."""
    alive = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, its_group = path.read_text().rpartition(")")[2].split()[:3]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(its_group) == group and state != "Z":
            alive.append(int(path.parent.name))
    return alive


@pytest.mark.parametrize(
    ("number", "status", "word"),
    [
        (signal.SIGINT, 130, "interrupted"),
        pytest.param(signal.SIGTERM, 143, "stopped by SIGTERM", marks=pytest.mark.slow),
    ],
)
def test_a_study_with_workers_says_the_command_that_goes_on(
    number: signal.Signals, status: int, word: str, tmp_path: Path
) -> None:
    words = ["demo", "--out", str(tmp_path / "a store"), "--workers", "2", *LONG]
    process = started(*words)
    wait_until(lambda: any(tmp_path.glob("*/*/metrics.jsonl")))
    found, said, seconds = stop(process, number)
    command = shlex.join(["edgewise", *words])
    assert (found, said) == (status, f"{word}; what is computed is kept; go on with: {command}\n")
    assert seconds < SECONDS
    wait_until(lambda: not alive_in_group(process.pid))
    folders = [path for path in (tmp_path / "a store").iterdir() if path.is_dir()]
    outlined = [path for path in folders if [file.name for file in path.iterdir()] == ["study.json"]]
    assert len(folders) == 2 and len(outlined) == 1, "the report's folder has the outline of the study alone"
    assert next(path for path in folders if path not in outlined).name.endswith(".unfinished")


def test_a_study_that_is_still_starting_its_workers_is_interrupted_without_tracebacks(tmp_path: Path) -> None:
    process = started("demo", "--out", str(tmp_path), "--workers", "2", *LONG)
    wait_until(lambda: len(alive_in_group(process.pid)) >= 3)
    found, said, seconds = stop(process, signal.SIGINT)
    assert found == 130 and said.startswith("interrupted; ") and said.count("\n") == 1
    assert seconds < SECONDS


def test_recomputing_is_interrupted_in_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    stage = PRETRAIN.model_copy(update={"training": PRETRAIN.training.model_copy(update={"steps": 100_000})})
    folder = Store(tmp_path).folder(stage)
    folder.mkdir()
    (folder / "output").write_text("")
    provenance = {
        "digest": digest(stage), "parents": [], "seed": 0, "finished": "", "wall_seconds": 0, "totals": {}, "ranks": 1,
        "device": "cpu", "backend": {}, "versions": {}, "machine": "", "outputs": output_digests(folder),
    }  # fmt: skip
    write_json(folder / "spec.json", plain(stage))
    write_json(folder / "provenance.json", provenance)
    (tmp_path / "temporary").mkdir()
    process = started("run", "--verify", str(folder), "--workers", "1", TMPDIR=str(tmp_path / "temporary"))
    wait_until(lambda: any(tmp_path.glob("temporary/*/*/metrics.jsonl")))
    found, said, seconds = stop(process, signal.SIGINT)
    command = shlex.join(["edgewise", "run", "--verify", str(folder), "--workers", "1"])
    assert found == 130 and said.endswith(f"interrupted; start again with: {command}\n")
    assert seconds < SECONDS
    wait_until(lambda: not alive_in_group(process.pid))
    assert not any((tmp_path / "temporary").glob("edgewise-verify-*"))


def test_an_audit_is_interrupted_in_one_line(tmp_path: Path) -> None:
    for name in ("base", "tuned"):
        rows = [json.dumps({"id": i, "correct": (i + j) % 3 == 0}) for i in range(200) for j in range(16)]
        (tmp_path / f"{name}.jsonl").write_text("\n".join(rows))
    words = ["audit", str(tmp_path / "base.jsonl"), str(tmp_path / "tuned.jsonl"), "--resamples", "1000000"]
    process = started(*words, "--out", str(tmp_path / "report"))
    time.sleep(1)
    found, said, seconds = stop(process, signal.SIGINT)
    command = shlex.join(["edgewise", *words, "--out", str(tmp_path / "report")])
    assert (found, said) == (130, f"interrupted; start again with: {command}\n")
    assert seconds < SECONDS and not (tmp_path / "report").exists()


LONG_CALLS = {
    "the main thread": "hash_for_minutes()",
    "threads that the main thread waits for": (
        "from concurrent.futures import ThreadPoolExecutor\n"
        "    with ThreadPoolExecutor(2) as pool: list(pool.map(lambda _: hash_for_minutes(), range(2)))"
    ),
}


@pytest.mark.parametrize("where", LONG_CALLS)
def test_a_compiled_function_that_runs_for_minutes_holds_nothing_up(where: str) -> None:
    """Python's own handler would run when it returns."""
    code = (
        "import hashlib, sys\n"
        "from edgewise.cli.interrupt import stopped_by_signals\n"
        "def hash_for_minutes(): hashlib.pbkdf2_hmac('sha256', b'', b'', 2_000_000_000)\n"
        "sys.argv = ['edgewise', 'demo']\n"
        f"with stopped_by_signals():\n    print('begun', flush=True)\n    {LONG_CALLS[where]}"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdout is not None and process.stdout.readline() == "begun\n"
    time.sleep(0.3)  # to be within the call
    found, said, seconds = stop(process, signal.SIGINT)
    assert (found, said) == (130, "interrupted; what is computed is kept; go on with: edgewise demo\n")
    assert seconds < SECONDS


def test_a_signal_that_the_process_was_started_to_ignore_stays_ignored() -> None:
    code = (
        "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "from edgewise.cli.interrupt import stopped_by_signals\n"
        "with stopped_by_signals():\n"
        "    signal.raise_signal(signal.SIGINT); print('went on')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "went on\n", "")


def test_handlers_are_put_back() -> None:
    code = (
        "import signal; before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)\n"
        "from edgewise.cli.interrupt import stopped_by_signals\n"
        "with stopped_by_signals(): pass\n"
        "print(before == (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)))\n"
        "import threading; print(signal.set_wakeup_fd(-1), threading.active_count())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "True\n-1 1\n"
