"""Graders that hang, crash, eat memory or print never stop their caller, and never read as a wrong answer."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from edgewise.core.errors import InputError
from edgewise.tasks import grading
from edgewise.tasks.grading import GraderReply, grade, stop
from edgewise.tasks.grading_pipes import ThreadedPipes

GRADERS = """
import os, sys, time, subprocess
kept = []
def keep(x): kept.append(x); return kept
def where(): return [os.getpid(), sys.flags.hash_randomization, hash("a")]
def noisy(): print("x" * 100_000); os.write(1, b"{}\\n"); return sys.stdin.read()
def strange(): return {1, 2}
def large(): return "x" * 20_000_000
def leaves_a_child(): return subprocess.Popen(["sleep", "60"]).pid
def dies_with_a_child(path):
    open(path, "w").write(str(subprocess.Popen(["sleep", "60"]).pid))
    os._exit(9)
def slow(x): time.sleep(0.3); return x
def spin():
    while True: pass
"""


posix = pytest.mark.skipif(sys.platform == "win32", reason="what it does to processes only POSIX systems can")


@pytest.fixture(scope="module", autouse=True)
def graders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A module of graders that this process and its graders can import."""
    folder = tmp_path_factory.mktemp("graders")
    (folder / "some_graders.py").write_text(GRADERS)
    sys.path.insert(0, str(folder))
    yield
    sys.path.remove(str(folder))
    stop()


def alive(pid: int) -> bool:
    """Whether a process runs; one that only waits to be reaped does not."""
    if sys.platform != "linux":
        asked = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
        return asked.stdout.strip()[:1] not in ("", "Z")
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def ends(pid: int, seconds: float = 5.0) -> bool:
    """Whether a process ends in time."""
    deadline = time.monotonic() + seconds
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not alive(pid)


def test_a_value_comes_back_as_plain_data() -> None:
    assert grade("operator:add", 2, 3) == GraderReply(5)
    assert grade("operator:add", [1, None], ["\ud800é\n", {"a": True}]) == GraderReply(
        [1, None, "\ud800é\n", {"a": True}]
    )
    assert grade("builtins:len", "x" * 300_000) == GraderReply(300_000)


def test_one_process_serves_all_calls_of_a_function_and_none_of_another() -> None:
    first, second = grade("some_graders:where").value, grade("some_graders:where").value
    assert first == second
    assert first[0] != os.getpid()
    assert grade("some_graders:keep", 1).value == [1]
    assert grade("some_graders:keep", 2).value == [1, 2]


def test_strings_hash_alike_in_every_grader() -> None:
    before = grade("some_graders:where").value
    stop()
    after = grade("some_graders:where").value
    assert before[0] != after[0]
    assert before[1:] == after[1:]


def test_a_warm_call_takes_under_a_millisecond() -> None:
    grade("operator:add", 1, 1)
    times = []
    for _ in range(200):
        start = time.perf_counter()
        grade("operator:add", 1, 1)
        times.append(time.perf_counter() - start)
    assert sorted(times)[len(times) // 10] < 1e-3, "starting a process takes a hundred times as long"


@pytest.mark.parametrize("hanging", [("time:sleep", 60), ("some_graders:spin",), ("re:fullmatch", "(a|a)*b", "a" * 60)])
def test_a_grader_that_hangs_is_killed_and_starts_anew(hanging: tuple[str, ...]) -> None:
    pid = grade("some_graders:where").value[0]
    start = time.monotonic()
    assert grade(*hanging, timeout=0.2) == GraderReply(failure="no verdict in 0.2 s")
    assert time.monotonic() - start < 5
    assert grade("some_graders:where").value[0] == pid


def test_after_a_hang_the_same_function_answers_again() -> None:
    assert grade("time:sleep", 60, timeout=0.1).failure
    assert grade("time:sleep", 0) == GraderReply(None)


@pytest.mark.parametrize(
    ("function", "argument", "why"),
    [("os:_exit", 3, "exit status 3"), pytest.param("os:abort", None, "signal 6", marks=posix)],
)
def test_a_grader_that_dies_says_how(function: str, argument: int | None, why: str) -> None:
    arguments = () if argument is None else (argument,)
    for _ in range(2):
        assert grade(function, *arguments) == GraderReply(failure=f"the grader ended with {why}")


@posix
def test_a_grader_that_was_killed_while_idle_fails_no_completion() -> None:
    pid = grade("some_graders:where").value[0]
    os.kill(pid, 9)
    assert ends(pid)
    again = grade("some_graders:where")
    assert again.failure == ""
    assert again.value[0] != pid


def test_exceptions_and_values_that_are_no_data_are_one_line() -> None:
    assert grade("operator:truediv", 1, 0).failure == "the grader raised ZeroDivisionError: 'division by zero'"
    assert grade("sys:exit", 3).failure == "the grader raised SystemExit: '3'"
    assert grade("some_graders:strange").failure.startswith("the grader raised TypeError")
    assert grade("some_graders:large").failure == "the grader raised ValueError: 'its value is over 16777216 bytes'"
    failure = grade("builtins:int", "7\n" * 5000 + "x").failure
    assert "\n" not in failure
    assert len(failure) < 200


@pytest.mark.skipif(sys.platform != "linux", reason="the limit is enforced on Linux")
def test_a_grader_out_of_memory_is_replaced() -> None:
    assert grade("operator:mul", "a" * 1000, 10**7, memory=700) == GraderReply(
        failure="the grader ran out of its 700 MiB"
    )
    assert grade("operator:mul", "a", 3, memory=700) == GraderReply("aaa")


def test_what_a_grader_prints_is_no_reply_and_its_input_is_empty() -> None:
    assert grade("some_graders:noisy") == GraderReply("")
    assert grade("some_graders:noisy") == GraderReply("")


@posix
def test_a_grader_dies_with_all_that_it_started(tmp_path: Path) -> None:
    child = grade("some_graders:leaves_a_child").value
    assert alive(child)
    stop()
    assert ends(child)
    assert grade("some_graders:dies_with_a_child", str(tmp_path / "pid")).failure
    assert ends(int((tmp_path / "pid").read_text()))


@pytest.mark.parametrize("name", ["no.such.module:x", "json:no_such_name", "json", ":x"])
def test_a_name_that_is_no_function_is_bad_input(name: str) -> None:
    with pytest.raises(InputError, match=f"^grader {name}: cannot be imported: .*; name an importable module:function"):
        grade(name)


def test_threads_share_a_grader_and_get_their_own_replies() -> None:
    wrong: list[int] = []

    def work(number: int) -> None:
        wrong.extend(i for i in range(50) if grade("operator:add", number, i) != GraderReply(number + i))

    threads = [threading.Thread(target=work, args=(1000 * n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@posix
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_worker_processes_have_graders_of_their_own(method: str) -> None:
    mine = grade("some_graders:where").value[0]
    with ProcessPoolExecutor(1, mp_context=get_context(method)) as pool:
        theirs = pool.submit(grade, "some_graders:where").result().value[0]
        assert pool.submit(grade, "time:sleep", 60, timeout=0.1).result().failure == "no verdict in 0.1 s"
        assert theirs != mine
    assert grade("some_graders:where").value[0] == mine
    assert ends(theirs)


@posix
def test_a_fork_in_the_middle_of_a_call_waits_for_nobody() -> None:
    calling = threading.Thread(target=grade, args=("time:sleep", 1))
    calling.start()
    time.sleep(0.3)
    worker = os.fork()
    if worker == 0:
        os._exit(0 if grade("time:sleep", 0) == GraderReply(None) else 1)
    calling.join()
    deadline = time.monotonic() + 10
    ended, status = os.waitpid(worker, os.WNOHANG)
    while not ended and time.monotonic() < deadline:
        time.sleep(0.02)
        ended, status = os.waitpid(worker, os.WNOHANG)
    if not ended:
        os.kill(worker, 9)
        os.waitpid(worker, 0)
    assert (ended, status) == (worker, 0)


@posix
def test_an_interrupted_call_leaves_no_reply_for_the_next() -> None:
    grade("some_graders:slow", 1)
    interrupt = threading.Timer(0.1, signal.pthread_kill, (threading.get_ident(), signal.SIGINT))
    interrupt.start()
    with pytest.raises(KeyboardInterrupt):
        grade("some_graders:slow", 2)
    assert grade("some_graders:slow", 3) == GraderReply(3)


END = """
import os, signal, sys
from edgewise.tasks.grading import grade
if __name__ == "__main__":
    print(grade("os:getpid").value, flush=True)
    {end}
"""


@posix
@pytest.mark.parametrize("end", ["1 / 0", "os._exit(0)", "os.kill(os.getpid(), signal.SIGKILL)"])
def test_no_grader_outlives_its_caller(end: str) -> None:
    done = subprocess.run([sys.executable, "-c", END.format(end=end)], capture_output=True, text=True, check=False)
    assert ends(int(done.stdout))


@posix
def test_a_busy_grader_ends_itself_where_its_caller_was_killed(tmp_path: Path) -> None:
    program = textwrap.dedent(f"""
        import os, threading, time
        from edgewise.tasks.grading import grade
        threading.Thread(target=grade, args=("busy:spin", {str(tmp_path / "pid")!r}), kwargs=dict(timeout=0.1)).start()
        while not os.path.exists({str(tmp_path / "pid")!r}): time.sleep(0.01)
        os.kill(os.getpid(), 9)
    """)
    (tmp_path / "busy.py").write_text(
        "import os\ndef spin(path):\n    open(path + 'x', 'w').write(str(os.getpid()))\n"
        "    os.rename(path + 'x', path)\n    while True: pass\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}
    subprocess.run([sys.executable, "-c", program], env=environment, check=False)
    assert ends(int((tmp_path / "pid").read_text()), 10)


def test_as_on_windows_a_busy_grader_ends_itself_and_an_idle_one_does_not() -> None:
    """Its process, told that it is there, whose caller does not end it."""
    program = f"""
import runpy, sys
sys.platform, sys.argv = "win32", ["", {json.dumps(sys.path)!r}, "builtins:eval", "100"]
runpy.run_path({grading._PROCESS!r}, run_name="__main__")
"""
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        bufsize=0,
    )
    pipes = ThreadedPipes(process)
    replies = [pipes.exchange(request, 60) for request in (b"", b'[["6 * 7"], 0]\n')]
    time.sleep(1.2)
    replies.append(pipes.exchange(b'[["any(iter(bool, 1))"], 0]\n', 60))
    process.kill()
    pipes.close()
    assert replies == [b"{}\n", b'{"value": 42}\n', b""] and process.wait() == 1, "it had ended itself"


def test_nothing_starts_at_import() -> None:
    program = "import threading, edgewise.tasks.grading as g; print(len(g._graders), threading.active_count())"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["0", "1"]
