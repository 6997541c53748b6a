from __future__ import annotations

from pathlib import Path

import pytest

from .chaos import STAGES, chaos


@pytest.mark.slow
def test_killed_at_random_moments_every_kind_of_stage_ends_with_the_digests_of_a_calm_run(tmp_path: Path) -> None:
    completed = chaos(tmp_path, kills=10)
    assert completed.keys() == {stage.kind for stage in STAGES}
