"""`edgewise export`: what stands in the folders, that no number of a recipe is lost, and what is refused."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from edgewise.core.errors import InputError
from edgewise.core.spec import override, plain
from edgewise.interop.plugins.hand_over import HandedOver, problem_at
from edgewise.interop.writers.hand_over import HandedRun, check_recipe, handed_run, problems_of_run
from edgewise.interop.writers.trl import trl_settings, write_trl
from edgewise.interop.writers.verl import write_verl
from edgewise.interop.writers.verl_settings import verl_settings
from edgewise.model.hf import load_pretrained
from edgewise.rl.recipe import Recipe
from edgewise.rl.recipes.registry import RECIPES, named_recipe
from edgewise.study import run as study_run
from edgewise.study.context import Context
from edgewise.study.stages import RL
from edgewise.study.store import Store
from tests import tiny
from tests.cli.running import exit_status, refusal
from tests.study.in_process import compute_in_this_process
from tests.tiny import EASY

# It need not know anything.
PRETRAIN = tiny.PRETRAIN.model_copy(update={"training": tiny.PRETRAIN.training.model_copy(update={"steps": 2})})
TUNED = RL(parent=PRETRAIN, world=EASY, recipe=tiny.RECIPE)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A store with a base and a run of RL."""
    root = tmp_path_factory.mktemp("store")
    with pytest.MonkeyPatch.context() as patch:
        compute_in_this_process(patch)
        study_run.run([TUNED], Context(root=root))
    return Store(root)


def run_with(*settings: str, recipe: Recipe | None = None) -> HandedRun:
    """A run that is not computed, for its settings alone."""
    stage = TUNED if recipe is None else RL(parent=PRETRAIN, world=EASY, recipe=recipe)
    return HandedRun(override(stage, settings), Path("nowhere"), "rl-0")


def test_a_folder_for_verl(store: Store, tmp_path: Path) -> None:
    run = handed_run(store.folder(TUNED))
    exported = write_verl(run, tmp_path / "out", problems=3, samples=8)
    out = exported.folder
    handed = HandedOver(out).run
    assert (handed.recipe, handed.world, handed.split) == (TUNED.recipe, TUNED.world, TUNED.split)
    # The model is that of before RL, and the problems are those of the run here, in their order.
    base, tokenizer = load_pretrained(out / "model")
    assert (
        base.state_dict().keys()
        and (out / "model/model.safetensors").read_bytes()
        == (store.folder(PRETRAIN) / "model/model.safetensors").read_bytes()
    )
    train = pq.read_table(out / "train.parquet").to_pylist()
    expected = [EASY.problem("held_out", handed.seed, index) for index in range(16)]
    assert [row["prompt"] for row in train] == [[{"role": "user", "content": p.prompt}] for p in expected]
    assert [problem_at(handed.world, row["extra_info"]["address"]) for row in train] == expected
    assert train[0].keys() == {"data_source", "prompt", "ability", "reward_model", "extra_info"}
    test = pq.read_table(out / "test.parquet").to_pylist()
    assert len(test) == exported.test == 3 and {row["extra_info"]["split"] for row in test} == {"test"}
    longest = max(len(tokenizer.prompt(row["prompt"][0]["content"])) for row in [*train, *test])
    script = (out / "launch.sh").read_text()
    assert f"data.max_prompt_length={longest}" in script and "adv_estimator=edgewise_recipe" in script
    assert all(line in (out / "README.md").read_text() for line in exported.left) and exported.left


def test_the_problems_are_those_that_the_run_here_asked(store: Store) -> None:
    """Its kept groups name some of them by step."""
    problems = problems_of_run(handed_run(store.folder(TUNED)))
    asked = {problem.prompt for problem in problems}
    (path,) = store.folder(TUNED).glob("*groups*")
    kept = {row["prompt"] for row in _rows(path)}
    assert kept and kept <= asked


def _rows(path: Path) -> list[dict[str, Any]]:
    if path.suffix == ".parquet":
        rows: list[dict[str, Any]] = pq.read_table(path).to_pylist()
        return rows
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_folder_for_trl_from_a_stage_without_rl(store: Store, tmp_path: Path) -> None:
    settings = [
        "recipe=dr-grpo",
        "recipe.steps=3",
        "recipe.optimizer.minibatches=2",
        "recipe.sampling.prompts=4",
        "recipe.sampling.samples=8",
    ]
    run = handed_run(store.folder(PRETRAIN), [*settings, "recipe.sampling.max_new_tokens=30"])
    out = write_trl(run, tmp_path / "out", problems=2, samples=4).folder
    config = json.loads((out / "grpo_config.json").read_text())
    assert (config["num_generations"], config["num_generations_eval"], config["loss_type"]) == (8, 4, "dr_grpo")
    assert HandedOver(out).run.recipe.advantage.kind == "dr_grpo"
    train = pq.read_table(out / "train.parquet").to_pylist()
    assert len(train) == 12 and train[0].keys() == {"prompt", "address"}


@pytest.mark.parametrize("name", sorted(RECIPES))
def test_every_recipe_is_carried_over_or_refused_by_name(name: str) -> None:
    """Nothing is silently dropped: what differs from the default is in a setting or in a line."""
    recipe = named_recipe(name)
    try:
        check_recipe(recipe)
    except InputError as error:
        assert str(error).startswith("recipe.")
        return
    run = run_with(recipe=recipe)
    for settings_of in (partial(verl_settings, samples=4, prompt_tokens=9), partial(trl_settings, samples=4)):
        try:
            carried = settings_of(run)
        except InputError as error:
            assert str(error).startswith(("advantage:", "recipe."))
            continue
        assert carried.settings and all(": " in line and "\n" not in line for line in carried.left)


# A field of the recipe -> what names it: a setting of verl or a line; the same of TRL.
CHANGES = {
    "sampling.prompts=8": ("data.train_batch_size", "per_device_train_batch_size"),
    "sampling.samples=4": ("actor_rollout_ref.rollout.n", "num_generations"),
    "sampling.max_new_tokens=31": ("data.max_response_length", "max_completion_length"),
    "sampling.temperature=0.7": ("actor_rollout_ref.rollout.temperature", "temperature"),
    "sampling.behavior.staleness=2": ("sampling.behavior", "sampling.behavior"),
    "sampling.curriculum=targeted": ("sampling.curriculum", "sampling.curriculum"),
    "sampling.filters.drop_zero_variance=true": ("algorithm.filter_groups.enable", "sampling.filters"),
    "sampling.filters.zero_success_gate=4": ("sampling.filters.zero_success_gate",) * 2,
    "sampling.hints=gold_prefix": ("sampling.hints", "sampling.hints"),
    "loss.function=dual_clip": ("actor_rollout_ref.actor.clip_ratio_c", "delta"),
    "loss.function=cispo": ("actor_rollout_ref.actor.policy_loss.loss_mode", "loss_type"),
    "loss.function=gspo": ("actor_rollout_ref.actor.policy_loss.loss_mode", "importance_sampling_level"),
    "loss.normalization=prompt-mean-token-mean": ("loss.normalization", "loss.normalization"),
    "loss.normalization=seq-mean-token-mean": ("actor_rollout_ref.actor.loss_agg_mode", "loss_type"),
    'loss.correction={"kind":"truncated","cap":3}': (
        "algorithm.rollout_correction.rollout_is_threshold",
        "loss.correction",
    ),
    "loss.correction=masked": ("loss.correction", "loss.correction"),
    "loss.kl.coefficient=0.1": ("actor_rollout_ref.actor.kl_loss_coef", "beta"),
    "loss.entropy_bonus=0.01": ("actor_rollout_ref.actor.entropy_coeff", "entropy_coef"),
    "optimizer.learning_rate=0.5": ("actor_rollout_ref.actor.optim.lr", "learning_rate"),
    "optimizer.schedule=cosine": ("actor_rollout_ref.actor.optim.min_lr_ratio", "lr_scheduler_kwargs"),
    "optimizer.beta_2=0.9": ("actor_rollout_ref.actor.optim.betas", "adam_beta2"),
    "optimizer.epsilon=0.1": ("actor_rollout_ref.actor.optim.override_optimizer_config", "adam_epsilon"),
    "optimizer.weight_decay=0.3": ("actor_rollout_ref.actor.optim.weight_decay", "weight_decay"),
    "optimizer.clip=0.3": ("actor_rollout_ref.actor.optim.clip_grad", "max_grad_norm"),
    "optimizer.minibatches=2": ("actor_rollout_ref.actor.ppo_mini_batch_size", "steps_per_generation"),
    "optimizer.epochs=2": ("actor_rollout_ref.actor.ppo_epochs", "num_iterations"),
    "precision=bf16": ("actor_rollout_ref.rollout.dtype", "bf16"),
    "steps=7": ("trainer.total_training_steps", "max_steps"),
    "stop_at_kl=0.1": ("stop_at_kl", "stop_at_kl"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_number_of_a_recipe_reaches_a_setting_or_a_line(change: str) -> None:
    before, after = run_with(), run_with(f"recipe.{change}")
    assert plain(before.recipe) != plain(after.recipe)
    of_verl = (verl_settings(run, samples=4, prompt_tokens=9) for run in (before, after))
    of_trl = (trl_settings(run, samples=4) for run in (before, after))
    for (old, new), name in zip((of_verl, of_trl), CHANGES[change], strict=True):
        changed = {key for key in new.settings if new.settings[key] != old.settings.get(key)}
        lines = [line for line in new.left if line not in old.left]
        assert name in changed or any(line.startswith(name) for line in lines), (changed, lines)


REFUSED = {
    "recipe.sampling.behavior=start": "recipe.sampling.behavior: is start",
    "recipe.reward.function=majority": "majority compares the samples of a group",
    "recipe.reward.function=random": "random is drawn by the number of the sample",
    "recipe.reward.function=noisy": "noisy tosses a coin",
    "recipe.advantage=remax": "advantage: remax needs the reward of a greedy completion",
    "recipe.loss.function=natural_gradient": "has no natural_gradient",
    "recipe.sampling.max_new_tokens=4000": "positions",
    "recipe.stepz=3": "stepz",
}


@pytest.mark.parametrize("setting", REFUSED)
@pytest.mark.parametrize("tool", ["verl", "trl"])
def test_what_cannot_be_handed_over_is_refused_in_one_line(
    tool: str, setting: str, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    words = ("export", tool, str(store.folder(TUNED)), setting, "--out", str(tmp_path / "out"))
    assert REFUSED[setting] in refusal(monkeypatch, capsys, *words)
    assert not (tmp_path / "out").exists()


def test_what_is_no_run_is_refused_in_one_line(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    out = ("--out", str(tmp_path / "out"))
    assert "holds no finished stage" in refusal(monkeypatch, capsys, "export", "trl", str(tmp_path), *out)
    assert "is a store of 2 stages" in refusal(monkeypatch, capsys, "export", "trl", str(store.root), *out)
    folder = str(store.folder(TUNED))
    assert "--arm: " in refusal(monkeypatch, capsys, "export", "trl", folder, "--arm", "x", *out)
    (tmp_path / "out").mkdir()
    (tmp_path / "out/notes.txt").write_text("mine")
    assert "is there already" in refusal(monkeypatch, capsys, "export", "trl", folder, *out)
    assert (tmp_path / "out/notes.txt").read_text() == "mine"


def test_the_command_says_what_it_wrote(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    words = ("export", "verl", str(store.folder(TUNED)), "--problems", "2", "--out", str(tmp_path / "out"), "--json")
    assert exit_status(monkeypatch, *words) == 0
    printed = json.loads(capsys.readouterr().out)
    assert (printed["train"], printed["test"]) == (16, 2) and printed["not_carried_over"]


@pytest.mark.parametrize("tool", ["verl", "trl"])
def test_a_script_without_its_tool_says_what_to_install(tool: str, store: Store, tmp_path: Path) -> None:
    write = write_verl if tool == "verl" else write_trl
    out = write(handed_run(store.folder(TUNED)), tmp_path / "with a space", problems=2, samples=4).folder
    # A Python that finds no module of others; it must not call itself.
    python = sys.executable
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/python3").write_text(f'#!/bin/sh\nexec "{python}" -S -I "$@"\n')
    (tmp_path / "bin/python3").chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}/bin:{os.environ['PATH']}"}
    done = subprocess.run([str(out / "launch.sh")], capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 2
    assert done.stderr == f"error: {tool}: not installed; pip install 'edgewise[{tool}]'\n"
