"""How a process ended, in words; starting processes that a terminal's interrupt does not reach, and killing them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any


def describe_exit(status: int | None) -> str:
    """What is known from an exit status of `subprocess` or `multiprocessing`, in which -n means signal n.

    Memory is named for SIGKILL alone: that is how a system ends a process when it has no memory left.
    """
    if status is None:
        return "ended, how is not known"
    if status >= 0:
        return f"ended with exit status {status}"
    try:
        name = signal.Signals(-status).name
    except ValueError:
        name = f"signal {-status}"
    return f"was killed by {name}" + (", perhaps for want of memory" if name == "SIGKILL" else "")


# Arguments of Popen: the process is no member of the terminal's group, which Ctrl-C is sent to.
if sys.platform == "win32":
    OUT_OF_REACH: dict[str, Any] = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
else:
    OUT_OF_REACH: dict[str, Any] = {"start_new_session": True}


def kill_with_descendants(process: subprocess.Popen[bytes]) -> None:
    """End a process that was started `OUT_OF_REACH` and not yet waited for, and all that it started."""
    if sys.platform == "win32":
        words = ["taskkill", "/F", "/T", "/PID", str(process.pid)]
        subprocess.run(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        process.kill()
        return
    # One that has just died by itself keeps its own exit status (and macOS then refuses the signal).
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


@contextmanager
def interrupts_held_back() -> Iterator[None]:
    """Processes started inside never see SIGINT. What this process is sent meanwhile, SIGINT or SIGTERM, comes after.

    A terminal sends its interrupt to every process of a command: the first one decides what happens to the others. And
    a start that is cut in two leaves a process that waits for the rest of what it needs.
    """
    came: list[int] = []
    in_main_thread = threading.current_thread() is threading.main_thread()
    # Python runs handlers in the main thread, whichever thread the system has chosen: a mask alone does not hold back.
    held = [n for n in (signal.SIGINT, signal.SIGTERM) if in_main_thread and callable(signal.getsignal(n))]
    before = {number: signal.signal(number, lambda number, frame: came.append(number)) for number in held}
    try:
        with _interrupts_masked():
            yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for caught in came:
            signal.raise_signal(caught)


@contextmanager
def _interrupts_masked() -> Iterator[None]:
    """What is started inside has SIGINT masked for good."""
    if sys.platform == "win32":  # processes there inherit no mask
        yield
        return
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
