"""Stages from outside: found by registration or entry point, parents by what they produce."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any, Literal

import pytest
import torch

from edgewise.core.errors import InputError
from edgewise.core.spec import digest, plain
from edgewise.model.hf import load_pretrained
from edgewise.study.stages import RL, Evaluate, Midtrain, Pretrain, base, register_stage, stage_kinds, stage_of_kind
from edgewise.study.stages.base import Stage
from edgewise.study.store import Store
from tests.tiny import BASE_EVALUATION, EASY, PRETRAIN, TUNED

from .other_stages import Shrink

KINDS = ("average", "distill", "rollouts", "evaluate", "import", "midtrain", "pretrain", "rejection_tune", "rl", "sft")


@pytest.fixture(autouse=True)
def registry_as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(base, "_STAGES", dict(base._STAGES))
    yield


def entry_point(monkeypatch: pytest.MonkeyPatch, name: str, place: str) -> None:
    def points(group: str, **selected: str) -> list[EntryPoint]:
        found = [EntryPoint(name, place, group)] if group == "edgewise.stages" else []
        return [point for point in found if selected.get("name", name) == name]

    monkeypatch.setattr(base, "entry_points", points)


def test_a_stage_by_entry_point_is_read_from_json_and_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entry_point(monkeypatch, "shrink", "tests.study.other_stages:Shrink")
    shrunk = Shrink(parent=PRETRAIN, world=EASY)
    evaluation = Evaluate(parent=shrunk, world=EASY, problems=2, samples=2, sampling=BASE_EVALUATION.sampling)
    again = Evaluate.parse(plain(evaluation))
    assert again == evaluation and isinstance(again.parent, Shrink) and digest(again) == digest(evaluation)
    assert "shrink" in stage_kinds()
    store = Store(tmp_path)
    for stage in (PRETRAIN, shrunk, evaluation):
        store.compute(stage)
    before, after = (load_pretrained(store.folder(stage) / "model")[0] for stage in (PRETRAIN, shrunk))
    assert all(torch.equal(0.5 * a, b) for a, b in zip(before.parameters(), after.parameters(), strict=True))
    assert store.provenance(evaluation).parents == (store.folder(shrunk).name,)


def test_a_registered_stage_is_known_by_its_kind() -> None:
    assert stage_kinds()[:10] == KINDS
    register_stage(Shrink)
    assert stage_of_kind("shrink") is Shrink
    assert register_stage(Shrink) is Shrink, "the same class again is no clash"


def test_a_kind_is_taken_once() -> None:
    class Other(Shrink):
        kind: Literal["rl"] = "rl"  # type: ignore[assignment]

    with pytest.raises(InputError, match=r"^stage .*Other: the kind 'rl' is that of RL; use another$"):
        register_stage(Other)


def test_a_stage_without_a_kind_is_refused() -> None:
    class Nameless(Shrink):
        kind: str  # type: ignore[assignment]

    with pytest.raises(InputError, match="must name its kind"):
        register_stage(Nameless)


@pytest.mark.parametrize(
    ("parent", "wrong"),
    [
        (BASE_EVALUATION, "parent: must be a stage that produces a model; 'evaluate' produces rollouts"),
        (plain(BASE_EVALUATION), "parent: must be a stage that produces a model; 'evaluate' produces rollouts"),
        ({"kind": "nothing"}, f"parent: kind: must be one of {', '.join(KINDS)}, is 'nothing'"),
        ({"world": "modular"}, "parent: must be a stage: its fields with their `kind`"),
        ("pretrain", "parent: must be a stage: its fields with their `kind`"),
        ({"kind": "pretrain", "world": plain(EASY), "layers": 2}, "parent: layers: Extra inputs are not permitted"),
    ],
)
@pytest.mark.parametrize("stage", [RL, Evaluate, Midtrain])
def test_a_parent_of_the_wrong_kind_is_one_line(stage: type[Stage], parent: Any, wrong: str) -> None:
    with pytest.raises(InputError) as caught:
        stage.parse({"parent": parent, "world": EASY}, "stage")
    assert str(caught.value).startswith(f"stage: {wrong}") and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("place", "wrong"),
    [
        ("tests.study.no_such_module:Shrink", "cannot be imported"),
        ("tests.study.other_stages:Product", "must be a subclass"),
        ("tests.tiny:Pretrain", "must have this name"),
    ],
)
def test_an_entry_point_that_is_no_stage_is_named(monkeypatch: pytest.MonkeyPatch, place: str, wrong: str) -> None:
    entry_point(monkeypatch, "mine", place)
    with pytest.raises(InputError, match=rf"^stage 'mine': [^\n]*{wrong}"):
        stage_of_kind("mine")


def test_parents_are_the_stages_among_the_fields() -> None:
    assert PRETRAIN.parents == () and TUNED.parents == (PRETRAIN,) and BASE_EVALUATION.parents == (PRETRAIN,)
    assert isinstance(TUNED.parent, Pretrain)
