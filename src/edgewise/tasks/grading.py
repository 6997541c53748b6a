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
from typing import Any

from edgewise.core.errors import InputError
from edgewise.core.processes import OUT_OF_REACH, kill_with_descendants
from edgewise.tasks.grading_pipes import Pipes, pipes_of

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
        self.process: subprocess.Popen[bytes] | None = None
        self.pipes: Pipes | None = None
        self.lock = threading.Lock()

    def ask(self, arguments: tuple[Any, ...], timeout: float) -> GraderReply:
        request = json.dumps([arguments, timeout]).encode() + b"\n"
        with self.lock:
            if self.process is None or self.process.poll() is not None:
                self.kill()
                self._start()
            assert self.pipes is not None
            try:
                line = self.pipes.exchange(request, timeout)
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
        self.process = subprocess.Popen(
            # The caller's sys.path is given over, so that the child finds whatever the caller would.
            [sys.executable, "-P", _PROCESS, json.dumps(sys.path), self.function, str(self.memory)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            # So that it is killed with all that it started, and only then.
            **OUT_OF_REACH,
            # Sets of strings iterate alike in every process, and no thread pool eats the address space.
            env={**os.environ, "PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        )
        self.pipes = pipes_of(self.process)
        line = self.pipes.exchange(b"", START_SECONDS)
        reply = json.loads(line) if line else {"failure": "did not start: its process gave no sign of life"}
        if "failure" in reply:
            self.kill()
            raise InputError(f"grader {self.function}: {reply['failure']}; name an importable module:function")

    def kill(self) -> int:
        """End the process, if there is one, and all that it started; returns its exit status."""
        if self.process is None:
            return 0
        process, self.process = self.process, None
        pipes, self.pipes = self.pipes, None
        if process.returncode is None:
            kill_with_descendants(process)
        if pipes is not None:
            pipes.close()
        return process.wait()


def _ending(status: int) -> str:
    return f"exit status {status}" if status >= 0 else f"signal {-status}"


def _forget() -> None:
    # After a fork the pipes are shared with the parent, whose graders they are.
    global _lock
    _lock = threading.Lock()
    for grader in _graders.values():
        if grader.process is not None and grader.pipes is not None:
            grader.pipes.close()
            grader.process.returncode = 0
    _graders.clear()


_graders: dict[tuple[str, int], _Grader] = {}
_lock = threading.Lock()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
atexit.register(stop)
