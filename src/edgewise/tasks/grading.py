"""Run an external grader (any function of plain data) in a process that can be killed.

Foreign code that grades hostile text can hang, crash, use up the memory or print anything. So it runs in its own
process, which is killed after its time and started again at the next call. The reply is a value, or the reason why
there is none: a dead grader never counts as a wrong answer.

Each function has one process, which starts at the first call and exchanges lines of JSON, so nothing is unpickled. No
signal is used in the calling process: `grade` works in any thread and in any worker process, and a forked worker
starts its own graders.
"""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from edgewise.core.errors import InputError
from edgewise.core.processes import OUT_OF_REACH, kill_with_descendants

START_SECONDS = 120.0
_PROCESS = str(Path(__file__).with_name("grading_process.py"))


@dataclass(frozen=True, slots=True)
class GraderReply:
    """What a grader returned, or, if `failure` is not empty, why there is no value (one line)."""

    value: Any = None
    failure: str = ""


def grade(function: str, *arguments: Any, timeout: float = 10.0, memory: int = 4096) -> GraderReply:
    """Call `function` ("module:name") with `arguments` and wait at most `timeout` seconds for its value.

    Arguments and value are plain JSON data. `memory` (MiB) bounds the address space of the process (enforced on
    Linux). Calls of one function wait for each other. The start of the process does not count as time of the call.

    InputError if the function cannot be imported or its process does not start.
    """
    with _lock:
        grader = _graders.setdefault((function, memory), _Grader(function, memory))
    return grader.ask(arguments, timeout)


def stop() -> None:
    """End the graders of this process; the next call starts a new one. Runs at exit."""
    with _lock:
        for grader in _graders.values():
            grader.kill()
        _graders.clear()


class _Grader:
    def __init__(self, function: str, memory: int) -> None:
        self.function, self.memory = function, memory
        self.process: _Process | None = None
        self.lock = threading.Lock()

    def ask(self, arguments: tuple[Any, ...], timeout: float) -> GraderReply:
        request = json.dumps([arguments, timeout]).encode() + b"\n"
        with self.lock:
            if self.process is None or self.process.ended():
                self.kill()
                self._start()
            assert self.process is not None
            try:
                line = self.process.exchange(request, timeout)
            except BaseException:
                # An interrupted call leaves a reply behind, which the next one would take for its own.
                self.kill()
                raise
            if line is None:
                self.kill()
                return GraderReply(failure=f"no verdict in {timeout:g} s")
            if not line:
                return GraderReply(failure=f"the grader ended with {_ending(self.kill())}")
            try:
                reply = json.loads(line)
            except RecursionError:
                return GraderReply(failure="the grader's value is nested too deeply")
            if reply.get("exhausted"):
                self.kill()
                return GraderReply(failure=f"the grader ran out of its {self.memory} MiB")
            return GraderReply(reply.get("value"), reply.get("failure", ""))

    def _start(self) -> None:
        self.process = _Process(self.function, self.memory)
        try:
            line = self.process.exchange(b"", START_SECONDS)
        except BaseException:
            self.kill()
            raise
        reply = json.loads(line) if line else {"failure": "did not start: its process gave no sign of life"}
        if "failure" in reply:
            self.kill()
            raise InputError(f"grader {self.function}: {reply['failure']}; name an importable module:function")

    def kill(self) -> int:
        """End the process, if there is one, and all that it started; returns its exit status."""
        process, self.process = self.process, None
        return 0 if process is None else process.kill()


class _Process:
    """A started grader, and the thread that talks to it: on Windows nothing else waits for a pipe with a time limit."""

    def __init__(self, function: str, memory: int) -> None:
        self._popen = subprocess.Popen(
            # The caller's sys.path is given over, so that the child finds whatever the caller would.
            [sys.executable, "-P", _PROCESS, json.dumps(sys.path), function, str(memory)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            # Killed with all that it started.
            **OUT_OF_REACH,
            # Sets of strings iterate alike in every process, and no thread pool eats the address space.
            env={**os.environ, "PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        )
        self._requests: SimpleQueue[bytes | None] = SimpleQueue()
        self._replies: SimpleQueue[bytes] = SimpleQueue()
        threading.Thread(target=self._talk, daemon=True).start()

    def ended(self) -> bool:
        """Whether it has ended by itself."""
        return self._popen.poll() is not None

    def exchange(self, request: bytes, seconds: float) -> bytes | None:
        """Send `request` and read one line; None if that takes too long, b"" if the process ended."""
        self._requests.put(request)
        try:
            return self._replies.get(timeout=seconds)
        except Empty:
            return None

    def kill(self) -> int:
        """End it, and all that it started; returns its exit status. What is being exchanged is lost."""
        if self._popen.returncode is None:
            kill_with_descendants(self._popen)
        self._requests.put(None)
        return self._popen.wait()

    def forget(self) -> None:
        """In a forked process, which has no copy of the thread: let go of pipes that are the parent's."""
        for pipe in (self._popen.stdin, self._popen.stdout):
            if pipe is not None:
                pipe.close()
        self._popen.returncode = 0

    def _talk(self) -> None:
        assert self._popen.stdin is not None and self._popen.stdout is not None
        with self._popen.stdin as into, self._popen.stdout as out_of:
            while (request := self._requests.get()) is not None:
                try:
                    unsent, reply = memoryview(request), b""
                    while unsent:
                        unsent = unsent[into.write(unsent) :]
                    while not reply.endswith(b"\n") and (piece := out_of.read(2**16)):
                        reply += piece
                except OSError:  # it has ended
                    reply = b""
                self._replies.put(reply if reply.endswith(b"\n") else b"")


def _ending(status: int) -> str:
    return f"exit status {status}" if status >= 0 else f"signal {-status}"


def _forget() -> None:
    # After a fork the pipes are shared with the parent, whose graders they are.
    global _lock
    _lock = threading.Lock()
    for grader in _graders.values():
        if grader.process is not None:
            grader.process.forget()
    _graders.clear()


_graders: dict[tuple[str, int], _Grader] = {}
_lock = threading.Lock()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
atexit.register(stop)
