from __future__ import annotations

import pytest

from edgewise.report.study.page import render
from edgewise.study.measure import Findings
from tests.report.study import synthetic


@pytest.fixture(scope="session")
def found() -> Findings:
    return synthetic.findings()


@pytest.fixture(scope="session")
def page(found: Findings) -> str:
    return render(found, command="edgewise run 'x' & more")
