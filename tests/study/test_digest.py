"""What a digest covers, and what it does not: the list in the docstring of edgewise.study.stages.base."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from edgewise.core.spec import Spec, digest
from edgewise.study.context import Context
from edgewise.study.stages import RL, Evaluate, Midtrain, Pretrain, Stage
from edgewise.tasks.questions import Questions
from edgewise.training.execution import Execution
from tests.tiny import EASY, PRETRAIN, RECIPE, TUNED, TUNED_EVALUATION, WORLD

MIDTRAIN = Midtrain(parent=PRETRAIN, world=WORLD)


def changed(spec: Spec, **fields: Any) -> Any:
    return spec.model_copy(update=fields)


IN = {
    "training seed": changed(TUNED_EVALUATION, seed=1),
    "a field of the stage": changed(TUNED_EVALUATION, samples=17),
    "a field of the sampling params": changed(TUNED_EVALUATION, sampling=changed(TUNED_EVALUATION.sampling, top_p=0.9)),
    "version of the stage": changed(TUNED_EVALUATION, version=2),
    "kind of the stage": changed(TUNED_EVALUATION, kind="other"),
    "version of the world": changed(TUNED_EVALUATION, world=changed(WORLD, version=9)),
    "a knob of the world": changed(TUNED_EVALUATION, world=changed(WORLD, modulus=7)),
    "seed of the parent": changed(TUNED_EVALUATION, parent=changed(TUNED, seed=1)),
    "version of the parent": changed(TUNED_EVALUATION, parent=changed(TUNED, version=9)),
    "split of the parent": changed(TUNED_EVALUATION, parent=changed(TUNED, split="train")),
    "split of the grandparent": changed(
        TUNED_EVALUATION, parent=changed(TUNED, parent=changed(PRETRAIN, split="held_out"))
    ),
    "a number of the parent's recipe": changed(
        TUNED_EVALUATION, parent=changed(TUNED, recipe=changed(RECIPE, steps=5))
    ),
    "a stage between": changed(TUNED_EVALUATION, parent=changed(TUNED, parent=MIDTRAIN)),
    "the grandparent's world": changed(TUNED_EVALUATION, parent=changed(TUNED, parent=changed(PRETRAIN, world=WORLD))),
    "the grandparent's vocabulary": changed(
        TUNED_EVALUATION, parent=changed(TUNED, parent=changed(PRETRAIN, vocabulary=(WORLD,)))
    ),
}


def test_every_entry_of_the_list_of_what_is_in_makes_another_stage() -> None:
    digests = {what: digest(stage) for what, stage in IN.items()} | {"unchanged": digest(TUNED_EVALUATION)}
    assert len(set(digests.values())) == len(digests), digests


def test_the_name_of_a_recipe_and_the_path_of_questions_are_out(tmp_path: Path) -> None:
    named = changed(TUNED, recipe=changed(RECIPE, label="mine 1"))
    assert digest(named) == digest(TUNED)
    paths = [tmp_path / name for name in ("here.jsonl", "there.jsonl")]
    for path in paths:
        path.write_text(json.dumps({"prompt": "What?", "answer": "42"}) + "\n")
    here, there = (changed(TUNED_EVALUATION, world=Questions(path=str(path))) for path in paths)
    assert here.world.path != there.world.path and digest(here) == digest(there)
    paths[1].write_text(json.dumps({"prompt": "What?", "answer": "43"}) + "\n")
    assert digest(changed(TUNED_EVALUATION, world=Questions(path=str(paths[1])))) != digest(here)


@pytest.mark.parametrize("kind", [Pretrain, Midtrain, RL, Evaluate])
def test_no_stage_has_a_field_for_how_it_is_executed(kind: type[Stage]) -> None:
    execution = {field.name for of in (Context, Execution) for field in dataclasses.fields(of)}
    assert not execution & kind.model_fields.keys()
    assert not issubclass(Context, Spec) and not issubclass(Execution, Spec)


def test_equal_specs_have_one_digest_however_they_were_made() -> None:
    again = Evaluate.parse(json.loads(TUNED_EVALUATION.model_dump_json()))
    assert digest(again) == digest(TUNED_EVALUATION) and again == TUNED_EVALUATION
    assert digest(changed(PRETRAIN, world=changed(EASY))) == digest(PRETRAIN)
