from __future__ import annotations

from dataclasses import dataclass

import pytest

from edgewise.study.context import Context
from edgewise.study.run import run
from edgewise.study.store import Store
from edgewise.study.study import Study
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
