"""Ctrl-C and SIGTERM: end a command with one line that says how to go on, and exit status 128 + signal."""

from __future__ import annotations

import atexit
import os
import shlex
import signal
import socket
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

import typer

# Commands that keep what is computed, so that the same command goes on.
RESUMABLE = ("demo", "run", "rollouts")

# After a signal; the rest of a second is for the machine to be busy.
_SECONDS = 0.7


class _Stopped(BaseException):
    """A signal has asked this process to end. Not KeyboardInterrupt, which typer turns into an exit without a word."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@contextmanager
def stopped_by_signals() -> Iterator[None]:
    """Within this, SIGINT and SIGTERM end the process: it unwinds, prints how to go on, and exits, within a second.

    What has not unwound by then is left as a killed process would leave it, which loses nothing that was saved. A
    signal that this process was started to ignore stays ignored, as with a job in the background of a shell.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = [n for n in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(n) is not signal.SIG_IGN]

    def stop(number: int, frame: FrameType | None) -> None:
        # Wrappers such as `uv run` pass on what the terminal has already sent: the second must not end the unwinding.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        raise _Stopped(number)

    with _exit_within(_SECONDS, numbers):
        before = {number: signal.signal(number, stop) for number in numbers}
        try:
            yield
        except _Stopped as stopped:
            _say(stopped.number)
            _leave(128 + stopped.number)
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


@contextmanager
def _exit_within(seconds: float, numbers: Sequence[int]) -> Iterator[None]:
    """Within this, the process has exited so many seconds after it got one of the signals, whatever it is doing.

    Python's handlers run between two instructions of the main thread, which a compiled function may hold up for long,
    as the sampling of many completions does. The system tells of a signal at once, through a pipe.
    """
    ends, reads = socket.socketpair()
    ends.setblocking(False)
    over = threading.Event()

    def watch() -> None:
        while told := reads.recv(1):
            if told[0] in numbers and not over.wait(seconds):
                _say(told[0])
                os._exit(128 + told[0])

    before = signal.set_wakeup_fd(ends.fileno(), warn_on_full_buffer=False)
    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        signal.set_wakeup_fd(before)
        ends.close()
        thread.join()
        reads.close()


# Only one of the two threads says it.
_unsaid = threading.Lock()


def _say(number: int) -> None:
    if _unsaid.acquire(blocking=False):
        typer.echo(_how_to_go_on(number, sys.argv[1:]), err=True)


def _leave(status: int) -> None:
    """Exit without taking torch down, which takes a second or more; what is registered to be done at exit is done."""
    sys.stdout.flush()
    atexit._run_exitfuncs()
    os._exit(status)


def _how_to_go_on(number: int, words: list[str]) -> str:
    what = "interrupted" if number == signal.SIGINT else f"stopped by {signal.Signals(number).name}"
    # What --verify computes is thrown away when it has been compared.
    resumes = words[:1] and words[0] in RESUMABLE and not any(word.partition("=")[0] == "--verify" for word in words)
    how = "what is computed is kept; go on with" if resumes else "start again with"
    return f"{what}; {how}: {shlex.join(['edgewise', *words])}"
