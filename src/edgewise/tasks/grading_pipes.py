"""Exchange lines with a process through its pipes, within a time limit: by `poll`, or by a thread where there is none.

A thread does on every system, but each of its calls has the system change between threads, which takes milliseconds on
a busy machine. `poll` is there on Linux and macOS, and takes some ten microseconds.
"""

from __future__ import annotations

import os
import select
import subprocess
import sys
import threading
import time
from queue import Empty, SimpleQueue
from typing import Protocol


class Pipes(Protocol):
    """The standard input and output of a process, which was started without buffers."""

    def exchange(self, request: bytes, seconds: float) -> bytes | None:
        """Send `request` and read one line; None if that takes too long, b"" if the process ended."""

    def close(self) -> None:
        """Close both; the process has been killed."""


def pipes_of(process: subprocess.Popen[bytes]) -> Pipes:
    """The pipes of a process, waited for as this system can."""
    return ThreadedPipes(process) if sys.platform == "win32" else PolledPipes(process)


if sys.platform != "win32":

    class PolledPipes:
        """Pipes that the calling thread waits for itself."""

        def __init__(self, process: subprocess.Popen[bytes]) -> None:
            assert process.stdin is not None and process.stdout is not None
            self._ends = (process.stdin, process.stdout)
            os.set_blocking(process.stdin.fileno(), False)

        def exchange(self, request: bytes, seconds: float) -> bytes | None:
            """Send `request` and read one line; None if that takes too long, b"" if the process ended."""
            into, out_of = (end.fileno() for end in self._ends)
            deadline = time.monotonic() + seconds
            unsent, reply = memoryview(request), bytearray()
            poll = select.poll()
            poll.register(out_of, select.POLLIN)
            if unsent:
                poll.register(into, select.POLLOUT)
            while not reply.endswith(b"\n"):
                left = deadline - time.monotonic()
                if left <= 0:
                    return None
                for descriptor, _ in poll.poll(1000 * left):
                    if descriptor == out_of:
                        piece = os.read(out_of, 2**16)
                        if not piece:
                            return b""
                        reply += piece
                        continue
                    try:
                        unsent = unsent[os.write(into, unsent) :]
                    except BrokenPipeError:
                        return b""
                    if not unsent:
                        poll.unregister(into)
            return bytes(reply)

        def close(self) -> None:
            """Close both ends."""
            for end in self._ends:
                end.close()


class ThreadedPipes:
    """Pipes that a thread waits for, which ends with the process."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin is not None and process.stdout is not None
        self._ends = (process.stdin, process.stdout)
        self._requests: SimpleQueue[bytes | None] = SimpleQueue()
        self._replies: SimpleQueue[bytes] = SimpleQueue()
        threading.Thread(target=self._talk, daemon=True).start()

    def exchange(self, request: bytes, seconds: float) -> bytes | None:
        """Send `request` and read one line; None if that takes too long, b"" if the process ended."""
        self._requests.put(request)
        try:
            return self._replies.get(timeout=seconds)
        except Empty:
            return None

    def close(self) -> None:
        """Let the thread end, which closes both ends: it may still be reading the last of a killed process."""
        self._requests.put(None)

    def _talk(self) -> None:
        into, out_of = self._ends
        with into, out_of:
            while (request := self._requests.get()) is not None:
                unsent, reply = memoryview(request), b""
                try:
                    while unsent:
                        unsent = unsent[into.write(unsent) :]
                    while not reply.endswith(b"\n") and (piece := out_of.read(2**16)):
                        reply += piece
                except OSError:
                    reply = b""  # the process has ended
                self._replies.put(reply if reply.endswith(b"\n") else b"")
