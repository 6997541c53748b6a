"""Stages beside the plain ones: a teacher, recipes by name, and sampling that sharpens without training."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from edgewise.core.errors import InputError
from edgewise.core.spec import digest, override
from edgewise.rl.recipes.registry import named_recipe
from edgewise.rollouts.table import read_rollout_table
from edgewise.sampling.params import PowerSamplingParams, SamplingParams
from edgewise.study.plan import topological_order
from edgewise.study.stages import RL, ROLLOUTS, Evaluate, Pretrain
from edgewise.study.store import Store
from tests.tiny import BASE_EVALUATION, EASY, PARAMS, PRETRAIN, RECIPE, STUDY, TUNED, WORLD

DISTIL = override(RECIPE, ["sampling.behavior=teacher", "advantage=indicator_correct", "loss.function=reinforce"])
POWER = PowerSamplingParams(max_new_tokens=PARAMS.max_new_tokens, blocks=2, moves=1)


def test_a_student_has_two_parents() -> None:
    student = RL(parent=PRETRAIN, world=EASY, recipe=DISTIL, teacher=TUNED)
    assert student.parents == (PRETRAIN, TUNED)
    assert topological_order([student]) == [PRETRAIN, TUNED, student]
    assert digest(student) != digest(RL(parent=PRETRAIN, world=EASY, recipe=DISTIL, teacher=PRETRAIN))


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [({"recipe": DISTIL}, "must be given"), ({"recipe": RECIPE, "teacher": PRETRAIN}, "must be left out")],
)
def test_a_teacher_is_named_exactly_where_the_recipe_asks(fields: dict[str, object], wrong: str) -> None:
    with pytest.raises(InputError, match=wrong):
        RL.parse({"parent": PRETRAIN, "world": EASY, **fields})


def test_a_stage_takes_a_recipe_by_name_and_stores_it_explicitly() -> None:
    stage = RL.parse({"parent": PRETRAIN, "world": EASY, "recipe": "dapo/small"})
    assert stage.recipe == named_recipe("dapo/small") and stage.recipe.label == "dapo/small 1"
    assert digest(stage) == digest(RL(parent=PRETRAIN, world=EASY, recipe=named_recipe("dapo/small")))


def test_a_student_learns_from_what_its_teacher_writes(tmp_path: Path) -> None:
    store = Store(tmp_path)
    student = RL(parent=PRETRAIN, world=EASY, recipe=DISTIL, teacher=TUNED)
    for stage in topological_order([student]):
        store.compute(stage)
    line = store.metrics(student)[0]
    assert line["drift"] > 0, "the teacher is not the student"
    assert store.metrics(student)[-1]["kl_to_start"] > 0


def test_a_teacher_of_another_tongue_is_refused(tmp_path: Path) -> None:
    other = Pretrain(
        world=WORLD.model_copy(update={"letters": 5}).at_level(1), model=PRETRAIN.model, training=PRETRAIN.training
    )
    student = RL(parent=PRETRAIN, world=EASY, recipe=DISTIL, teacher=other)
    store = Store(tmp_path)
    for stage in topological_order([student])[:-1]:
        store.compute(stage)
    with pytest.raises(InputError, match=r"^teacher: must have the words"):
        store.compute(student)


def test_power_sampling_is_an_arm_without_training(tmp_path: Path) -> None:
    power = Evaluate(parent=PRETRAIN, world=WORLD, problems=4, samples=16, sampling=POWER)
    dataclasses.replace(STUDY, arms={"power": power})
    store = Store(tmp_path)
    for stage in topological_order([BASE_EVALUATION, power]):
        store.compute(stage)
    base, sharp = (read_rollout_table(store.folder(stage) / ROLLOUTS) for stage in (BASE_EVALUATION, power))
    assert base["problem_id"] == sharp["problem_id"]
    # Sharpened: what is drawn is likelier under the model itself.
    assert sum(sharp["logprob"].to_pylist()) > sum(base["logprob"].to_pylist())
    flops = [store.provenance(stage).totals.flops for stage in (BASE_EVALUATION, power)]
    assert flops[1] > 2 * flops[0], "refused draws cost too"


def test_a_power_arm_with_another_token_limit_is_refused() -> None:
    params = PowerSamplingParams(max_new_tokens=PARAMS.max_new_tokens + 1)
    power = BASE_EVALUATION.model_copy(update={"sampling": params})
    with pytest.raises(InputError, match=r"^arm 'power': .* in sampling$"):
        dataclasses.replace(STUDY, arms={"power": power})


def test_a_law_survives_the_file() -> None:
    for sampling in (SamplingParams(), POWER):
        stage = BASE_EVALUATION.model_copy(update={"sampling": sampling})
        assert Evaluate.parse(stage.model_dump()) == stage
