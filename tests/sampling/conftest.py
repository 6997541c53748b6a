from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
import torch

# Read by transformers when it is imported, so before any fixture could set it.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TRANSFORMERS_OFFLINE"] = "1"


@pytest.fixture(autouse=True, scope="package")
def one_thread() -> Iterator[None]:
    """Sums are in one order only while the number of threads stays the same."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
