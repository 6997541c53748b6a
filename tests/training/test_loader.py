"""The feed: the same rows whoever makes them, in order, and no process left when training ends, however it does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from edgewise.core.errors import InputError
from edgewise.training import next_token
from edgewise.training.documents import rows_of_step
from edgewise.training.execution import Execution
from edgewise.training.loader import load_ahead
from edgewise.training.run_folder import RunFolder
from tests.tiny import SPEC, TOKENIZER, WORLD, decoder, traces, train
from tests.training.making import FailsElsewhere, Large, Noted, modules, process, with_process
from tests.training.test_next_token import Interrupted, interrupt_at

MAKE = partial(rows_of_step, WORLD, "train", TOKENIZER, 5, 96, 20, 1)


def made(folder: Path) -> list[int]:
    return sorted(int(path.name) for path in folder.iterdir())


def alive(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def soon(condition: Callable[[], bool], seconds: float = 20.0) -> bool:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    return condition()


def first_from_elsewhere(take: Callable[[int], Any], step: int = 0) -> tuple[int, Any]:
    """The first step, from `step` on, of which the result names another process, and that result."""
    while str(os.getpid()) in str(result := take(step)):
        time.sleep(0.01)
        step += 1
    return step, result


@pytest.mark.parametrize("workers", [1, 3])
def test_rows_are_the_same_to_the_bit_whoever_makes_them(workers: int) -> None:
    with load_ahead(partial(with_process, MAKE), workers) as take:
        first, _ = first_from_elsewhere(lambda step: take(step)[1], 7)
        for step in range(first + 1, first + 9):
            rows, maker = take(step)
            assert maker != os.getpid()
            for found, expected in zip(rows, MAKE(step), strict=True):
                assert found.dtype == expected.dtype
                np.testing.assert_array_equal(found, expected)


def test_nobody_waits_while_the_processes_start(tmp_path: Path) -> None:
    with load_ahead(Noted(tmp_path), 2) as take:
        start = time.monotonic()
        assert [take(step) for step in range(3)] == [(step, os.getpid()) for step in range(3)]
        without = time.monotonic() - start
        first, _ = first_from_elsewhere(take, 3)
        assert without < (time.monotonic() - start) / 2, "three steps are made long before a process has started"
        assert first > 3 and {take(first + 1)[1], take(first + 2)[1]}.isdisjoint({os.getpid()})


def test_a_run_leaves_the_same_bytes_with_workers_and_when_resumed_with_others(tmp_path: Path) -> None:
    train(RunFolder(tmp_path / "inline"))
    train(RunFolder(tmp_path / "ahead"), execution=Execution(data_workers=2))
    assert traces(tmp_path / "ahead") == traces(tmp_path / "inline")
    run = interrupt_at(5, tmp_path / "parts")
    with pytest.raises(Interrupted):
        train(run, execution=Execution(data_workers=1))
    train(RunFolder(run.path), execution=Execution(data_workers=2))
    assert traces(run.path) == traces(tmp_path / "inline")


def test_steps_are_made_ahead_by_other_processes_and_not_without_end(tmp_path: Path) -> None:
    with load_ahead(Large(tmp_path), 2) as take:
        step = 0
        while take(step)[0] == step and len(made(tmp_path)) == step + 1:
            time.sleep(0.01)
            step += 1
        # The next step has been fetched, and each worker waits with one more; none of the next three was asked for.
        ahead = list(range(step + 4))
        assert soon(lambda: made(tmp_path) == ahead)
        time.sleep(0.3)
        assert made(tmp_path) == ahead
        assert [int(take(later)[-1]) for later in range(step + 1, step + 6)] == [*range(step + 1, step + 6)]


def test_with_no_workers_nothing_is_made_before_it_is_asked_for(tmp_path: Path) -> None:
    with load_ahead(Noted(tmp_path), 0) as take:
        assert take(3) == (3, os.getpid())
    assert made(tmp_path) == [3]


def test_steps_out_of_turn_are_refused(tmp_path: Path) -> None:
    with load_ahead(Noted(tmp_path), 1) as take:
        take(2)
        with pytest.raises(ValueError, match="step 4 was asked for where 3 is the next"):
            take(4)


def test_what_making_a_step_raises_comes_where_that_step_is_asked_for(tmp_path: Path) -> None:
    with load_ahead(Noted(tmp_path, fails_at=2), 2) as take:
        assert [take(0)[0], take(1)[0]] == [0, 1]
        with pytest.raises(InputError) as caught:
            take(2)
    assert str(caught.value) == "step: 2 cannot be made; ask for another"


@pytest.mark.parametrize("workers", [1, 2])
def test_what_making_a_step_elsewhere_raises_comes_where_that_step_is_asked_for(workers: int) -> None:
    with load_ahead(FailsElsewhere(os.getpid(), is_bug=False), workers) as take:
        step = -1
        with pytest.raises(InputError) as caught:
            while True:
                take(step := step + 1)
                time.sleep(0.01)
    assert str(caught.value) == f"step: {step} cannot be made; ask for another"


_SCRIPT = """
import os
from edgewise.training.loader import load_ahead
def mine(step):
    return os.getpid()
with load_ahead(mine, 2) as take:
    print(take(0) == take(1) == os.getpid())
"""


def test_what_the_script_itself_defines_is_called_there() -> None:
    done = subprocess.run([sys.executable, "-c", _SCRIPT], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("True\n", "")


def test_short_runs_on_a_cpu_start_no_process_unless_told_to() -> None:
    cpu, gpu = Execution(), Execution(device=torch.device("cuda"))
    assert [cpu.loader_workers(steps) for steps in (1, 499, 500)] == [0, 0, 1]
    assert gpu.loader_workers(1) > 1
    assert [Execution(data_workers=workers).loader_workers(10_000) for workers in (0, 3)] == [0, 3]


def test_a_bug_keeps_its_place_in_the_code() -> None:
    with (
        load_ahead(FailsElsewhere(os.getpid(), is_bug=True), 1) as take,
        pytest.raises(ZeroDivisionError) as caught,
    ):
        first_from_elsewhere(lambda step: (take(step), os.getpid()))
    assert "making.py" in caught.value.__notes__[0] and "raise ZeroDivisionError" in caught.value.__notes__[0]


def test_a_world_that_fails_in_a_worker_stops_training_with_its_own_line(tmp_path: Path) -> None:
    spec = SPEC.model_copy(update={"row_length": 8})
    lines = []
    for workers in (0, 1):
        with pytest.raises(InputError) as caught:
            train(RunFolder(tmp_path / str(workers)), spec, execution=Execution(data_workers=workers))
        folder, _, line = str(caught.value).partition(": step 0: ")
        assert folder == str(tmp_path / str(workers))
        lines.append(line)
    assert lines[0] == lines[1] and lines[0].startswith("row_length: must hold the longest document")


def test_what_cannot_be_loaded_elsewhere_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MAKE.func, "__module__", "a_module_that_is_nowhere")
    monkeypatch.setitem(sys.modules, "a_module_that_is_nowhere", sys.modules["edgewise.training.documents"])
    with (
        load_ahead(MAKE, 1) as take,
        pytest.raises(InputError, match=r"^data_workers: [^\n]* cannot load [^\n]*a_module_that_is_nowhere[^\n]*$"),
    ):
        for step in range(10_000):
            take(step)
            time.sleep(0.01)


def test_a_killed_worker_is_one_line_and_the_others_end(tmp_path: Path) -> None:
    with load_ahead(Noted(tmp_path), 2) as take:
        step, (_, first) = first_from_elsewhere(take)
        second = take(step + 1)[1]
        os.kill(second, signal.SIGKILL)
        with pytest.raises(
            InputError, match=r"^data_workers: [^\n]* was killed by SIGKILL, perhaps for want of memory;"
        ):
            for later in range(step + 2, 10_000):
                take(later)
        assert alive(first)
    assert not alive(first) and not alive(second)


def test_workers_end_where_the_context_is_left_by_an_error() -> None:
    pids: list[int] = []
    with pytest.raises(KeyboardInterrupt), load_ahead(process, 2) as take:
        step, first = first_from_elsewhere(take)
        pids += [first, take(step + 1)]
        raise KeyboardInterrupt
    assert len(set(pids)) == 2 and not any(map(alive, pids))


_CHILD = """
import os, time
from edgewise.training.loader import load_ahead
from tests.training.making import process
with load_ahead(process, 2) as take:
    step = 0
    while (first := take(step)) == os.getpid():
        step += 1
        time.sleep(0.01)
    print(first, take(step + 1), flush=True)
    try:
        for step in range(step + 2, 10**9):
            take(step)
    except KeyboardInterrupt:
        time.sleep(0.3)  # long enough for the workers to say something too
        raise
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_workers_end_with_a_process_that_is_killed(how: signal.Signals) -> None:
    """No main guard is needed in the script, and an interrupt is reported once, by the process that trains."""
    child = subprocess.Popen(
        [sys.executable, "-c", _CHILD],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert child.stdout is not None and child.stderr is not None
    pids = [int(word) for word in child.stdout.readline().split()]
    assert len(pids) == 2 and all(map(alive, pids))
    if how is signal.SIGINT:
        os.killpg(child.pid, how)  # as a terminal does it
    else:
        child.send_signal(how)
    child.wait()
    assert soon(lambda: not any(map(alive, pids)))
    told = child.stderr.read()
    assert told.count("Traceback") == (how is signal.SIGINT), told
    child.stdout.close()
    child.stderr.close()


def test_what_makes_rows_imports_no_torch() -> None:
    with load_ahead(partial(with_process, partial(modules, MAKE)), 1) as take:
        _, (names, _) = first_from_elsewhere(take)
    found = set(names)
    assert "edgewise.training.documents" in found and "torch" not in found


def test_data_seconds_are_part_of_the_seconds(tmp_path: Path) -> None:
    totals = next_token.train_next_token(decoder(), TOKENIZER, WORLD, SPEC, 1, RunFolder(tmp_path))
    assert 0 < totals.data_seconds < totals.seconds
    again = next_token.train_next_token(decoder(), TOKENIZER, WORLD, SPEC, 1, RunFolder(tmp_path))
    assert again.data_seconds == totals.data_seconds
