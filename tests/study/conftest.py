from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import torch

from edgewise.study.context import Context
from edgewise.study.runner import run
from edgewise.study.store import Store
from edgewise.study.study import Study

from .tiny import STUDY, Log


@pytest.fixture(autouse=True, scope="package")
def one_thread() -> Iterator[None]:
    """Sums are in one order only while the number of threads stays the same; workers have one."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@dataclass(frozen=True)
class Finished:
    """A study that has been run; nothing may write into its store."""

    study: Study
    store: Store
    log: Log


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    log = Log()
    root = tmp_path_factory.mktemp("finished") / "deep" / "store"
    store = run(STUDY.evaluations.values(), Context(root, workers=2), log)
    return Finished(STUDY, store, log)
