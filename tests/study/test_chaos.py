from __future__ import annotations

from pathlib import Path

import pytest

from edgewise.study.stages.base import stage_kinds, stage_of_kind

from .chaos import chaos


@pytest.mark.slow
def test_killed_at_random_moments_every_kind_of_stage_ends_with_the_digests_of_a_calm_run(tmp_path: Path) -> None:
    completed = chaos(tmp_path, kills=10)
    ours = {kind for kind in stage_kinds() if stage_of_kind(kind).__module__.startswith("edgewise.")}
    assert completed.keys() == ours
