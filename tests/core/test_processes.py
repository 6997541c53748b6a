from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from edgewise.core.processes import describe_exit, interrupts_held_back


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (-9, "was killed by SIGKILL, perhaps for want of memory"),
        (-15, "was killed by SIGTERM"),
        (-11, "was killed by SIGSEGV"),
        (-200, "was killed by signal 200"),
        (1, "ended with exit status 1"),
        (0, "ended with exit status 0"),
        (None, "ended, how is not known"),
    ],
)
def test_memory_is_named_for_sigkill_alone(status: int | None, words: str) -> None:
    assert describe_exit(status) == words


def test_a_process_started_with_interrupts_held_back_never_sees_one_and_its_parent_sees_it_later() -> None:
    code = "import signal; signal.raise_signal(signal.SIGINT); print('went on')"
    with pytest.raises(KeyboardInterrupt), interrupts_held_back():
        signal.raise_signal(signal.SIGINT)
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "went on\n"
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, set())
