"""The process in which an external grader runs; see `edgewise.tasks.grading`.

It is run as a file and imports the standard library only, so that it starts in milliseconds.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

_MAX_REPLY = 2**24


def serve(function: str, memory: int) -> None:
    """Write a line that says the process is ready, then reply to each request until the input ends."""
    # Foreign code has its own idea of standard input and output: neither may touch the conversation.
    requests, replies = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)

    def say(**reply: Any) -> None:
        line = json.dumps(reply).encode() + b"\n"
        if len(line) > _MAX_REPLY:
            raise ValueError(f"its value is over {_MAX_REPLY} bytes")
        replies.write(line)
        replies.flush()

    limit_memory(memory)
    try:
        target = _imported(function)
    except Exception as error:
        return say(failure=f"cannot be imported: {_one_line(error)}")
    say()
    for line in requests:
        arguments, timeout = json.loads(line)
        try:
            with ended_after(timeout):
                value = target(*arguments)
            say(value=value)
        except MemoryError:
            return say(exhausted=True)
        except (Exception, SystemExit) as error:
            say(failure=f"the grader raised {_one_line(error)}")


if sys.platform == "win32":
    import faulthandler

    def limit_memory(most: int) -> None:
        """Windows has no limit of its own that a process could set."""

    @contextmanager
    def ended_after(seconds: float) -> Iterator[None]:
        """If the caller itself was killed, nobody else can end a grader that hangs: a thread that needs no GIL does."""
        faulthandler.dump_traceback_later(seconds + 1, exit=True)
        try:
            yield
        finally:
            faulthandler.cancel_dump_traceback_later()

else:
    import resource

    def limit_memory(most: int) -> None:
        """Set the limit of address space, MiB, which macOS does not hold to; and write no core files."""
        _limit(resource.RLIMIT_CORE, 0)
        if sys.platform == "linux":
            _limit(resource.RLIMIT_AS, most * 2**20)

    @contextmanager
    def ended_after(seconds: float) -> Iterator[None]:
        """If the caller itself was killed, nobody else can kill a grader that hangs: the kernel does."""
        used = resource.getrusage(resource.RUSAGE_SELF)
        _limit(resource.RLIMIT_CPU, int(used.ru_utime + used.ru_stime + seconds) + 1)
        yield

    def _limit(kind: int, most: int) -> None:
        hard = resource.getrlimit(kind)[1]
        resource.setrlimit(kind, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


def _imported(function: str) -> Callable[..., Any]:
    module, _, name = function.partition(":")
    imported: Callable[..., Any] = getattr(importlib.import_module(module), name)
    return imported


def _one_line(error: BaseException) -> str:
    return f"{type(error).__name__:.40}: {' '.join(str(error)[:200].split())!r:.80}"


if __name__ == "__main__":
    sys.path[:] = json.loads(sys.argv[1])
    serve(sys.argv[2], int(sys.argv[3]))
