from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest

from edgewise.study.context import Context

Machine = Callable[[str], Context]


@pytest.fixture(params=[pytest.param("file", marks=pytest.mark.slow), "memory"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return f"file://{tmp_path}/shared" if request.param == "file" else f"memory://{uuid4().hex}/shared"


@pytest.fixture
def machine(url: str, tmp_path: Path) -> Machine:
    """The context of a machine of this name, whose folder no other sees."""
    return lambda name: Context(tmp_path / name, workers=1, checkpoint_seconds=0.0, artifacts=url)
