"""Mid-training: a parent's model goes on learning, on other problems, with a schedule of its own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from edgewise.core.spec import digest
from edgewise.model.hf import load_pretrained
from edgewise.study.stages import MODEL, RL, Evaluate, Midtrain, Stage
from edgewise.study.store import Store
from edgewise.training.next_token import NextTokenSpec, train_next_token
from edgewise.training.optimizer import OptimizerSpec
from edgewise.training.run_folder import RunFolder
from tests.tiny import EASY, PARAMS, PRETRAIN, RECIPE, WORLD, identity, interrupt, results

MIDTRAIN = Midtrain(
    parent=PRETRAIN,
    world=WORLD.at_level(2),
    training=NextTokenSpec(steps=40, documents=16, row_length=96, optimizer=OptimizerSpec(learning_rate=1e-2)),
)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    made = Store(tmp_path_factory.mktemp("store"))
    for stage in (PRETRAIN, MIDTRAIN):
        made.compute(stage)
    return made


def test_it_learns_the_new_world_with_the_words_of_the_parent(store: Store) -> None:
    losses = [line["loss"] for line in store.metrics(MIDTRAIN)]
    assert sum(losses[-5:]) / 5 < 0.8 * losses[0]
    parent, tuned = (load_pretrained(store.folder(stage) / "model") for stage in (PRETRAIN, MIDTRAIN))
    assert parent[1] == tuned[1], "the words and their ids are those of the parent"
    assert any(not torch.equal(a, b) for a, b in zip(parent[0].parameters(), tuned[0].parameters(), strict=True))
    assert store.provenance(MIDTRAIN).parents == (store.folder(PRETRAIN).name,)


def test_its_spec_is_read_back_and_names_its_folder(store: Store) -> None:
    folder = store.folder(MIDTRAIN)
    parsed = Midtrain.parse(json.loads((folder / "spec.json").read_text()))
    assert parsed == MIDTRAIN and folder.name == f"midtrain-{digest(parsed)}"


def test_interrupted_it_goes_on_bit_for_bit(store: Store, tmp_path: Path) -> None:
    other = Store(tmp_path)
    other.compute(PRETRAIN)
    interrupt(other, MIDTRAIN, at=17)
    other.compute(MIDTRAIN)
    assert results(other.folder(MIDTRAIN)) == results(store.folder(MIDTRAIN))


def test_on_the_parents_world_it_starts_where_the_parent_ended_and_sees_other_problems(store: Store) -> None:
    same = Midtrain(parent=PRETRAIN, world=EASY, training=PRETRAIN.training.model_copy(update={"steps": 1}))
    other_seed = same.model_copy(update={"seed": 1})
    for stage in (same, other_seed):
        store.compute(stage)
    first, again = store.metrics(same)[0]["loss"], store.metrics(other_seed)[0]["loss"]
    assert first < 0.5 * store.metrics(PRETRAIN)[0]["loss"], "the parent's weights are where it starts"
    assert first != again, "another seed sees other problems"
    model, tokenizer = load_pretrained(store.folder(PRETRAIN) / MODEL)
    folder = RunFolder(store.root / "parents")
    train_next_token(model, tokenizer, EASY, same.training, PRETRAIN.seed, folder)
    parents = json.loads((folder.path / "metrics.jsonl").read_text())["loss"]
    assert first != parents, "the problems are not those that the parent has seen"


def test_rl_and_evaluation_follow_it(store: Store) -> None:
    tuned = RL(parent=MIDTRAIN, world=EASY, recipe=RECIPE.model_copy(update={"steps": 1}))
    evaluation = Evaluate(parent=tuned, world=EASY, problems=2, samples=2, sampling=PARAMS)
    stages: tuple[Stage, ...] = (tuned, evaluation)
    before = identity(store.folder(MIDTRAIN))
    for stage in stages:
        store.compute(stage)
    assert all(store.is_complete(stage) for stage in stages) and identity(store.folder(MIDTRAIN)) == before
