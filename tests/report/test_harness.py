from __future__ import annotations

from pathlib import Path

from tests.report.browser import CLOSE, OPEN, drive, needs_browser
from tests.report.hostile import SCRIPT


@needs_browser
def test_the_harness_sees_faults_and_hostile_scripts(tmp_path: Path) -> None:
    bare = f"<html><head></head><body>{SCRIPT}<script>missing()</script></body></html>"
    seen = drive(bare, OPEN.replace("400", "1") + CLOSE, tmp_path)
    assert seen["hacked"] == 1
    assert any("missing" in fault for fault in seen["faults"])
