"""The tests that need a GPU, by pytest in a process of its own."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from xml.etree import ElementTree

import torch

from benchmarks.gpu.scale import Scale

_ROOT = Path(__file__).parents[2]


def suite(scale: Scale, _: torch.device) -> dict[str, list[float]]:
    """How many passed; RuntimeError names those that did not, after pytest has printed why."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        options = ["-q", "-n0", f"--junitxml={report}", *scale.tests]
        done = subprocess.run([sys.executable, "-m", "pytest", *options], cwd=_ROOT)
        if not report.exists():
            raise RuntimeError(f"pytest ended with status {done.returncode} before any test")
        cases = list(ElementTree.parse(report).iter("testcase"))
    failed = [str(case.get("name")) for case in cases if any(part.tag in ("failure", "error") for part in case)]
    skipped = sum(any(part.tag == "skipped" for part in case) for case in cases)
    if failed or done.returncode:
        status = f"pytest's status {done.returncode}"
        raise RuntimeError(f"{len(failed)} of {len(cases)} tests fail ({status}): {', '.join(failed[:5])}")
    return {"passed": [float(len(cases) - skipped)]}
