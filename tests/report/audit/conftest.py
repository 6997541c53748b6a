from __future__ import annotations

from pathlib import Path

import pytest

from edgewise.boundary.audit.result import Audit
from edgewise.report.audit import write_report
from tests.report.audit import synthetic


@pytest.fixture(scope="session")
def found() -> Audit:
    return synthetic.planted()


@pytest.fixture(scope="session")
def folder(found: Audit, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole report, written once."""
    out = tmp_path_factory.mktemp("report") / "new"
    command = "edgewise audit 'x' & more"
    write_report(found, out, examples=synthetic.examples(), prompts=synthetic.prompts(), command=command)
    return out


@pytest.fixture(scope="session")
def page(folder: Path) -> str:
    return (folder / "report.html").read_text("utf-8")
