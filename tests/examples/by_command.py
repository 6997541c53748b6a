"""Run a study of examples/ by its command, as its first lines tell the reader to."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edgewise.cli.options import StudyChoice

ROOT = Path(__file__).parents[2]


def boundary_of(study: str, settings: Sequence[str], out: Path, scale: str | None = None) -> dict[str, Any]:
    """The boundary.json that `edgewise run STUDY SETTINGS --scale SCALE` writes, beside a page."""
    options = [] if scale is None else ["--scale", scale]
    command = [sys.executable, "-m", "edgewise", "run", study, *settings, *options, "--out", str(out)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=ROOT / "examples", env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    folder = out / StudyChoice(study, settings, scale=scale).report_name()
    assert (folder / "report.html").exists()
    record: dict[str, Any] = json.loads((folder / "boundary.json").read_text(encoding="utf-8"))
    return record
