"""examples/my_study.py runs whole, at toy size, by its command."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.examples.by_command import boundary_of

TINY = ["pretraining.steps=3", "pretraining.documents=4", "steps=1", "problems=2", "samples=8"]


# Its parts run in the default suite too: worlds of one's own in workers, and the guides of docs/.
@pytest.mark.slow
def test_the_study_runs_with_its_own_world_in_the_workers(tmp_path: Path) -> None:
    record = boundary_of("my_study.py:my_study", TINY, tmp_path)
    assert record["models"] == ["base", "Dr. GRPO", "MaxRL"]
    assert [part["name"] for part in record["sets"]] == ["trained on", "edge", "beyond"]
