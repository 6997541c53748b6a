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


@pytest.mark.parametrize(
    ("base", "tuned", "said", "models"),
    [
        (False, False, "Not one of 16 samples is right: grade a solution that is known to be right", ("x", "y")),
        (True, True, "Every sample is right: grade a wrong one", ("x", "y")),
    ],
)
def test_a_pair_that_is_all_wrong_or_all_right_suspects_the_grader(
    tmp_path: Path, base: bool, tuned: bool, said: str, models: tuple[str, ...]
) -> None:
    paths = [f"{name}={write(tmp_path / name, correct=correct)}" for name, correct in (("x", base), ("y", tuned))]
    (concern,) = (concern for concern in read_arms(paths).concerns if concern.forbids)
    assert concern.message.startswith(said) and concern.models == models


def test_a_base_that_solves_nothing_is_pointed_out_and_may_be_compared(tmp_path: Path) -> None:
    paths = [f"x={write(tmp_path / 'x', correct=False)}", f"y={write(tmp_path / 'y')}"]
    concerns = read_arms(paths).concerns
    assert [(c.models, c.forbids) for c in concerns if "samples is right" in c.message] == [(("x",), False)]
    assert not any("is right" in concern.message for concern in read_arms(paths[1:]).concerns)
