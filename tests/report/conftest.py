from __future__ import annotations

from pathlib import Path

import pytest

from edgewise.boundary.audit.result import Audit
from edgewise.report.folder import write_report
from edgewise.study.measure import Findings
from tests.report import lab, synthetic


@pytest.fixture(scope="session")
def found() -> Audit:
    return synthetic.planted()


@pytest.fixture(scope="session")
def folder(found: Audit, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole report of an audit, written once."""
    out = tmp_path_factory.mktemp("report") / "new"
    command = "edgewise audit 'x' & more"
    write_report(found, out, examples=synthetic.examples(), prompts=synthetic.prompts(), command=command)
    return out


@pytest.fixture(scope="session")
def page(folder: Path) -> str:
    return (folder / "report.html").read_text("utf-8")


@pytest.fixture(scope="session")
def findings() -> Findings:
    return lab.findings()


@pytest.fixture(scope="session")
def study_page(findings: Findings) -> str:
    """The page of a study."""
    return lab.render(findings, command="edgewise run 'x' & more")
