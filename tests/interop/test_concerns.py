"""What is wrong with samples, and what differs between models, is found and said in one sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from edgewise.core.errors import InputError
from edgewise.interop.arms import read_arms
from tests.interop.test_arms import write


@pytest.mark.parametrize("columns", [{}, {"process_correct": None}])
def test_samples_none_of_which_was_graded_are_refused(tmp_path: Path, columns: dict[str, Any]) -> None:
    graded, path = write(tmp_path / "base.jsonl"), write(tmp_path / "tuned.jsonl", **columns | {"correct": None})
    for arguments in ([graded, path], [path, graded], [path]):
        with pytest.raises(InputError) as refused:
            read_arms(arguments)
        assert str(refused.value) == (
            f"{path}: correct: no verdict in any of the 8 samples, so there is no rate; grade them first, or name the "
            "field that holds the verdict"
        )
