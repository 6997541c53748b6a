"""Two models in one file are two models, whatever the column is called that tells them apart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from edgewise.interop.arms import read_arms
from edgewise.interop.read import read_rollouts
from tests.interop.ingest.test_roles import CORRECT, EXPECTED, write
from tests.interop.writing import Totals, only, totals

SWAPPED: Totals = {id: (n, n - c) for id, (n, c) in EXPECTED.items()}


def two_models(name: str, base: Any, tuned: Any) -> list[dict[str, Any]]:
    """The samples of the tuned model, which has the verdicts that the base has not, before those of the base."""
    return [
        {"id": problem, name: model, "correct": correct != is_tuned}
        for model, is_tuned in ((tuned, True), (base, False))
        for problem, verdicts in enumerate(CORRECT)
        for correct in verdicts
    ]


@pytest.mark.parametrize("container", ["lines", "csv", "parquet"])
@pytest.mark.parametrize("name", ["policy", "checkpoint", "arm", "method", "variant", "Model", "modelName", "phase"])
def test_a_model_has_other_names(tmp_path: Path, name: str, container: str) -> None:
    base, tuned = read_rollouts(write(tmp_path / "a", two_models(name, "base", "step_100"), container))
    assert (base.model, totals(base)) == ("base", EXPECTED)
    assert (tuned.model, totals(tuned)) == ("step_100", SWAPPED)
    says = f"`{name}` tells 2 models apart (base, step_100): leave the column out where they are one"
    assert base.warnings == ((says,) if name not in ("Model", "modelName") else base.warnings)


def test_steps_are_in_their_order(tmp_path: Path) -> None:
    base, tuned = read_rollouts(write(tmp_path / "a", two_models("global_step", 5, 10)))
    assert ((base.model, totals(base)), (tuned.model, totals(tuned))) == (("5", EXPECTED), ("10", SWAPPED))


def test_a_method_that_the_model_chose_is_no_model(tmp_path: Path) -> None:
    rows = [
        {"id": problem, "method": "code" if (problem + sample) % 3 else "steps", "correct": correct}
        for problem, verdicts in enumerate(CORRECT)
        for sample, correct in enumerate(verdicts)
    ]
    imported = only(write(tmp_path / "a", rows))
    assert (imported.model, totals(imported)) == (None, EXPECTED)
    says = "`method` (code, steps) is not read as the model: --map model=method takes it as that"
    assert imported.warnings == (says,)


def test_a_model_with_samples_missing_is_told_by_the_word_base(tmp_path: Path) -> None:
    rows = [row for place, row in enumerate(two_models("policy", "base", "rl")) if place % 7]
    assert [model.model for model in read_rollouts(write(tmp_path / "a", rows))] == ["base", "rl"]


def test_an_unknown_column_that_every_problem_has_alike_is_pointed_out(tmp_path: Path) -> None:
    file = write(tmp_path / "a", two_models("flavour", "base", "rl"))
    (says,) = only(file).warnings
    assert says.endswith(
        "each of the 2 values of `flavour`, which is not read: --map model=flavour takes them as models"
    )
    base, tuned = read_rollouts(file, columns={"model": "flavour"})
    assert (totals(base), totals(tuned)) == (EXPECTED, SWAPPED)
    assert only(write(tmp_path / "b", two_models("seed", 0, 1))).warnings == ()


def test_a_base_that_only_the_order_says_is_pointed_out(tmp_path: Path) -> None:
    file = write(tmp_path / "a", two_models("model", "foo", "bar"))
    says = "bar is taken for the base, since it is the first in a, before foo."
    assert says in [concern.message for concern in read_arms([str(file)]).concerns]


@pytest.mark.parametrize(
    ("id", "correct"), [("Problem_ID", "Correct"), ("problemId", "isCorrect"), ("Question ID", "Is Correct")]
)
@pytest.mark.parametrize("container", ["lines", "csv", "parquet"])
def test_names_count_in_any_spelling(tmp_path: Path, id: str, correct: str, container: str) -> None:
    rows = [{id: problem, correct: verdict} for problem, verdicts in enumerate(CORRECT) for verdict in verdicts]
    imported = only(write(tmp_path / "a", rows, container))
    assert (totals(imported), imported.graded_by) == (EXPECTED, (correct,))
