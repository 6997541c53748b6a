from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from functools import partial

import pytest
import torch

from edgewise.core.threads import ALL_CORES, Cores, leavable, map_in_order

CPU = torch.device("cpu")


@pytest.fixture
def three_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")


def test_cores_are_those_that_were_asked_for_or_given(monkeypatch: pytest.MonkeyPatch) -> None:
    for asked, expected in (("3", 3), ("4,2", 4), ("0", 1)):
        monkeypatch.setenv("OMP_NUM_THREADS", asked)
        assert ALL_CORES.usable() == expected
    given = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count()
    for nothing in ("", "many"):
        monkeypatch.setenv("OMP_NUM_THREADS", nothing)
        assert ALL_CORES.usable() == given
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert ALL_CORES.usable() == given


def test_processes_that_share_the_cores_have_a_part_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "8")
    for processes, expected in ((1, 8), (3, 2), (20, 1), (0, 8)):
        assert Cores(partial(int, processes)).usable() == expected


@pytest.mark.usefixtures("three_threads")
def test_results_come_in_the_order_of_the_items_and_from_several_threads() -> None:
    names = set()

    def work(item: int) -> int:
        names.add(threading.get_ident())
        time.sleep(0.002 * (8 - item))
        return item * item

    assert list(map_in_order(work, range(8), CPU)) == [item * item for item in range(8)]
    assert len(names) == 3 and threading.get_ident() not in names


@pytest.mark.usefixtures("three_threads")
def test_torch_has_one_thread_inside_and_all_of_them_again_outside() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        assert set(map_in_order(lambda _: torch.get_num_threads(), range(6), CPU)) == {1}
        assert torch.get_num_threads() == 2
        # The caller leaves the cores to the others until the last result, or until it has had enough.
        assert {torch.get_num_threads() for _ in map_in_order(abs, range(6), CPU)} == {1}
        assert torch.get_num_threads() == 2
        some = iter(map_in_order(abs, range(6), CPU))
        assert next(some) == 0 and torch.get_num_threads() == 1
        del some
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


@pytest.mark.usefixtures("three_threads")
@pytest.mark.parametrize("recording", [True, False])
def test_gradients_are_recorded_as_where_it_is_called(recording: bool) -> None:
    with torch.set_grad_enabled(recording):
        assert set(map_in_order(lambda _: torch.is_grad_enabled(), range(6), CPU)) == {recording}


@pytest.mark.usefixtures("three_threads")
def test_what_is_raised_is_raised_here() -> None:
    def work(item: int) -> int:
        if item == 2:
            raise KeyError("two")
        return item

    with pytest.raises(KeyError, match="two"):
        list(map_in_order(work, range(4), CPU))


@pytest.mark.usefixtures("three_threads")
@pytest.mark.parametrize("items", [0, 1])
def test_little_work_starts_no_thread(items: int) -> None:
    here = threading.get_ident()
    assert list(map_in_order(lambda _: threading.get_ident(), range(items), CPU)) == [here] * items


def test_a_call_that_can_be_left_gives_its_result_or_its_error() -> None:
    main = threading.get_ident()
    assert leavable(threading.get_ident) != main
    with pytest.raises(ZeroDivisionError):
        leavable(lambda: 1 // 0)
    # In another thread, which gets no signals, it is called there.
    found: list[bool] = []
    thread = threading.Thread(target=lambda: found.append(leavable(threading.get_ident) == threading.get_ident()))
    thread.start()
    thread.join()
    assert found == [True]


LEFT = """
import hashlib, os, sys, time
import torch
from edgewise.core.threads import leavable, map_in_order

def hash_for_minutes(_=None):
    return hashlib.pbkdf2_hmac("sha256", b"", b"", 2_000_000_000)

try:
    print("begun", flush=True)
    if sys.argv[1] == "call":
        leavable(hash_for_minutes)
    else:
        list(map_in_order(hash_for_minutes, range(3), torch.device("cpu")))
except KeyboardInterrupt:
    print("left", torch.get_num_threads(), flush=True)
    if sys.argv[1] != "call":
        os._exit(0)  # a pool's threads are waited for at the end
"""


@pytest.mark.parametrize("how", ["call", "map"])
def test_an_interrupt_leaves_compiled_functions_that_run_for_minutes(how: str) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", LEFT, how], stdout=subprocess.PIPE, text=True, env=os.environ | {"OMP_NUM_THREADS": "2"}
    )
    assert process.stdout is not None and process.stdout.readline() == "begun\n"
    time.sleep(0.5)  # to be within the calls
    start = time.monotonic()
    process.send_signal(signal.SIGINT)
    assert process.stdout.readline() == "left 2\n" and time.monotonic() - start < 20, "minutes, unless it is left"
    assert process.wait(60) == 0, "the call alone would take longer"
