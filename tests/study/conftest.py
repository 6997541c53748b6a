from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from edgewise.study.context import Context
from edgewise.study.run import run
from edgewise.study.store import Store
from edgewise.study.study import Study
from tests.study.in_process import compute_in_this_process
from tests.tiny import STUDY, Log


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
    store = run(STUDY, Context(root, workers=2), log)
    return Finished(STUDY, store, log)


@pytest.fixture
def copied(finished: Finished, tmp_path: Path) -> Store:
    """The finished store, to be altered."""
    shutil.copytree(finished.store.root, tmp_path / "copied")
    return Store(tmp_path / "copied")


@pytest.fixture
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stages are computed without the start of a worker, which takes longer than all of them."""
    compute_in_this_process(monkeypatch)
