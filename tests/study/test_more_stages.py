"""Stages besides pre-training, RL and evaluation: what they compute, resume, refuse, and what identifies them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from edgewise.core.errors import InputError
from edgewise.core.spec import canonical_json, digest, plain
from edgewise.model.hf import load_pretrained
from edgewise.rl.likelihood import gold_likelihood, likelihood_flops
from edgewise.rl.recipes.registry import named_recipe
from edgewise.rollouts.table import read_rollout_table
from edgewise.study.context import Context
from edgewise.study.recompute import recompute, recorded_stages
from edgewise.study.stages import (
    GOLD,
    MODEL,
    RL,
    ROLLOUTS,
    SFT,
    Average,
    Distill,
    Evaluate,
    Import,
    Midtrain,
    RejectionTune,
    RollOut,
    Stage,
    read_gold_likelihood,
    stage_of_kind,
)
from edgewise.study.store import Store
from edgewise.tasks.base import all_distinct
from edgewise.training.next_token import NextTokenSpec
from tests.model.native.present import needs_kernels
from tests.tiny import BASE_EVALUATION, EASY, PARAMS, PRETRAIN, WORLD, Log, interrupt, results

pytestmark = pytest.mark.usefixtures("in_this_process")


def small(name: str) -> dict[str, Any]:
    """A named recipe at the sizes of a test."""
    fields = plain(named_recipe(name))
    sampling = fields["sampling"] | {"max_new_tokens": 36, "prompts": 4 if fields["sampling"]["samples"] > 1 else 16}
    return fields | {"steps": 4, "sampling": sampling}


OTHER = PRETRAIN.model_copy(update={"seed": 1})
TRAINING = PRETRAIN.training.model_copy(update={"steps": 30})
WHOLE = Midtrain(parent=PRETRAIN, world=EASY, training=TRAINING)
CUT = Midtrain(parent=PRETRAIN, world=EASY, training=TRAINING.model_copy(update={"stop": 12}))
TUNED = SFT(parent=PRETRAIN, world=EASY, recipe=small("sft/small"))
REJECTION = RejectionTune(parent=PRETRAIN, world=EASY, recipe=small("rft/small"))
DISTILLED = Distill(parent=PRETRAIN, world=EASY, recipe=small("distillation/small"), teacher=OTHER)
AVERAGE = Average(models=(PRETRAIN, OTHER), weights=(0.25, 0.75))
SCORED = BASE_EVALUATION.model_copy(update={"gold_likelihood": True})
DRAWN = RollOut(parent=PRETRAIN, world=WORLD, split="test", problems=4, samples=16, sampling=PARAMS)
NEW: tuple[Stage, ...] = (CUT, TUNED, REJECTION, DISTILLED, AVERAGE, DRAWN, SCORED)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    made = Store(tmp_path_factory.mktemp("store"))
    for stage in (PRETRAIN, OTHER, WHOLE, BASE_EVALUATION, *NEW):
        made.compute(stage)
    return made


def weights(store: Store, stage: Stage) -> dict[str, torch.Tensor]:
    return load_pretrained(store.folder(stage) / MODEL)[0].state_dict()


@pytest.mark.parametrize("stage", NEW, ids=lambda stage: stage.kind)
def test_each_is_read_back_from_its_folder(store: Store, stage: Stage) -> None:
    fields = json.loads((store.folder(stage) / "spec.json").read_text())
    assert stage_of_kind(stage.kind).parse(fields) == stage and store.is_complete(stage)


def test_the_cut_is_the_longer_run_where_it_stood(store: Store) -> None:
    assert store.metrics(CUT) == store.metrics(WHOLE)[:12]
    assert "stop" in canonical_json(CUT) and "stop" not in canonical_json(WHOLE), "others keep their digest"
    with pytest.raises(InputError, match="stop must be at most steps, which is 10; is 11"):
        NextTokenSpec.parse({"steps": 10, "stop": 11})


@pytest.mark.parametrize("stage", (CUT, TUNED, REJECTION, DISTILLED), ids=lambda stage: stage.kind)
def test_interrupted_it_goes_on_bit_for_bit(store: Store, tmp_path: Path, stage: Stage) -> None:
    other = Store(tmp_path)
    for parent in (PRETRAIN, OTHER):
        shutil.copytree(store.folder(parent), other.folder(parent))
    interrupt(other, stage, at=2)
    other.compute(stage)
    assert results(other.folder(stage)) == results(store.folder(stage))


@pytest.mark.parametrize("stage", (TUNED, REJECTION, DISTILLED), ids=lambda stage: stage.kind)
def test_it_is_rl_with_that_recipe_under_its_own_name(store: Store, stage: Any) -> None:
    same = RL(parent=PRETRAIN, world=EASY, recipe=stage.recipe, teacher=getattr(stage, "teacher", None))
    other = Store(store.root / "same")
    for parent in same.parents:
        shutil.copytree(store.folder(parent), other.folder(parent), dirs_exist_ok=True)
    other.compute(same)
    own, its = results(store.folder(stage)), results(other.folder(same))
    assert own.pop("spec.json") != its.pop("spec.json") and own == its
    before, after = weights(store, PRETRAIN), weights(store, stage)
    assert any(not torch.equal(before[name], after[name]) for name in before)


@pytest.mark.parametrize("kind", [SFT, RejectionTune, Distill])
def test_a_recipe_of_another_kind_is_refused(kind: type[Stage]) -> None:
    fields = {"parent": PRETRAIN, "world": EASY, "recipe": "dapo/small"} | (
        {"teacher": OTHER} if kind is Distill else {}
    )
    with pytest.raises(InputError, match=r"^stage: recipe: [^\n]*sampling.behavior"):
        kind.parse(fields, "stage")


@pytest.mark.parametrize("kind", [SFT, RejectionTune, Distill, RollOut])
def test_a_parent_without_a_model_is_refused(kind: type[Stage]) -> None:
    with pytest.raises(InputError, match=r"^stage: parent: must be a stage that produces a model; 'evaluate' produces"):
        kind.parse({"parent": BASE_EVALUATION, "world": EASY}, "stage")


def test_the_average_is_that_of_the_weights(store: Store) -> None:
    first, second = weights(store, PRETRAIN), weights(store, OTHER)
    for name, mean in weights(store, AVERAGE).items():
        assert torch.equal(mean, (first[name].double() * 0.25 + second[name].double() * 0.75).float())
    assert AVERAGE.parents == (PRETRAIN, OTHER) and digest(AVERAGE) != digest(Average(models=(PRETRAIN, OTHER)))


def test_an_average_of_what_does_not_fit_is_refused(store: Store) -> None:
    words = PRETRAIN.model_copy(update={"world": WORLD.model_copy(update={"letters": 5})})
    with pytest.raises(InputError, match=r"^models\[1\]: must have the words of models\[0\]"):
        Average(models=(PRETRAIN, words)).check()
    wide = PRETRAIN.model_copy(update={"model": PRETRAIN.model.model_copy(update={"width": 16}), "training": TRAINING})
    store.compute(wide)
    with pytest.raises(InputError, match=r"^models\[1\]: must have the shape of models\[0\]"):
        store.compute(Average(models=(PRETRAIN, wide)))
    for fields, wrong in (
        ({"models": [PRETRAIN, BASE_EVALUATION]}, "models.1: must be a stage that produces a model"),
        ({"models": [PRETRAIN, OTHER], "weights": [1.0]}, "weights: must be 2, one for each of models; are 1"),
        ({"models": [PRETRAIN, OTHER], "weights": [0.5, 0.6]}, "weights: must sum to 1, sum to 1.1"),
    ):
        with pytest.raises(InputError, match=wrong):
            Average.parse(fields)


def test_rollouts_are_those_of_the_same_problems_and_other_samples(store: Store) -> None:
    drawn, judged = (read_rollout_table(store.folder(stage) / ROLLOUTS) for stage in (DRAWN, BASE_EVALUATION))
    assert drawn["prompt_ids"].to_pylist() == judged["prompt_ids"].to_pylist()
    assert drawn["completion_ids"].to_pylist() != judged["completion_ids"].to_pylist()
    assert not (store.folder(DRAWN) / "outcomes.parquet").exists()


def test_gold_likelihood_is_a_table_beside_the_same_rollouts(store: Store) -> None:
    plain_files, files = (results(store.folder(stage)) for stage in (BASE_EVALUATION, SCORED))
    assert files.keys() - plain_files.keys() == {GOLD}
    assert files[ROLLOUTS] == plain_files[ROLLOUTS]
    assert "gold_likelihood" not in canonical_json(BASE_EVALUATION), "evaluations without it keep their digest"

    model, tokenizer = load_pretrained(store.folder(PRETRAIN) / MODEL)
    table = read_gold_likelihood(store.folder(SCORED))
    rollouts = read_rollout_table(store.folder(SCORED) / ROLLOUTS)
    assert table["problem_id"].to_pylist() == list(dict.fromkeys(rollouts["problem_id"].to_pylist()))
    problems = {p.id: p for level in WORLD.levels for p in all_distinct(WORLD.at_level(level), "test", 0, 4).values()}
    for row in table.to_pylist():
        problem = problems[row["problem_id"]]
        (gold,) = gold_likelihood(model, tokenizer, WORLD, [problem])
        assert (row["level"], row["solution"]) == (problem.level, WORLD.solution(problem))
        assert (row["logp"], row["tokens"], row["token_logp"]) == (gold.logp, len(gold.token_logp), [*gold.token_logp])
        assert row["answers"] is row["answer_logp"] is row["total_logp"] is None

    totals = [store.provenance(stage).totals for stage in (BASE_EVALUATION, SCORED)]
    extra = likelihood_flops(model.spec, tokenizer, WORLD, list(problems.values()))
    assert totals[1].flops == totals[0].flops + extra and totals[1].tokens == totals[0].tokens
    with pytest.raises(InputError, match=r"gold_likelihood.parquet: is not there; evaluate with gold_likelihood=True"):
        read_gold_likelihood(store.folder(BASE_EVALUATION))


def test_an_imported_folder_is_a_parent_known_by_its_content(store: Store, tmp_path: Path) -> None:
    for name in ("a", "b"):
        shutil.copytree(store.folder(PRETRAIN) / MODEL, tmp_path / name)
    here, moved = Import(path=str(tmp_path / "a")), Import(path=str(tmp_path / "b"))
    assert digest(here) == digest(moved) and here.words() == PRETRAIN.words()
    evaluation = Evaluate(parent=here, world=WORLD, problems=4, samples=16, sampling=PARAMS)
    evaluation.check()
    for stage in (here, evaluation):
        store.compute(stage)
    own, its = (results(store.folder(stage))[ROLLOUTS] for stage in (BASE_EVALUATION, evaluation))
    assert own == its, "the same model gives the same rollouts"
    weights_file = tmp_path / "b" / "model.safetensors"
    shutil.copy(store.folder(OTHER) / MODEL / "model.safetensors", weights_file)
    assert digest(Import(path=str(tmp_path / "b"))) != digest(here)
    with pytest.raises(InputError, match=r"^content: .*b has changed: its SHA-256 is"):
        moved.check()
    config = tmp_path / "a" / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"model_type": "gpt2"}))
    with pytest.raises(InputError, match=r"config.json: model_type must be qwen2, llama, qwen3; is 'gpt2'"):
        Import(path=str(tmp_path / "a")).check()
    with pytest.raises(InputError, match="path must name a Hugging Face folder"):
        Import.parse({})
    with pytest.raises(InputError, match=r"no/config.json: cannot be read"):
        Import.parse({"path": str(tmp_path / "no")})


@needs_kernels
@pytest.mark.parametrize("stage", NEW, ids=lambda stage: stage.kind)
def test_verify_recomputes_it(store: Store, stage: Stage) -> None:
    equal, said = recompute(recorded_stages(store.folder(stage)), Context(store.root, workers=1), Log())
    assert equal, said
