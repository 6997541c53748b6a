from __future__ import annotations

import os
import signal

# Both are read when their library is imported, so before any fixture could set them.
os.environ.setdefault("GOMP_SPINCOUNT", "0")
os.environ["HF_HUB_OFFLINE"] = "1"

import pytest
import torch


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    """Sums are in one order only while the number of threads stays the same."""
    torch.set_num_threads(1)


@pytest.fixture(autouse=True, scope="session")
def interrupts() -> None:
    """A job in the background of a shell is started with interrupts ignored, which all that it starts would inherit."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
